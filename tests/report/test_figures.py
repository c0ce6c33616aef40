"""Figures show what they say."""

import numpy as np
import pytest

from tfvae.posteriors import DiagonalNormal
from tfvae.report import figures, walks
from tfvae.report.figures import of_runs
from tfvae.report.figures.canvas import DARK, LIGHT, png
from tfvae.report.figures.grids import MAX_DIMENSIONS
from tfvae.report.figures.maps import MAX_POINTS, plane
from tfvae.report.figures.of_runs import curves_of_runs, dots_of_runs
from tfvae.report.sections import one_of_each


def points_of(figure):
    return np.asarray(figure.axes[0].collections[0].get_offsets())


def mosaic_of(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


def labels_of(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


@pytest.fixture
def images(binary):
    return binary(8, (4, 4, 1))


def test_traversal_of_an_ignored_dimension_is_constant(make_vae, images):
    model = make_vae((4, 4, 1))
    kernel = model.decoder.hidden[0].kernel
    kernel.assign(kernel.numpy() * np.array([[1.0], [0.0]], "float32"))
    used, ignored = walks.traverse(model, images[:1], [0, 1], walks.values(7))
    assert np.ptp(used, axis=0).max() > 1e-3
    assert np.array_equal(ignored, np.broadcast_to(ignored[0], ignored.shape))


def test_ends_of_an_interpolation_are_reconstructions(make_vae, images):
    model = make_vae((4, 4, 1))
    rows = walks.interpolate(model, images, steps=8)
    ends = rows[:, [0, -1]].reshape(images.shape)
    np.testing.assert_allclose(ends, model.reconstruct(images), atol=1e-6)


def test_encoding_in_batches_changes_nothing(make_vae, images, monkeypatch):
    model = make_vae((4, 4, 1))
    whole = walks.encode(model, images)
    monkeypatch.setattr(walks, "BATCH", 3)
    np.testing.assert_allclose(walks.encode(model, images), whole, atol=1e-6)


@pytest.mark.parametrize("draw", [lambda m, x: figures.interpolations(m, x), lambda m, x: figures.traversals(m, x)])
def test_a_figure_decodes_once(make_vae, images, monkeypatch, draw):
    model, calls = make_vae((4, 4, 1)), []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z, *rest: calls.append(z) or decode(z, *rest))
    draw(model, images)
    assert len([z for z in calls if z.shape.rank == 2]) == 1


def test_traversals_go_by_rate_and_mark_the_dead(make_vae, images):
    model = make_vae((4, 4, 1), posterior=DiagonalNormal(3))
    labels = labels_of(figures.traversals(model, images, [0.5, 0.001, 2.0]))
    assert labels == ["z2\n2.00 nats", "z0\n0.50 nats", "z1 (dead)\n0.00 nats"]


def test_traversals_say_how_many_dimensions_they_leave_out(make_vae, images):
    size = MAX_DIMENSIONS + 4
    model = make_vae((4, 4, 1), posterior=DiagonalNormal(size))
    figure = figures.traversals(model, images, np.arange(float(size)))
    assert len(labels_of(figure)) == MAX_DIMENSIONS
    assert figure.texts[0].get_text() == "4 more dimensions are not shown"


def test_latent_map_of_two_dimensions_draws_exactly_the_codes():
    codes = np.random.default_rng(0).normal(size=(50, 2))
    np.testing.assert_array_equal(points_of(figures.latent_map(codes, np.arange(50) % 3)), codes)


def test_latent_map_of_more_dimensions_keeps_what_lies_in_a_plane():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 5))
    points, names = plane(codes)
    distances = [np.linalg.norm(a[:, None] - a, axis=-1) for a in (codes, points)]
    np.testing.assert_allclose(*distances, atol=1e-9)
    assert sum(int(name.split("(")[1].split("%")[0]) for name in names) in (99, 100, 101)  # two rounded numbers


def test_latent_map_of_one_dimension_counts_every_code():
    codes = np.random.default_rng(0).normal(size=(50, 1))
    axes = figures.latent_map(codes, np.zeros(50, int)).axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 50


def test_latent_map_of_equal_codes_is_one_point():
    figure = figures.latent_map(np.ones((5, 4)), np.arange(5))
    assert np.all(points_of(figure) == 0) and figure.axes[0].get_xlim() == (-3, 3)


def test_latent_map_draws_a_bounded_number_of_points():
    assert (
        len(points_of(figures.latent_map(np.zeros((MAX_POINTS + 99, 2)), np.zeros(MAX_POINTS + 99, int)))) == MAX_POINTS
    )


@pytest.mark.parametrize(("num_classes", "num_legends"), [(1, 0), (2, 1), (20, 1), (21, 0)])
def test_latent_map_has_a_legend_for_two_to_twenty_classes(num_classes, num_legends):
    figure = figures.latent_map(np.zeros((42, 2)), np.arange(42) % num_classes)
    assert len(figure.legends) == num_legends


def test_classes_without_a_name_are_called_by_their_number():
    legend = figures.latent_map(np.zeros((3, 2)), [0, 1, 7], ("ant", "$b$ee")).legends[0]
    assert sorted(text.get_text() for text in legend.get_texts()) == ["7", r"\$b\$ee", "ant"]


def test_grid_shows_every_image_clipped_and_in_order():
    images = np.stack([np.full((64, 64, 1), value, "float32") for value in (-1, 0.25, 0.5, 2)])
    mosaic = mosaic_of(figures.image_grid(images, columns=2))
    quarter = np.array(mosaic.shape[:2]) // 4
    centres = mosaic[quarter[0] :: 2 * quarter[0], quarter[1] :: 2 * quarter[1], 0]
    np.testing.assert_allclose(centres, [[0, 0.25], [0.5, 1]])


def test_grid_keeps_the_proportions_of_images():
    figure = figures.image_grid(np.zeros((20, 10, 30, 3), "float32"), columns=5)
    width, height = figure.get_size_inches()
    assert height / width == pytest.approx((4 * 1 + 0.4) / (5 * 3), rel=0.2)  # gaps and edges add to both


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_grid_shows_colour_of_rgb_and_grey_of_the_rest(channels):
    images = np.zeros((4, 64, 64, channels), "float32")
    images[..., 0] = 1
    mosaic = mosaic_of(figures.image_grid(images, 4))
    assert mosaic[32, 32].tolist() == ([1, 0, 0, 1] if channels == 3 else [1, 1, 1, 1])


def test_reconstructions_lie_below_their_originals():
    figure = figures.reconstructions(np.ones((4, 64, 64, 1)), np.zeros((4, 64, 64, 1)), 4)
    mosaic = mosaic_of(figure)
    assert labels_of(figure) == ["original", "rebuilt"]
    assert mosaic[32, 32, 0] == 1 and mosaic[mosaic.shape[0] - 32, 32, 0] == 0


def test_learning_curves_draw_the_history(report_arguments):
    history = report_arguments()["history"]
    axes = figures.learning_curves(history).axes
    assert [a.get_title("left") for a in axes] == ["negative ELBO", "distortion", "rate"]
    assert [line.get_ydata().tolist() for line in axes[2].lines] == [[10.0] * 3, [11.0] * 3]


def test_learning_curves_show_the_loss_where_it_is_not_the_elbo(report_arguments):
    history = report_arguments()["history"]
    history[1]["train"]["loss"] = 29.0
    assert figures.learning_curves(history).axes[0].get_title("left") == "loss"


def test_curves_of_runs_draw_validation_solid_and_training_dotted(report_arguments):
    history = report_arguments()["history"]
    figure = curves_of_runs({"a$_$b": history, "b": history[:2], "c": history}, {"the rate": ("rate", ["a$_$b", "b"])})
    (axes,) = figure.axes
    assert axes.get_title("left") == "the rate"
    lines = [(line.get_linestyle(), line.get_ydata().tolist()) for line in axes.lines]
    assert lines == [("-", [11.0] * 3), (":", [10.0] * 3), ("-", [11.0] * 2), (":", [10.0] * 2)]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(names) == [r"a\$_\$b", "b", "train", "validation"]  # "c" is not drawn


def test_dots_of_runs_leave_out_what_was_not_measured():
    figure = dots_of_runs(["a", "b"], {"rate, nats": ([1.0, np.nan], [0.5, np.nan])})
    (axes,) = figure.axes
    marks = [line.get_xdata().tolist() for line in axes.lines if line.get_marker() in "os"]
    assert marks[0] == [1.0] and np.isnan(marks[1]).all()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    low, high = axes.get_xlim()
    assert low < 0.5 and high > 1.5


def test_colours_of_runs_differ_however_many_they_are():
    assert len(set(of_runs._colours(30))) == 30 and len(set(of_runs._colours(8))) == 8


def test_rate_bars_are_sorted():
    heights = [bar.get_height() for bar in figures.rate_bars([0.5, 0.0, 2.0]).axes[0].patches]
    assert heights == [2.0, 0.5, 0.0]


def test_a_figure_is_painted_for_either_theme():
    figure = figures.rate_bars([1.0, 2.0])
    light, dark = png(figure, LIGHT), png(figure, DARK)
    assert light != dark and png(figure, LIGHT) == light


def test_examples_hold_one_of_each_class_first():
    labels = np.array([3, 3, 3, 1, 2, 1])
    assert labels[one_of_each(labels)].tolist() == [1, 2, 3, 1, 3, 3]
