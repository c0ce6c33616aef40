"""A table through the main job as a user runs it: a CSV with gaps and a TOML in, a served model and a page out."""

import json

import numpy as np
import pandas as pd
import pytest

from tfvae import cli, jobs
from tfvae.experiment import load_model
from tfvae.serving import validate
from tfvae.serving.standalone.served_model import ServedModel

pytestmark = pytest.mark.slow  # half a minute of a job that all of it shares
CONFIG = """
seed = 1
[data]
name = "{data}"
label = "label"
batch_size = 50
schema = {{ size = ["S", "M", "L"], id = "ignore" }}
[training]
epochs = 15
learning_rate = 0.01
[evaluation]
num_samples = 20
[model]
name = "VAE"
encoder = {{ name = "TableFeatures", network = {{ name = "MLP", hidden_sizes = [16] }} }}
posterior = {{ name = "DiagonalNormal", latent_size = 2 }}
prior = {{ name = "StandardNormal" }}
decoder = {{ name = "MLP", hidden_sizes = [16] }}
likelihood = {{ name = "Table" }}
objective = {{ name = "ELBO" }}
[gate]
negative_elbo = {{ at_most = 100.0 }}
"""
SERVED = {"height", "member", "size", "score"}  # of the columns, without label and what is ignored
SIZES = [b"S", b"M", b"L"]


def people(n=400):
    """Columns of each type that follow one hidden variable."""
    rng = np.random.default_rng(0)
    u = rng.normal(size=n)
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "height": 170 + 10 * u + rng.normal(size=n),
            "member": (u + 0.3 * rng.normal(size=n) > 0).astype(int),
            "size": np.array(["S", "M", "L"])[np.digitize(u, [-0.5, 0.5])],
            "score": 3 * u + 0.3 * rng.normal(size=n),
            "label": np.where(u > 0, "high", "low"),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the main job has run once."""
    folder = tmp_path_factory.mktemp("table")
    whole = people()
    gaps = np.random.default_rng(1).random(whole.shape) < 0.15
    gaps[:, [0, -1]] = False
    whole.mask(gaps).to_csv(folder / "people.csv", index=False)
    (folder / "people.toml").write_text(CONFIG.format(data=folder / "people.csv"))
    assert run(folder) == 0
    return folder


def run(folder, *more, output="run"):
    try:
        models = str(folder / f"models-{output}")
        return cli.main(
            ["run", str(folder / "people.toml"), "--output", str(folder / output), "--saved-models", models, *more]
        )
    finally:
        jobs.log.handlers.clear()  # they hold the captured streams of one test


@pytest.fixture(scope="module")
def server(folder):
    return ServedModel(folder / "models-run" / "1")


def rows(n=3):
    return {
        "height": np.array([180.0, np.nan, 155.0], "float32")[:n],
        "member": np.array([1.0, np.nan, 0.0], "float32")[:n],
        "size": np.array([b"", b"M", b"S"], object)[:n],
        "score": np.array([np.nan, 0.0, -4.0], "float32")[:n],
    }


def test_the_job_leaves_model_figures_page_and_version(folder):
    made = ["run/model.keras", "run/metrics.json", "run/report.html", "models-run/1/saved_model.pb"]
    assert all((folder / path).exists() for path in made)


def test_a_second_run_has_nothing_to_do(folder, capsys):
    assert run(folder) == 0
    output = capsys.readouterr().out
    assert output.count("skipped") == 6 and "people.csv" in output


def test_training_was_of_use(folder):
    lines = (folder / "run" / "history.jsonl").read_text().splitlines()
    losses = [json.loads(line)["validation"]["negative_elbo"] for line in lines]
    assert losses[-1] < losses[0] - 0.5


def test_figures_are_those_of_a_table(folder):
    metrics = json.loads((folder / "run" / "metrics.json").read_text())["metrics"]
    assert {"negative_log_likelihood", "negative_elbo", "active_units"} <= set(metrics)
    assert not {"bits_per_dimension", "reconstruction_mse"} & set(metrics)


def test_the_page_speaks_of_rows_and_shows_no_images(folder):
    pictures = {path.stem for path in (folder / "run" / "figures").glob("*.png")}
    assert pictures == {"learning_curves", "latent_map", "rates"}
    page = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "288 rows" in page and "80 test rows" in page


def test_columns_are_those_of_the_file_with_statistics_of_the_training_examples(folder):
    columns = {column["name"]: column for column in load_model(folder / "run").likelihood.columns}
    assert {name: column["type"] for name, column in columns.items()} == {
        "height": "real", "member": "binary", "size": "categorical", "score": "real",
    }  # fmt: skip
    assert columns["size"]["categories"] == ["S", "M", "L"]
    # 4 standard errors of the mean and standard deviation of some 245 numbers.
    assert abs(columns["height"]["mean"] - 170) < 2.6 and abs(columns["height"]["stddev"] - 10) < 2
    described = json.loads((folder / "run" / "data.json").read_text())
    assert described["columns"] == list(columns.values()) and described["class_names"] == ["high", "low"]


def test_the_export_passes_the_gate_and_says_what_its_columns_are(folder):
    assert "reconstruct" in validate(folder / "run" / "export")["signatures"]
    facts = json.loads((folder / "run" / "export" / "assets.extra" / "tfvae_manifest.json").read_text())
    assert {column["served_name"] for column in facts["columns"]} == SERVED and facts["left_out"] == {}


def test_clients_send_and_receive_columns(server):
    signature = server.signatures["reconstruct"]
    assert set(signature.inputs) == set(signature.outputs) == SERVED
    assert set(server.signatures["sample"].outputs) == {*SERVED, "z"}


def test_reconstruct_imputes_from_the_other_columns_and_leaves_what_was_observed(server):
    found = server.call("reconstruct", rows())
    assert found["height"][[0, 2]].tolist() == [180.0, 155.0] and found["member"][[0, 2]].tolist() == [1, 0]
    assert found["size"][1:].tolist() == [b"M", b"S"] and found["score"][1:].tolist() == [0.0, -4.0]
    # One hidden variable: tall people are large and score high, small ones are not.
    assert found["size"][0] == b"L" and found["score"][0] > 0 and 160 < found["height"][1] < 180


def test_samples_are_rows_of_the_table(server, folder):
    found = server.call("sample", {"seed": np.arange(300)})
    assert [found[name].dtype.name for name in ("height", "member", "size", "score")] == [
        "float32", "int64", "object", "float32",
    ]  # fmt: skip
    assert set(found["size"]) == set(SIZES) and set(found["member"]) == {0, 1}
    # 15 epochs on 288 rows: the columns follow each other, if not as closely as in the table.
    assert np.corrcoef(found["height"], found["score"])[0, 1] > 0.5
    assert found["height"][found["size"] == b"L"].mean() > found["height"][found["size"] == b"S"].mean() + 5


def test_samples_differ_by_seed_and_are_the_same_for_the_same(server):
    one, again, other = (server.call("sample", {"seed": np.array(seed)}) for seed in ([1, 2], [1, 2], [3, 1]))
    for name in ("height", "score"):
        np.testing.assert_array_equal(one[name], again[name])
        assert one[name][0] != one[name][1] != other[name][0]
        np.testing.assert_allclose(other[name][1], one[name][0], rtol=1e-5)  # the same seed in another place


def test_stated_columns_win_over_those_of_the_data(folder, capsys):
    stated = "model.likelihood.columns=[{name='height', type='binary'}]"
    assert run(folder, "--set", stated, output="stated") == 2
    assert "1 columns for event_shape=(4,)" in capsys.readouterr().err
