"""What an evaluation can be asked for: each measure on a small model, and a sentence where it does not apply."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfvae import settings
from tfvae.evaluation.classifier import classifier_extractor, train_classifier
from tfvae.evaluation.importance_sampling import no_progress
from tfvae.evaluation.measures import MEASURES, First, Subject, measure_all
from tfvae.objectives import Reconstruction
from tfvae.posteriors import Deterministic

SHAPE = (8, 8, 1)
OPTIONS = SimpleNamespace(num_samples=5, num_examples=None, num_annealed=4, num_prior_samples=100)


def labelled(binary, number, **more):
    x = binary(number, SHAPE, seed=number)
    columns = {"x": x, "index": np.arange(number), "label": np.arange(number) % 2, **more}
    return tf.data.Dataset.from_tensor_slices(columns).batch(32)


@pytest.fixture
def subject(make_vae, binary):
    """Makes a `Subject` of a small VAE, or of the model given, and of images with two classes."""

    def make(model=None, held_out_class=None, factors=False, **options):
        known = {"factors": np.stack([np.arange(100) % 2, np.arange(100) % 5], axis=1)} if factors else {}
        train, test = labelled(binary, 120), labelled(binary, 100, **known)
        extractor = lambda: classifier_extractor(train_classifier(train, test, num_steps=5).model)  # noqa: E731
        options = SimpleNamespace(**{**vars(OPTIONS), **options})
        names = ("parity", "fifth") if factors else ()
        facts = (held_out_class, names, 0, no_progress)
        return Subject(model or make_vae(SHAPE), train, test, lambda: test, options, extractor, *facts)

    return make


def test_the_names_are_those_of_the_settings():
    assert list(MEASURES) == list(settings.MEASURES)


@pytest.mark.slow
def test_all_measures_give_numbers_with_units(subject):
    found = measure_all(subject(held_out_class=1, factors=True), list(MEASURES))
    assert found["left_out"] == {}
    expected = {"mutual_information", "code_use", "probe_accuracy", "anomaly_auroc", "mig", "denoising_psnr"}
    expected |= {"precision", "amortization_gap", "bidirectional_gap"}
    assert expected <= set(found["metrics"])
    assert json.dumps(found, allow_nan=False)
    assert all(metric["unit"] for metric in found["metrics"].values())


def test_nothing_is_measured_that_is_not_asked_for(subject):
    assert "code_use" in measure_all(subject(), ["use"])["metrics"]
    assert "code_use" not in measure_all(subject(), [])["metrics"]


def test_what_does_not_apply_is_left_out_with_a_sentence(subject):
    left_out = measure_all(subject(), ["anomalies", "factors"])["left_out"]
    assert left_out == {
        "anomalies": "No class was held out: set `data.held_out_class` and train.",
        "factors": "The data knows no factors.",
    }


def test_an_autoencoder_leaves_out_what_needs_densities(subject, make_vae):
    model = make_vae(SHAPE, posterior=Deterministic(2), prior=None, objective=Reconstruction())
    found = measure_all(subject(model), list(MEASURES))
    assert set(found["left_out"]) == {"aggregate", "anomalies", "factors", "samples", "gaps", "annealing"}
    assert {"code_use", "probe_accuracy", "imputation_psnr"} <= set(found["metrics"])


def test_the_verdict_heeds_what_was_measured(subject, make_vae):
    model = make_vae(SHAPE)
    first = model.decoder.trainable_weights[0]
    first.assign(np.zeros(first.shape))  # the decoder ignores z, and the untrained encoder has a rate
    assert measure_all(subject(model), ["use"])["collapsed"]
    assert not measure_all(subject(model), [])["collapsed"]


def test_the_first_examples_come_in_whole_batches_as_often_as_they_are_read(binary):
    few = First(labelled(binary, 100), 40)
    assert [len(batch["x"]) for batch in few] == [len(batch["x"]) for batch in few] == [32, 32]
