"""What holds for any VAE of images on any server: TFVAE_SERVER_URL, with TFVAE_SERVER_MODEL, names a running one."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tfvae.serving.client import Client, ClientError

OWN_SERVER = os.environ.get("TFVAE_SERVER_URL")
OWN_MODEL = os.environ.get("TFVAE_SERVER_MODEL", "digits")
ROUNDING = {"rtol": 1e-4, "atol": 1e-5}  # float32, summed in another order in a batch of another size


@pytest.fixture(params=["own"] if OWN_SERVER else ["rest", "grpc"])
def client(request):
    if request.param == "own":
        address = OWN_SERVER, OWN_MODEL
    else:
        address = getattr(request.getfixturevalue("server"), request.param), "images"
    with Client(*address) as client:
        yield client


@pytest.fixture
def x(client):
    shape = client.signatures["encode"].inputs["images"].shape[1:]
    return np.random.default_rng(0).random((5, *shape)).astype("float32")


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name], **ROUNDING)


def test_reconstructions_are_decoded_codes(client, x):
    decoded = client.decode(client.encode(x)["z_mean"])["images"]
    np.testing.assert_allclose(client.reconstruct(x)["reconstructions"], decoded, **ROUNDING)


def test_samples_are_decoded_draws_from_the_prior(client):
    drawn = client.sample(4, seed=3)
    np.testing.assert_allclose(drawn["images"], client.decode(drawn["z"])["images"], **ROUNDING)


def test_the_negative_elbo_is_distortion_plus_rate(client, x):
    scores = client.score(x, seed=2)
    np.testing.assert_allclose(scores["negative_elbo"], scores["distortion"] + scores["rate"], rtol=1e-5)  # rounding


def test_a_seed_gives_the_same_sample_wherever_it_stands(client):
    all_of_them = client.sample(5, seed=10)
    assert_same(client.sample(1, seed=13), {name: values[3:4] for name, values in all_of_them.items()})
    assert np.abs(all_of_them["z"][0] - all_of_them["z"][1]).max() > 0.01


def test_the_size_of_requests_changes_nothing(client, x):
    in_one = client.score(x, seed=4), client.sample(5, seed=4), client.encode_sample(x, seed=4)
    client._batches.batch_size = 2
    for one, cut in zip(in_one, (client.score(x, 4), client.sample(5, 4), client.encode_sample(x, 4)), strict=True):
        assert_same(one, cut)


def test_no_rows_have_an_answer_of_no_rows(client, x):
    assert client.sample(0)["images"].shape == (0, *x.shape[1:])
    assert client.reconstruct(x[:0])["reconstructions"].shape == (0, *x.shape[1:])


def test_threads_share_a_client(client):
    alone = [client.sample(3, seed=seed)["images"] for seed in range(24)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda seed: client.sample(3, seed=seed)["images"], range(24)))
    np.testing.assert_allclose(together, alone, **ROUNDING)


def test_pixels_beyond_one_are_refused_by_the_model_in_its_words(client, x):
    with pytest.raises(ClientError, match="must be finite numbers from 0 to 1") as caught:
        client.encode(x + 1)
    assert caught.value.code == "INVALID_ARGUMENT"


def test_numbers_that_json_lacks_reach_the_model(client, x):
    x[0, 0, 0, 0] = np.nan
    with pytest.raises(ClientError, match="must be finite numbers from 0 to 1"):
        client.encode(x)


def test_the_answer_to_an_unknown_model_is_the_one_of_tensorflow_serving(client):
    url = client._batches.transport.url
    with Client(url, "no such/model") as other, pytest.raises(ClientError, match="no such/model") as caught:
        other.sample(1)
    assert caught.value.code == "NOT_FOUND"
    assert caught.value.details == "Servable not found for request: Latest(no such/model)"
