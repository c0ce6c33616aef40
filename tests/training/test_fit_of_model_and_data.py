"""A model that the data cannot feed is refused by the command before any work: exit code 2, or 4, and one sentence."""

import json

import numpy as np
import pytest

from tfvae.cli import main

MLP = {"name": "MLP", "hidden_sizes": [8]}
CONDITIONED = {"name": "Conditioned", "network": MLP}
M2 = {
    "name": "SemiSupervisedVAE",
    "encoder": MLP,
    "posterior": {"name": "DiagonalNormal", "latent_size": 2},
    "prior": {"name": "StandardNormal"},
    "decoder": {**CONDITIONED, "condition_size": 3},
    "likelihood": {"name": "Bernoulli"},
    "classifier": MLP,
    "num_classes": 3,
}
ONE_EPOCH = {"training.epochs": 1, "data.num_examples": 60}


@pytest.fixture
def command(tree, tmp_path, capsys):
    """Calls `tfvae train` in this process: exit code, and the last sentence on standard error."""

    def train(changes):
        path = tmp_path / "my.json"
        path.write_text(json.dumps(tree({**ONE_EPOCH, **changes})))
        code = main(["train", str(path), "--output", str(tmp_path / "out")])
        return code, capsys.readouterr().err.rpartition("tfvae: error: ")[2].strip()

    return train


@pytest.fixture
def csv(tmp_path):
    """A CSV file of three columns, the last of them a class."""
    rows = [f"{i / 7},{i % 2},{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["age,vip,kind", *rows]))
    return {"data.name": str(tmp_path / "table.csv"), "data.binarize": "none", "data.num_examples": None}


def nothing_was_made(tmp_path):
    return not (tmp_path / "out" / "checkpoint.npz").exists() and not (tmp_path / "out" / "training.json").exists()


def test_a_conditional_model_needs_the_condition_of_the_data(command, tmp_path):
    code, sentence = command({"model.encoder": {**CONDITIONED, "condition_size": 3}})
    expected = "The model asks for a condition of 3 classes, and the data gives none: set `data.conditional`."
    assert (code, sentence) == (2, expected) and nothing_was_made(tmp_path)


def test_a_conditional_model_of_a_size_that_nobody_told_lacks_it(command):
    code, sentence = command({"model.encoder": CONDITIONED})
    assert code == 2 and sentence.startswith("[model.encoder] (Conditioned) lacks `condition_size`.")


def test_data_with_condition_needs_a_model_that_asks_for_it(command, tmp_path):
    expected = "The model asks for no condition, and the data has 3 classes."
    assert command({"data.conditional": True}) == (2, expected) and nothing_was_made(tmp_path)


def test_a_condition_of_another_size_than_the_classes_is_refused(command):
    code, sentence = command({"data.conditional": True, "model.encoder": {**CONDITIONED, "condition_size": 4}})
    expected = "The model asks for a condition of 4 classes, and the data has 3 classes."
    assert (code, sentence) == (2, expected)


def test_two_conditions_of_different_sizes_are_refused(command):
    parts = {
        "model.encoder": {**CONDITIONED, "condition_size": 3},
        "model.decoder": {**CONDITIONED, "condition_size": 4},
    }
    code, sentence = command({"data.conditional": True, **parts})
    expected = (
        "[model] does not fit data of shape [8, 8, 1]: Encoder, decoder and prior must depend on a condition of "
        "one size, or on none. Received: condition_size=[3, 4, None]"
    )
    assert (code, sentence) == (2, expected)


def test_data_without_classes_has_no_condition(command, tmp_path):
    np.savez(tmp_path / "plain.npz", x=np.zeros((60, 4, 4), "uint8"))
    changes = {"data.name": str(tmp_path / "plain.npz"), "data.conditional": True, "model.encoder": CONDITIONED}
    code, sentence = command(changes)
    assert code == 4 and sentence.startswith("`conditional` needs classes, and this data has none")


@pytest.mark.parametrize("told", [{}, {"condition_size": 3}], ids=["offered", "stated once"])
def test_a_conditional_model_of_conditional_data_trains(told, command):
    parts = {"model.encoder": {**CONDITIONED, **told}, "model.prior": {"name": "ConditionalNormal"}}
    assert command({"data.conditional": True, **parts})[0] == 0


def test_semi_supervised_model_needs_the_number_of_classes_of_the_data(command, tmp_path):
    model = {**M2, "num_classes": 4, "decoder": {**CONDITIONED, "condition_size": 4}}
    assert command({"model": model}) == (2, "The model has 4 classes, the data 3.") and nothing_was_made(tmp_path)


def test_semi_supervised_model_trains_with_few_labels(command):
    assert command({"model": M2, "data.num_labels": 6})[0] == 0


def test_more_labels_than_examples_is_refused(command):
    code, sentence = command({"model": M2, "data.num_labels": 600})
    assert code == 4 and sentence == "`num_labels` is 600, and there are 43 training examples with a label."


def test_images_have_no_columns(command, tmp_path):
    code, sentence = command({"model.likelihood": {"name": "Table"}, "data.binarize": "none"})
    assert code == 2 and "`columns` must describe every column" in sentence and "\n" not in sentence
    assert nothing_was_made(tmp_path)


def test_a_table_is_no_image(command, csv, tmp_path):
    code, sentence = command(csv)
    expected = "`Bernoulli` is a likelihood of images, and the data is a table: take `Table`."
    assert (code, sentence) == (2, expected) and nothing_was_made(tmp_path)


def test_pixels_of_a_table_are_not_drawn(command, csv):
    code, sentence = command({**csv, "data.binarize": "dynamic"})
    assert code == 2 and sentence.startswith("[data]: `binarize` draws pixels, and ")


def test_a_table_with_the_parts_for_it_trains(command, csv):
    encoder = {"name": "TableFeatures", "network": MLP}
    assert command({**csv, "model.encoder": encoder, "model.likelihood": {"name": "Table"}})[0] == 0


@pytest.mark.parametrize("row", [3, 29, 28], ids=["training", "validation", "test"])  # where the row goes
def test_gaps_that_the_encoder_cannot_take_are_refused_wherever_they_are(row, command, csv, tmp_path):
    lines = (tmp_path / "table.csv").read_text().splitlines()
    lines[1 + row] = lines[1 + row].rpartition(",")[0] + ","
    (tmp_path / "table.csv").write_text("\n".join(lines))
    expected = "The data has missing values, and the encoder cannot take them: take `TableFeatures`."
    code, sentence = command({**csv, "model.likelihood": {"name": "Table"}})
    assert (code, sentence) == (2, expected) and nothing_was_made(tmp_path)


def test_a_table_without_gaps_needs_no_such_encoder(command, csv):
    assert command({**csv, "model.likelihood": {"name": "Table"}})[0] == 0


def test_too_few_examples_to_begin_from_is_refused(command, tmp_path):
    code, sentence = command({"model.prior": {"name": "VampPrior", "num_components": 50}})
    expected = "The model begins from 50 examples, and there are 43 to train on."
    assert (code, sentence) == (2, expected) and nothing_was_made(tmp_path)


def test_parts_that_cannot_go_together_are_refused_as_a_configuration(command, tmp_path):
    code, sentence = command({"model.posterior": {"name": "Deterministic", "latent_size": 2}})
    expected = "[model] (VAE): `ELBO` needs a posterior with a density, and `Deterministic` has none."
    assert (code, sentence) == (2, expected) and not (tmp_path / "out" / "experiment.json").exists()


def test_a_factor_of_the_wrong_role_is_refused_as_a_configuration(command):
    prior = {"name": "Product", "priors": [{"name": "StandardNormal"}, {"name": "UniformCategorical"}]}
    code, sentence = command({"model.prior": prior})
    assert code == 2 and sentence.endswith("they must agree.") and "\n" not in sentence


def test_conditional_model_with_a_prior_of_examples_is_refused(command):
    parts = {"model.encoder": CONDITIONED, "model.prior": {"name": "VampPrior", "num_components": 5}}
    code, sentence = command({"data.conditional": True, **parts})
    expected = "[model] (VAE): `VampPrior` encodes examples without a condition, and the encoder needs one."
    assert (code, sentence) == (2, expected)
