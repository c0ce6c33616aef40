"""A folder of images: what it becomes, and the sentence for each thing that can be wrong with it."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfvae.data import files
from tfvae.data.files import folder_source
from tfvae.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 4, 6), dtype=np.uint8)
GREY[0, 0, :2] = 0, 255
COLOUR = RNG.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


def examples(source):
    batch = source.fetch(tf.range(source.num_examples, dtype="int64"))
    return batch["x"].numpy(), batch["label"].numpy().tolist()


@pytest.fixture
def write(tmp_path):
    """Writes an image below the folder `images` and returns that folder."""

    def write_image(name, pixels, **options):
        file = tmp_path / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file, **options)
        return tmp_path / "images"

    return write_image


def test_class_folders_are_labels_in_the_order_of_their_names(write):
    for i, name in enumerate(["dog/a.png", "cat/b.png", "dog/b.png", "cat/a.png"]):
        folder = write(name, GREY[i])
    source = folder_source(folder)
    x, labels = examples(source)
    assert (source.class_names, labels) == (("cat", "dog"), [0, 0, 1, 1])
    np.testing.assert_array_equal(x[..., 0], GREY[[3, 1, 0, 2]])


def test_folder_without_classes_has_label_0_and_no_names(write):
    write("b.png", GREY[1])
    source = folder_source(write("a.png", GREY[0]))
    x, labels = examples(source)
    assert (source.class_names, labels) == ((), [0, 0])
    np.testing.assert_array_equal(x[..., 0], GREY[:2])


def test_images_deep_in_a_class_folder_belong_to_the_class(write):
    write("cat/kitten/a.png", GREY[0])
    assert folder_source(write("dog/a.png", GREY[0])).class_names == ("cat", "dog")


def test_class_folder_may_be_a_link(write, tmp_path):
    folder = write("cat/a.png", GREY[0])
    (folder / "cat").rename(tmp_path / "elsewhere")
    (folder / "cat").symlink_to(tmp_path / "elsewhere")
    assert folder_source(folder).class_names == ("cat",)


def test_extensions_in_capitals_count(write):
    write("a.PNG", GREY[0])
    write("b.JPG", GREY[0])
    assert folder_source(write("c.Jpeg", GREY[0])).num_examples == 3


def test_hidden_and_other_files_are_ignored(write):
    folder = write("a.png", GREY[0])
    write(".b.png", GREY[1])
    write(".cache/b.png", GREY[1])
    (folder / "notes.txt").write_text("not an image")
    assert folder_source(folder).num_examples == 1


def test_hidden_folders_in_a_class_folder_are_ignored(write):
    write("cat/.cache/b.png", GREY[1])
    assert folder_source(write("cat/a.png", GREY[0])).num_examples == 1


def test_colour_images_keep_their_channels(write):
    x, _ = examples(folder_source(write("a.png", COLOUR[0])))
    np.testing.assert_array_equal(x, COLOUR[:1])


def test_one_colour_image_gives_all_three_channels(write):
    write("a.png", GREY[0])
    x, _ = examples(folder_source(write("b.png", COLOUR[0])))
    np.testing.assert_array_equal(x, np.stack([np.repeat(GREY[0][..., None], 3, 2), COLOUR[0]]))


def test_transparency_is_dropped(write):
    opaque = np.concatenate([COLOUR[0], GREY[0][..., None]], axis=-1)
    x, _ = examples(folder_source(write("a.png", opaque)))
    np.testing.assert_array_equal(x, COLOUR[:1])


def test_jpeg_is_close_to_what_was_written(write):
    flat = np.full((8, 8), 100, np.uint8)
    x, _ = examples(folder_source(write("a.jpg", flat, quality=95)))
    assert x.shape == (1, 8, 8, 1) and np.abs(x.astype(int) - 100).max() <= 2


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no folder.*nowhere"):
        folder_source(tmp_path / "nowhere")


def test_file_in_place_of_a_folder_is_named(write):
    with pytest.raises(DataError, match=r"a\.png` is a file, not a folder"):
        folder_source(write("a.png", GREY[0]) / "a.png")


def test_empty_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=rf"{tmp_path}` holds no images"):
        folder_source(tmp_path)


def test_images_at_the_top_and_in_class_folders_are_refused(write):
    write("cat/a.png", GREY[0])
    with pytest.raises(DataError, match=r"directly \(b\.png\) and in sub-folders \(cat\): move all"):
        folder_source(write("b.png", GREY[0]))


def test_images_of_different_sizes_are_named_with_their_sizes(write):
    write("a.png", GREY[0])
    with pytest.raises(DataError, match=r"a\.png` has 4 x 6.*b\.png` has 3 x 6"):
        folder_source(write("b.png", GREY[1][:3]))


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_file_that_is_no_image_is_named(write, name):
    folder = write("b.png", GREY[0])
    (folder / name).write_bytes(b"not an image")
    with pytest.raises(DataError, match=rf"{name}` cannot be read.*damaged"):
        folder_source(folder)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_file_cut_short_is_named(write, name):
    folder = write(name, RNG.integers(0, 256, (32, 32), dtype=np.uint8))
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(DataError, match=rf"{name}` cannot be decoded"):
        folder_source(folder)


def test_unreadable_file_is_named_with_the_reason(write):
    folder = write("b.png", GREY[0])
    (folder / "a.png").symlink_to(folder / "gone")
    with pytest.raises(DataError, match=r"a\.png` cannot be read: No such file"):
        folder_source(folder)


def test_unreadable_folder_is_named_with_the_reason(write, monkeypatch):
    def forbid(path):
        raise PermissionError(13, "Permission denied", str(path))

    folder = write("a.png", GREY[0])
    monkeypatch.setattr(files.os, "scandir", forbid)  # tests may run as root, whom no mode bits stop
    with pytest.raises(DataError, match="images` cannot be read: Permission denied"):
        folder_source(folder)
