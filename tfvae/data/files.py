"""Images that a user brings: a folder of PNG and JPEG files, or an .npz or .npy file.

Floating-point images become the nearest of 256 grey levels, as all images are kept as uint8.
"""

import os
import tokenize
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from tfvae.data.factors import FACTOR_KEYS, NAMES_KEY, PICKLED, pixels, read_factors
from tfvae.data.mapped import is_on_disk, room
from tfvae.data.preprocessing import decode_image
from tfvae.data.source import ArraySource
from tfvae.errors import DataError

EXTENSIONS = (".png", ".jpg", ".jpeg")
GREY_MODES = ("1", "L", "LA", "I", "I;16")  # of Pillow; a palette counts as colour
MANY_FILES = 2000  # from here on reading takes long enough to show how far it is
IMAGE_KEYS, LABEL_KEYS = ("x", "images", "imgs"), ("label", "labels", "y")


def folder_source(path):
    """The PNG and JPEG images below a folder, in the order of their names.

    With sub-folders each of those that holds images, at any depth, is a class, in the order of their names; images
    directly in the folder have no classes and all get the label 0. Hidden files and other extensions are ignored.
    Grey images have 1 channel; if any image is in colour, all get 3.

    Args:
        path: The folder.

    Returns:
        An `ArraySource`.

    Raises:
        DataError: If the folder is missing, unreadable or holds no images, or images both directly and in sub-folders;
            or if the images are damaged or differ in size.
    """
    root = Path(path)
    if not os.path.isdir(root):  # Path.is_dir raises where a parent may not be entered
        raise DataError(
            f"`{root}` is a file, not a folder." if os.path.exists(root) else f"There is no folder `{root}`."
        )
    classes = _classes(root)
    files = [file for members in classes.values() for file in members]
    labels = np.repeat(np.arange(len(classes)), [len(members) for members in classes.values()])
    return ArraySource(_decoded(files), labels, tuple(name for name in classes if name))


def array_sources(path):
    """The sources "train" and, where the file has one, "test" of an .npz or .npy file.

    Images are [N, H, W] or [N, H, W, C] with 1 to 4 channels: integers from 0 to 255, booleans, or floating-point
    numbers from 0 to 1. An .npz file holds them as `x`, `images` or `imgs`, or as its only array but labels and
    factors, and may hold integer labels [N] as `label`, `labels` or `y`; or both splits, named as in Keras: `x_train`,
    `y_train`, `x_test`, `y_test`. Classes are the labels that occur, in ascending order.

    It may hold the classes of known factors of variation, integers [N, F], as `factors` (`factors_train` and
    `factors_test`) or as `latents_classes`, and their names [F] as `factor_names`. So dSprites' own file can be read.

    Args:
        path: The file.

    Returns:
        {"train": ArraySource} or {"train": ArraySource, "test": ArraySource}.

    Raises:
        DataError: If the file is missing or damaged, or its arrays are not images and labels as above.
    """
    path = Path(path)
    arrays = _read_arrays(path)
    keys = _keys_of_splits(path, arrays)
    images = {s: _grey_levels(pixels(arrays, x, v), _place(path, x)) for s, (x, _, v) in keys.items()}
    labels = {s: _labels(arrays.get(y), len(images[s]), _place(path, y)) for s, (_, y, _) in keys.items()}
    factors = {s: read_factors(arrays, v, len(images[s]), _place(path, v)) for s, (_, _, v) in keys.items()}
    if len({image.shape[1:] for image in images.values()}) > 1:
        sizes = " and ".join(f"{split} {list(image.shape[1:])}" for split, image in images.items())
        raise DataError(f"`{path}` has images of different sizes: {sizes}.")
    classes = np.unique(np.concatenate(list(labels.values())))
    names = tuple(map(str, classes)) if keys["train"][1] else ()
    return {s: ArraySource(images[s], np.searchsorted(classes, labels[s]), names, *factors[s]) for s in keys}


def _classes(root):
    """Image files by the name of their class, both sorted; "" is the class of those directly in the folder."""
    _, subfolders, names = next(os.walk(root, onerror=_refuse))
    direct = sorted(_images_among(root, names))
    # One walk each: it enters a class folder that is a link, but no link below, which could lead in circles.
    below = {name: _image_files(root / name) for name in sorted(subfolders) if not name.startswith(".")}
    classes = {name: files for name, files in {"": direct, **below}.items() if files}
    if not classes:
        raise DataError(f"`{root}` holds no images: no file that ends in {', '.join(EXTENSIONS)}.")
    if "" in classes and len(classes) > 1:
        mixed = f"both directly ({direct[0].name}) and in sub-folders ({list(classes)[1]})"
        raise DataError(f"`{root}` holds images {mixed}: move all into sub-folders, one for each class, or none.")
    return classes


def _image_files(root):
    files = []
    for folder, subfolders, names in os.walk(root, onerror=_refuse):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        files += _images_among(folder, names)
    return sorted(files)


def _images_among(folder, names):
    visible = [name for name in names if not name.startswith(".")]
    return [Path(folder, name) for name in visible if name.lower().endswith(EXTENSIONS)]


def _refuse(error):
    raise DataError(f"`{error.filename}` cannot be read: {error.strerror}.") from error


def _decoded(files):
    """All images as one array, uint8 [N, H, W, C]."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        shape = _common_shape(files, list(pool.map(_header, files)))
        images = room((len(files), *shape))

        def read(i):
            images[i] = _decode(files[i], shape)

        # None shows progress on a terminal only.
        hidden = None if len(files) > MANY_FILES else True
        for _ in tqdm(pool.map(read, range(len(files))), "images", len(files), disable=hidden):
            pass
    return images


def _common_shape(files, headers):
    sizes = [header[:2] for header in headers]
    for file, size in zip(files, sizes, strict=True):
        if size != sizes[0]:
            first, other = (f"`{f}` has {h} x {w}" for f, (h, w) in ((files[0], sizes[0]), (file, size)))
            raise DataError(f"Images differ in size (height x width): {first}, {other}. Resize them to one size first.")
    return (*sizes[0], max(channels for *_, channels in headers))


def _header(file):
    """Height, width and number of channels without decoding."""
    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            return image.height, image.width, 1 if image.mode in GREY_MODES else 3
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged, or no PNG or JPEG image"
        raise DataError(f"`{file}` cannot be read: {reason}.") from error


def _decode(file, shape):
    try:
        with tf.device("CPU:0"):
            return decode_image(file.read_bytes(), shape).numpy()
    except (OSError, ValueError, tf.errors.InvalidArgumentError) as error:
        raise DataError(f"`{file}` cannot be decoded: it is damaged or cut short.") from error


def _read_arrays(path):
    """Arrays by name; the one of an .npy file is called x."""
    if not os.path.isfile(path):
        raise DataError(f"`{path}` is a folder, not a file." if os.path.isdir(path) else f"There is no file `{path}`.")
    try:
        # Not np.load, which takes any damaged file for a pickle and says so.
        if path.suffix.lower() == ".npz":
            with np.lib.npyio.NpzFile(path, allow_pickle=False) as arrays:
                return {name: np.asarray(arrays[name]) for name in arrays.files if name != PICKLED}
        if is_on_disk():
            return {"x": np.lib.format.open_memmap(path, mode="r")}
        with path.open("rb") as file:
            return {"x": np.lib.format.read_array(file, allow_pickle=False)}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, tokenize.TokenError) as error:
        raise DataError(f"`{path}` cannot be read as arrays of numbers: {error}.") from error


def _keys_of_splits(path, arrays):
    """The arrays of each split: {"train": (images, labels or None, factors or None), ...}."""
    if "x_train" in arrays:
        splits = [split for split in ("train", "test") if f"x_{split}" in arrays]
        for kind in ("y", "factors"):
            if len({f"{kind}_{split}" in arrays for split in splits}) > 1:
                both = f"`{kind}_train` and `{kind}_test`"
                raise DataError(f"`{path}` must hold {both}, or neither. Its arrays: {sorted(arrays)}.")
        names = {split: [f"{kind}_{split}" for kind in ("x", "y", "factors")] for split in splits}
        return {split: tuple(name if name in arrays else None for name in names[split]) for split in splits}
    labels = [key for key in LABEL_KEYS if key in arrays]
    factors = [key for key in FACTOR_KEYS if key in arrays]
    known = {*labels, *factors, NAMES_KEY}
    images = [key for key in IMAGE_KEYS if key in arrays] or [key for key in arrays if key not in known]
    if len(images) != 1 or len(labels) > 1:
        rule = "one array of images, `x` or `images` (or `x_train`), and at most one of labels"
        raise DataError(f"`{path}` must hold {rule}. Its arrays: {sorted(arrays)}.")
    return {"train": (images[0], *(labels or [None]), (factors or [None])[0])}


def _place(path, key):
    return f"`{path}`" if path.suffix.lower() == ".npy" else f"`{path}`, array `{key}`"


def _grey_levels(images, place):
    """Numbers of any type as uint8 [N, H, W, C]."""
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or not images.size or images.shape[-1] > 4:
        raise DataError(
            f"{place}: images must be [N, H, W] or [N, H, W, C] with 1 to 4 channels C, and at least one."
            f" Received: shape {list(images.shape)}"
        )
    if images.dtype.kind not in "buif":
        raise DataError(f"{place}: images must be numbers. Received: dtype {images.dtype}")
    highest = {"f": 1, "b": 1}.get(images.dtype.kind, 255)
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= highest):  # so written that NaN fails too
        rule = f"images of dtype {images.dtype} must lie between 0 and {highest}"
        raise DataError(f"{place}: {rule}. Received: values from {low} to {high}")
    if images.dtype.kind == "f":
        return np.rint(images * np.float32(255)).astype(np.uint8)
    return images.astype(np.uint8, copy=False) if highest == 255 else np.multiply(images, np.uint8(255), dtype=np.uint8)


def _labels(labels, num_examples, place):
    """Integer labels [N]; 0 for all where there are none."""
    if labels is None:
        return np.zeros(num_examples, np.int64)
    # Keras's own CIFAR has [N, 1].
    if labels.dtype.kind not in "bui" or labels.shape not in ((num_examples,), (num_examples, 1)):
        received = f"dtype {labels.dtype}, shape {list(labels.shape)}"
        raise DataError(f"{place}: labels must be integers [{num_examples}], one for each image. Received: {received}")
    return labels.astype(np.int64).ravel()
