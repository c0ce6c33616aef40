"""The study of traversal: rows that move one dimension, in the order of the rates, and dead ones that stand still."""

from pathlib import Path

import numpy as np
import pytest

from tfvae import jobs
from tfvae.data import open_splits
from tfvae.errors import ConfigError
from tfvae.experiment import build_model, load_experiment
from tfvae.report.figures.animation import tiles
from tfvae.studies import traversal, walks
from tfvae.studies.workbench import Run, Workbench

DEFAULT = Path(traversal.__file__).with_name("digits.toml")
NETWORK = "{name='MLP', hidden_sizes=[16]}"
SMALL = {"num_images": 3, "steps": 5, "num_frames": 8}
PARTS = f"encoder={NETWORK}, decoder={NETWORK}, posterior={{name='Deterministic', latent_size=3}}"
AUTOENCODER = f"model={{name='VAE', {PARTS}, likelihood={{name='Normal'}}, objective={{name='Reconstruction'}}}}"


class Untrained(Workbench):
    """A workbench whose base run is a model before training, in which dimension 1 does nothing."""

    def base(self):
        splits = open_splits(self.experiment.data)
        model = build_model(self.experiment, splits.train)
        decoder = model.decoders[0] if "decoders" in model.PARTS else model.decoder
        kernel = next(weight for weight in decoder.weights if len(weight.shape) == 2)
        kernel.assign(np.where(np.arange(kernel.shape[0])[:, np.newaxis] == 1, 0, kernel.numpy()))
        return Run("base", self.directory, self.experiment, model, splits, [])


def study(directory, *overrides, **options):
    bench = Untrained(load_experiment(DEFAULT, overrides), directory, None)
    return traversal.run(bench, **{**SMALL, **options})


def section(findings, name):
    return next(section for section in findings.sections if section.name == name)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    return study(tmp_path_factory.mktemp("study"), "model.posterior.latent_size=4")


def test_a_walk_moves_one_dimension_alone():
    codes = np.random.default_rng(0).standard_normal((2, 4))
    z = walks.along_dimensions(codes, [3, 1], np.array([[-1.0, 0.0, 1.0], [5.0, 6.0, 7.0]]))
    assert z.shape == (2, 2, 3, 4)
    assert np.array_equal(z[0, 0, :, 3], [-1, 0, 1]) and np.array_equal(z[1, 1, :, 1], [5, 6, 7])
    assert np.all(np.delete(z, 3, axis=-1)[:, 0] == np.delete(codes, 3, axis=-1)[:, np.newaxis])
    assert np.all(np.delete(z, 1, axis=-1)[:, 1] == np.delete(codes, 1, axis=-1)[:, np.newaxis])


def test_dimensions_stand_in_the_order_of_their_rate(findings):
    numbers = section(findings, "rates_and_changes").numbers
    assert numbers["rate"] == sorted(numbers["rate"], reverse=True) and sorted(numbers["dimension"]) == [0, 1, 2, 3]
    assert list(dict.fromkeys(section(findings, "traversals").numbers["dimension"])) == numbers["dimension"]
    assert [findings.numbers["rate_per_dimension"]["value"][d] for d in numbers["dimension"]] == numbers["rate"]
    assert findings.numbers["rate"]["value"] == pytest.approx(sum(numbers["rate"]))


def test_with_a_standard_normal_prior_it_goes_from_minus_three_to_three(findings):
    numbers = section(findings, "traversals").numbers
    assert numbers["value"] == pytest.approx([-3, -1.5, 0, 1.5, 3] * 4)


def test_a_dimension_that_the_decoder_ignores_changes_nothing(findings):
    change = findings.numbers["change_per_dimension"]["value"]
    assert change[1] == pytest.approx(0, abs=1e-12) and min(np.delete(change, 1)) > 1e-6
    sheet = section(findings, "traversals").numbers
    rows = {
        d: np.ptp([g for g, e in zip(sheet["mean_grey_value"], sheet["dimension"], strict=True) if e == d])
        for d in range(4)
    }
    assert rows[1] == pytest.approx(0, abs=1e-6) and all(rows[d] > 1e-4 for d in (0, 2, 3))


def test_an_autoencoder_is_moved_in_units_of_its_own_code(tmp_path):
    findings = study(tmp_path, "data.binarize=none", AUTOENCODER)
    bars, sheet = section(findings, "rates_and_changes").numbers, section(findings, "traversals").numbers
    assert "rate" not in bars and bars["dimension"][-1] == 1  # that which does nothing comes last
    assert findings.numbers["alive"] == {"value": 2, "unit": "dimensions", "of": 3}
    assert "change_of_dead" in findings.numbers and "rate" not in findings.numbers
    trained = Untrained(load_experiment(DEFAULT, ["data.binarize=none", AUTOENCODER]), tmp_path, None).base()
    codes = trained.model.code(trained.examples()["x"]).numpy()
    first = bars["dimension"][0]
    reach = codes[:, first].mean() + np.array([-3, 3]) * codes[:, first].std()
    assert [sheet["value"][0], sheet["value"][4]] == pytest.approx(reach, rel=1e-4)  # float32
    assert "standard deviation of z" in section(findings, "traversals").caption


def test_another_prior_is_walked_in_the_spread_of_the_codes(tmp_path):
    findings = study(tmp_path, "model.prior={name='MixtureOfNormals', num_components=3}")
    assert "standard deviation of z" in section(findings, "traversals").caption
    assert "rate" not in findings.numbers  # its dimensions depend on one another, and have one rate together


def test_a_posterior_with_one_rate_for_all_is_ordered_by_change(tmp_path):
    findings = study(tmp_path, "model.posterior={name='FullCovarianceNormal', latent_size=3}")
    change = section(findings, "rates_and_changes").numbers["change"]
    assert change == sorted(change, reverse=True)


def test_of_several_levels_those_next_to_the_image_are_moved(tmp_path):
    levels = "posteriors=[{name='DiagonalNormal', latent_size=3}, {name='DiagonalNormal', latent_size=2}]"
    networks = f"encoders=[{NETWORK}, {NETWORK}], decoders=[{NETWORK}, {NETWORK}]"
    rest = "prior={name='StandardNormal'}, likelihood={name='Bernoulli'}, objective={name='ELBO'}"
    findings = study(tmp_path, f"model={{name='LadderVAE', {levels}, {networks}, {rest}}}")
    assert len(findings.numbers["change_per_dimension"]["value"]) == 3
    assert "level 1" in section(findings, "traversals").caption


def test_a_condition_stays_that_of_its_image(tmp_path):
    conditioned = f"{{name='Conditioned', network={NETWORK}}}"
    overrides = ("data.conditional=true", f"model.encoder={conditioned}", f"model.decoder={conditioned}")
    findings = study(tmp_path, *overrides, "model.posterior.latent_size=2")
    assert len(section(findings, "traversals").numbers["dimension"]) == 10


def test_colour_without_labels(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (60, 6, 5, 3), "uint8"))
    findings = study(tmp_path, f"data={{name='{tmp_path / 'x.npy'}'}}", "model.likelihood={name='Normal'}")
    frames = section(findings, "traversals_moving").figure.frames
    assert frames.ndim == 4 and frames.shape[0] == 8 and np.std(frames.astype(float), axis=0).max() > 0


def test_the_animation_begins_in_the_middle_and_reaches_both_ends(findings):
    numbers = section(findings, "traversals_moving").numbers
    assert numbers["position"][0] == 0 and (max(numbers["position"]), min(numbers["position"])) == (3, -3)


def test_codes_on_a_sphere_are_refused(tmp_path):
    parts = ("model.posterior={name='VonMisesFisher', latent_size=3}", "model.prior={name='UniformOnSphere'}")
    with pytest.raises(ConfigError, match="no other code"):
        study(tmp_path, *parts)


def test_each_tile_shows_its_own_images():
    images = np.zeros((2, 3, 4, 4, 1))
    images[1, 1] = 0.5
    animation = tiles(images, ["a", "b", "c\nd"], columns=2, tile=8)
    first, second = animation.frames
    changed = np.argwhere(first != second)
    assert np.all(second[first != second] == 128) and len(changed) == 8 * 8
    assert np.all(np.ptp(changed, axis=0) == 7)  # a square, and nothing outside


@pytest.mark.slow
def test_what_costs_nats_changes_the_image(tmp_path):
    with jobs.Interruption() as interruption:
        numbers = traversal.run(Workbench(load_experiment(DEFAULT), tmp_path, interruption)).numbers
    assert 2 <= numbers["alive"]["value"] < 16
    assert numbers["change_of_dead"]["value"] < 0.02 * numbers["change_of_alive"]["value"]
    assert np.corrcoef(*(numbers[f"{n}_per_dimension"]["value"] for n in ("rate", "change")))[0, 1] > 0.9
