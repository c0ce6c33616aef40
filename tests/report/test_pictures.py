"""Pictures: every figure is a PNG file for either paper, a CSV file of its numbers, and a GIF file where it moves."""

import io

import numpy as np
import pytest
from PIL import Image

from tfvae.report import pictures
from tfvae.report.section import Animation


def frames_of(file):
    image = Image.open(file)
    for number in range(image.n_frames):
        image.seek(number)
        yield np.asarray(image.convert("RGB"))


def test_a_figure_has_a_picture_for_either_paper_and_its_numbers(tmp_path, chart, read_table):
    entry = pictures.save(tmp_path, chart())
    light, dark = (Image.open(tmp_path / "figures" / file) for file in ("errors.png", "dark/errors.png"))
    assert light.size == dark.size == (2 * entry["width"], 2 * entry["height"])
    assert light.convert("L").getpixel((0, 0)) == 255 and dark.convert("L").getpixel((0, 0)) < 50
    assert read_table(tmp_path / "figures" / "errors.csv") == {"x": ("1", "2", "3"), "y": ("0.5", "0.25", "0.125")}
    assert not entry["animated"]


@pytest.mark.parametrize("shape", [(8, 12), (8, 12, 3), (200, 150, 3)], ids=str)
def test_a_gif_has_the_frames_and_its_first_is_the_picture(tmp_path, moving, shape):
    section = moving(shape=shape)
    entry, folder = pictures.save(tmp_path, section), tmp_path / "figures"
    shown = list(frames_of(folder / "walk.gif"))
    factor = shown[0].shape[1] // shape[1]
    assert shown[0].shape[:2] == (factor * shape[0], factor * shape[1]) == (entry["height"], entry["width"])
    assert max(shown[0].shape) >= pictures.PIXELS and factor <= pictures.PIXELS // 12
    still = np.asarray(Image.open(folder / "walk.png").convert("RGB"))
    frames = [np.repeat(f[..., None], 3, 2) if f.ndim == 2 else f for f in section.figure.frames]
    np.testing.assert_array_equal(still[::factor, ::factor], frames[0])
    assert len(shown) == len(frames)
    for image, frame in zip(shown, frames, strict=True):
        # A grey frame is exact; one of random colours has to do with the nearest of 256.
        np.testing.assert_allclose(image[::factor, ::factor].astype(int), frame, atol=0 if len(shape) == 2 else 80)
    assert entry["animated"] and not (folder / "dark" / "walk.png").exists()


def test_a_gif_repeats_for_ever_at_the_speed_that_was_asked_for(moving):
    _, content, _ = pictures.gif(moving(seconds=0.25).figure)
    image = Image.open(io.BytesIO(content))
    assert image.info["loop"] == 0 and image.info["duration"] == 250


def test_a_gif_of_grey_images_in_colour_is_exact():
    grey = np.arange(256, dtype="uint8").reshape(1, 16, 16)
    frames = np.repeat(np.concatenate([grey, 255 - grey])[..., None], 3, axis=-1)
    _, content, size = pictures.gif(Animation(frames))
    factor = size[0] // 16
    for image, frame in zip(frames_of(io.BytesIO(content)), frames, strict=True):
        np.testing.assert_array_equal(image[::factor, ::factor], frame)


def test_numbers_may_be_of_any_kind(tmp_path, read_table):
    columns = {
        "name": ["a, b", 'say "x"'],
        "value": np.array([0.1, np.nan]),
        "small": np.array([0.5, 1], "float32"),
        "none": [None, np.int64(3)],
        "place": range(2),
    }
    pictures.write_table(tmp_path / "x.csv", columns)
    expected = {"name": ("a, b", 'say "x"'), "value": ("0.1", "nan"), "small": ("0.5", "1.0"), "none": ("", "3")}
    assert read_table(tmp_path / "x.csv") == {**expected, "place": ("0", "1")}


def test_columns_of_different_lengths_are_refused(tmp_path, chart):
    with pytest.raises(ValueError):
        pictures.save(tmp_path, chart(numbers={"x": [1, 2], "y": [1]}))
    assert not (tmp_path / "figures" / "errors.csv").exists()
