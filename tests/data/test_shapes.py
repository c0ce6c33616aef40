"""Theorems about the drawn shapes, and faults of the choice among them."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tfvae.data.builders import Shapes, drawing
from tfvae.data.builders.shapes import ShapesSource
from tfvae.errors import DataError

SQUARE, ELLIPSE, HEART = range(3)
CENTRE = 16


def draw(shape=HEART, scale=5, orientation=0, x=CENTRE, y=CENTRE):
    """Images [B, 64, 64] of all combinations of the given classes."""
    grid = np.meshgrid(shape, scale, orientation, x, y, indexing="ij")
    return drawing.render(tf.constant(np.stack([axis.ravel() for axis in grid], 1))).numpy()[..., 0]


def same_after(shape, steps):
    """Whether each of the 40 orientations looks like the one so many steps on, at any scale."""
    images = draw(shape, range(6), range(40)).reshape(6, 40, -1)
    return (images == np.roll(images, -steps, axis=1)).all(axis=(0, 2))


def test_pixels_are_0_or_255():
    assert set(np.unique(draw(range(3), range(6), range(40)))) == {0, 255}


@pytest.mark.parametrize("shape", range(3), ids=drawing.SHAPES)
def test_area_grows_with_scale_squared(shape):
    area = (draw(shape, range(6), range(40)) > 0).sum(axis=(1, 2)).reshape(6, 40).mean(axis=1)
    # The count of lattice points in an outline is its area but for the boundary: 4 % at 128 pixels, measured.
    np.testing.assert_allclose(area, (drawing.SIDE * np.linspace(0.5, 1, 6)) ** 2, rtol=0.04)


@pytest.mark.parametrize(("shape", "period"), [(SQUARE, 10), (ELLIPSE, 20), (HEART, 40)])
def test_shape_looks_the_same_after_its_symmetry_and_no_sooner(shape, period):
    assert same_after(shape, period).all()
    assert not any(same_after(shape, steps).all() for steps in range(1, period))


def test_quarter_turn_is_counter_clockwise():
    upright, turned = draw(orientation=[0, 10], x=0, y=0)[:, :33, :33]
    np.testing.assert_array_equal(turned, np.rot90(upright))


def test_heart_stands_on_its_tip():
    widths = (draw()[0] > 0).sum(axis=1)
    drawn = widths[widths > 0]
    assert drawn[-1] == 1 and drawn[: len(drawn) // 2].mean() > drawn[len(drawn) // 2 :].mean()


@pytest.mark.parametrize("axis", [1, 2], ids=["y", "x"])
def test_one_position_is_one_pixel(axis):
    images = draw(range(3), 5, 7, **{"xy"[2 - axis]: range(32)}).reshape(3, 32, 64, 64)
    np.testing.assert_array_equal(images[:, 1:], np.roll(images[:, :-1], 1, axis=axis + 1))


def test_nothing_is_cut_off_at_the_extremes():
    pixels = [(draw(range(3), range(6), range(40), x, y) > 0).sum(axis=(1, 2)) for x in (0, 31) for y in (0, 31)]
    inside = (drawing.levels(reach=40) <= 0).sum(axis=(3, 4)).ravel()
    np.testing.assert_array_equal(pixels, np.tile(inside, (4, 1)))


def test_centre_of_mass_is_the_position():
    images = draw(range(3), range(6), range(40), 20, 9) > 0
    centres = [np.argwhere(image).mean(axis=0) for image in images]
    # Half a pixel at most: outlines have their centroid there, and lose or win pixels at the boundary only.
    np.testing.assert_allclose(centres, np.tile([16 + 9, 16 + 20], (720, 1)), atol=0.5)


@pytest.mark.parametrize("factor", [1 + 1e-6, 1 - 1e-6])
def test_no_pixel_depends_on_rounding(factor, monkeypatch):
    drawn = drawing.levels(reach=17) <= 0
    monkeypatch.setattr(drawing, "SIDE", drawing.SIDE * factor)
    np.testing.assert_array_equal(drawing.levels(reach=17) <= 0, drawn)


def test_index_and_classes_are_inverse_over_the_whole_grid():
    indices = tf.range(737_280, dtype="int64")
    np.testing.assert_array_equal(drawing.indices_of(drawing.classes_of(indices)), indices)


def test_classes_count_in_c_order():
    expected = np.stack(np.unravel_index(np.arange(737_280), (3, 6, 40, 32, 32)), axis=1)
    np.testing.assert_array_equal(drawing.classes_of(tf.range(737_280, dtype="int64")), expected)


def test_factor_values_are_those_of_dsprites():
    values = drawing.factor_values(tf.constant([[0, 0, 0, 0, 0], [2, 5, 10, 31, 31]], "int64"))
    np.testing.assert_allclose(values, [[1, 0.5, 0, 0, 0], [3, 1, np.pi / 2, 1, 1]], rtol=1e-6)


def test_whole_grid_is_the_default():
    source = ShapesSource()
    np.testing.assert_array_equal(np.sort(source.indices), np.arange(737_280))
    assert source.num_examples == 737_280


def test_factors_keep_all_their_combinations_and_no_others():
    source = ShapesSource({"shape": [0, 2], "scale": [5], "y_position": [3]})
    factors = drawing.classes_of(source.indices).numpy()
    assert source.num_examples == len(np.unique(factors, axis=0)) == 2 * 1 * 40 * 32
    assert [set(factors[:, i]) for i in (0, 1, 4)] == [{0, 2}, {5}, {3}]


def test_same_seed_gives_the_same_order_and_another_a_different_one():
    order = [ShapesSource(num_examples=50, seed=seed).indices.numpy() for seed in (1, 1, 2)]
    np.testing.assert_array_equal(order[0], order[1])
    assert (order[0] != order[2]).any()


def test_order_is_frozen_for_ever():
    assert ShapesSource(num_examples=3, seed=0).indices.numpy().tolist() == [125674, 436028, 227828]


def test_fetch_draws_what_its_factors_say():
    batch = ShapesSource(num_examples=9).fetch(tf.constant([4, 0, 7], "int64"))
    np.testing.assert_array_equal(batch["x"], drawing.render(batch["factors"]))
    np.testing.assert_array_equal(batch["label"], batch["factors"][:, 0])
    np.testing.assert_array_equal(batch["factor_values"], drawing.factor_values(batch["factors"]))


def test_fetch_in_tf_data_equals_fetch_outside():
    source = ShapesSource(num_examples=10)
    drawing.stamps.cache_clear()  # as in a process that draws inside tf.data first
    mapped = tf.data.Dataset.range(10).batch(10).map(source.fetch)
    np.testing.assert_array_equal(next(iter(mapped))["x"], source.fetch(tf.range(10, dtype="int64"))["x"])


def test_digest_changes_with_the_choice():
    sources = [ShapesSource(num_examples=5, seed=0), ShapesSource(num_examples=5, seed=1), ShapesSource(num_examples=4)]
    assert len({source.digest() for source in sources}) == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"factors": {"size": [1]}}, "size"),
        ({"factors": {"scale": [6]}}, "scale.*0 to 5"),
        ({"factors": {"scale": [-1]}}, "scale"),
        ({"factors": {"scale": 5}}, "scale"),
        ({"factors": {"shape": []}}, "shape"),
        ({"factors": {"shape": ["heart"]}}, "shape"),
        ({"factors": {"shape": [0], "scale": [0]}, "num_examples": 40961}, "1 to 40960"),
        ({"num_examples": 0}, "num_examples"),
    ],
)
def test_wrong_choice_is_named(arguments, named):
    with pytest.raises(DataError, match=named):
        ShapesSource(**arguments)


def test_builder_writes_the_drawn_images_in_the_order_of_the_grid(tmp_path):
    builder = Shapes(data_dir=tmp_path)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(max_examples_per_split=1100))
    batch = tfds.as_numpy(builder.as_dataset(split="train", batch_size=-1))
    classes = drawing.classes_of(tf.range(1100, dtype="int64"))
    np.testing.assert_array_equal(batch["image"], drawing.render(classes))
    np.testing.assert_array_equal(np.stack([batch[f"label_{f}"] for f in drawing.FACTORS], 1), classes)
    values = np.stack([batch[f"value_{f}"] for f in drawing.FACTORS], 1)
    np.testing.assert_array_equal(values, drawing.factor_values(classes))
