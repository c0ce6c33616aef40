"""The study of interpolation: walks with the geometry that their names promise, and numbers that follow from it."""

from pathlib import Path

import numpy as np
import pytest

from tfvae import jobs
from tfvae.data import open_splits
from tfvae.errors import ConfigError
from tfvae.experiment import build_model, load_experiment
from tfvae.studies import interpolation, walks
from tfvae.studies.class_names import short_names
from tfvae.studies.workbench import Run, Workbench

DEFAULT = Path(interpolation.__file__).with_name("digits.toml")
NETWORK = "{name='MLP', hidden_sizes=[16]}"
SMALL = {"num_pairs": 6, "steps": 5, "num_shown": 2}


class Untrained(Workbench):
    """A workbench whose base run is a model as it is before training, which takes no time."""

    def base(self):
        splits = open_splits(self.experiment.data)
        return Run("base", self.directory, self.experiment, build_model(self.experiment, splits.train), splits, [])


def study(directory, *overrides, **options):
    bench = Untrained(load_experiment(DEFAULT, overrides), directory, None)
    return interpolation.run(bench, **{**SMALL, **options})


def section(findings, name):
    return next(section for section in findings.sections if section.name == name)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    return study(tmp_path_factory.mktemp("study"))


# Walks.


def test_an_arc_between_orthogonal_codes_goes_through_the_diagonal():
    arc = walks.spherical([[2.0, 0.0]], [[0.0, 2.0]], 3)
    assert arc[0] == pytest.approx(np.array([[2, 0], [np.sqrt(2), np.sqrt(2)], [0, 2]]))
    line = walks.linear([[2.0, 0.0]], [[0.0, 2.0]], 3)
    assert line[0] == pytest.approx(np.array([[2, 0], [1, 1], [0, 2]]))


def test_an_arc_keeps_the_norm_and_turns_by_equal_angles():
    starts, ends = np.random.default_rng(0).standard_normal((2, 4, 6))
    ends *= (np.linalg.norm(starts, axis=1) / np.linalg.norm(ends, axis=1))[:, np.newaxis]
    arc = walks.spherical(starts, ends, 9)
    norms = np.linalg.norm(arc, axis=-1)
    assert norms == pytest.approx(np.repeat(norms[:, :1], 9, axis=1))
    cosines = np.sum(arc[:, 1:] * arc[:, :-1], axis=-1)
    assert cosines == pytest.approx(np.repeat(cosines[:, :1], 8, axis=1))


def test_an_arc_moves_with_its_centre():
    starts, ends = np.random.default_rng(0).standard_normal((2, 4, 3))
    shifted = walks.spherical(starts + 5.0, ends + 5.0, 5, centre=5.0)
    assert shifted == pytest.approx(walks.spherical(starts, ends, 5) + 5.0)


@pytest.mark.parametrize("ends", [[[2.0, 4.0]], [[-1.0, -2.0]], [[0.0, 0.0]], [[1.0, 2.0]]])
def test_codes_without_a_shortest_arc_are_joined_by_a_line(ends):
    starts = [[1.0, 2.0]]
    assert walks.spherical(starts, ends, 5) == pytest.approx(walks.linear(starts, ends, 5))


def test_a_closed_walk_ends_where_it_began():
    stations = np.random.default_rng(0).standard_normal((3, 2))
    rows = walks.closed(stations, 4)
    assert np.array_equal(rows[:, 0], stations) and np.array_equal(rows[:, -1], stations[[1, 2, 0]])


# The study.


def test_costs_are_those_above_the_ends(findings):
    numbers = section(findings, "cost_on_the_way").numbers
    at_ends = [value for value, share in zip(numbers["value"], numbers["share"], strict=True) if share in (0, 1)]
    assert at_ends == pytest.approx([0] * 6, abs=1e-12)
    middle = {path: numbers["value"][5 * i + 2] for i, path in enumerate(("straight", "spherical", "pixel_fade"))}
    for path, value in middle.items():
        assert findings.numbers[f"negative_elbo_halfway_{path}"]["value"] == pytest.approx(value)
    difference = findings.numbers["spherical_minus_straight_halfway"]["value"]
    assert difference == pytest.approx(middle["spherical"] - middle["straight"])


def test_the_steps_of_a_fade_are_the_unit(findings):
    numbers = section(findings, "steps").numbers
    steps = {
        path: [v for v, p in zip(numbers["value"], numbers["path"], strict=True) if p == path]
        for path in set(numbers["path"])
    }
    assert steps["pixel fade"] == pytest.approx([1] * 4, rel=1e-4)  # differences of float32 images
    # By Jensen's inequality no way is shorter in mean square than the straight one of equal steps.
    assert np.mean(steps["straight"]) > 1 - 1e-4 and np.mean(steps["spherical"]) > 1 - 1e-4
    assert findings.numbers["squared_step_spherical"]["value"] == pytest.approx(np.mean(steps["spherical"]))


def test_a_line_passes_nearer_to_the_centre_than_an_arc(findings):
    norms = [findings.numbers[f"norm_halfway_{path}"]["value"] for path in ("straight", "spherical")]
    assert norms[0] < norms[1] and norms[1] == pytest.approx(1, abs=0.2)  # 1 where both ends are equally far


def test_pictures_say_the_classes_of_their_ends(findings, tmp_path):
    figure = section(findings, "lines_and_arcs").figure
    for axes in figure.axes:
        texts = [text.get_text() for text in axes.get_xticklabels()]
        assert texts[0] in "0123456789" and texts[0] != texts[-1] and texts[1:-1] == [""] * 3


def test_the_round_goes_through_every_class(findings):
    numbers = section(findings, "closed_walk").numbers
    assert list(dict.fromkeys(numbers["from"])) == [str(digit) for digit in range(10)] and numbers["to"][-1] == "0"
    grey, shares = np.reshape(numbers["mean_grey_value"], (10, 5)), np.reshape(numbers["share"], (10, 5))
    assert grey[:, -1] == pytest.approx(np.roll(grey[:, 0], -1), rel=1e-5) and np.all(shares[:, -1] == 1)
    frames = section(findings, "closed_walk_moving").figure.frames
    assert frames.dtype == np.uint8 and len(frames) == 80


def test_colour_without_labels_goes_through_clusters(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (60, 6, 5, 3), "uint8"))
    data = f"data={{name='{tmp_path / 'x.npy'}', batch_size=8}}"
    findings = study(tmp_path, data, "model.likelihood={name='Normal'}")
    numbers = section(findings, "closed_walk").numbers
    assert set(numbers["from"]) == {f"centre {i}" for i in range(1, 9)}
    assert section(findings, "closed_walk_moving").figure.frames.shape[-1] == 3


def test_an_autoencoder_is_judged_by_its_reconstruction_error(tmp_path):
    parts = f"encoder={NETWORK}, decoder={NETWORK}, posterior={{name='Deterministic', latent_size=3}}"
    model = f"model={{name='VAE', {parts}, likelihood={{name='Normal'}}, objective={{name='Reconstruction'}}}}"
    findings = study(tmp_path, "data.binarize=none", model)
    assert "reconstruction_error_halfway_straight" in findings.numbers and "reconstruction error" in findings.headline


def test_a_conditional_model_has_no_round(tmp_path):
    conditioned = f"{{name='Conditioned', network={NETWORK}}}"
    overrides = ("data.conditional=true", f"model.encoder={conditioned}", f"model.decoder={conditioned}")
    assert [part.name for part in study(tmp_path, *overrides).sections][-1] == "steps"


def test_codes_on_a_sphere_are_refused(tmp_path):
    parts = ("model.posterior={name='VonMisesFisher', latent_size=3}", "model.prior={name='UniformOnSphere'}")
    with pytest.raises(ConfigError, match="no real space"):
        study(tmp_path, *parts)


def test_an_even_number_of_steps_has_no_middle(tmp_path):
    with pytest.raises(ConfigError, match="must be odd"):
        study(tmp_path, steps=4)


@pytest.mark.parametrize("options", [{"num_pairs": 0}, {"num_shown": "many"}, {"steps": 1}])
def test_options_that_are_no_counts_are_refused(tmp_path, options):
    with pytest.raises(ConfigError, match=f"`study.{next(iter(options))}` must be an integer"):
        study(tmp_path, **options)


def test_the_same_seed_gives_the_same_numbers(tmp_path, findings):
    assert study(tmp_path).numbers == findings.numbers


@pytest.mark.slow
def test_a_walk_through_the_latent_space_beats_a_fade(tmp_path):
    with jobs.Interruption() as interruption:
        numbers = interpolation.run(Workbench(load_experiment(DEFAULT), tmp_path, interruption)).numbers
    straight, fade = (numbers[f"negative_elbo_halfway_{path}"] for path in ("straight", "pixel_fade"))
    error = np.hypot(straight["standard_error"], fade["standard_error"])
    assert straight["value"] < fade["value"] - 3 * error
    arc = numbers["spherical_minus_straight_halfway"]
    assert arc["value"] < -3 * arc["standard_error"]


def test_names_that_are_cut_alike_become_numbers():
    names = ["a class of flowers", "a class of birds", "fish"]
    assert short_names([2, 0], names) == ["fish", "a class o..."]
    assert short_names([1, 0, 2, 0], names) == ["1", "0", "2", "0"]
