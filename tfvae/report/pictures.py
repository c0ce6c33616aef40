"""Pictures: the figures of a page as files, PNG for light and dark paper, GIF where they move, CSV of their numbers."""

import csv
import io

import numpy as np
from PIL import Image

from tfvae.report.figures.canvas import DARK, DPI, LIGHT, png
from tfvae.report.section import Animation
from tfvae.storage import atomic_path, write_text

FOLDER = "figures"
PIXELS = 120  # longer side of a moving picture, at least: smaller ones are enlarged
COLOURS = 256  # of a GIF file
STUDIED = 16  # frames that its colours are taken from


def save(directory, section):
    """Writes the files of a `Section` into `directory`/figures, and returns what a page needs to know about them.

    Returns:
        {"name", "title", "alt", "caption", "width", "height" (CSS pixels), "animated"}, plain values.
    """
    dark = directory / FOLDER / "dark"
    dark.mkdir(parents=True, exist_ok=True)
    write_table(directory / FOLDER / f"{section.name}.csv", section.numbers)
    animated = isinstance(section.figure, Animation)
    width, height = (_save_animation if animated else _save_figure)(directory / FOLDER, section)
    texts = {name: getattr(section, name) for name in ("name", "title", "alt", "caption")}
    return {**texts, "width": width, "height": height, "animated": animated}


def load(directory, pictures):
    """What `save` returned for some sections, each with the bytes "light", "dark" and "moving"; None for no such file.

    A picture whose files were deleted is left out.
    """
    return [
        {
            **picture,
            "light": _bytes(directory / FOLDER / f"{picture['name']}.png"),
            "dark": None if picture["animated"] else _bytes(directory / FOLDER / "dark" / f"{picture['name']}.png"),
            "moving": _bytes(directory / FOLDER / f"{picture['name']}.gif") if picture["animated"] else None,
        }
        for picture in pictures
        if (directory / FOLDER / f"{picture['name']}.png").is_file()
    ]


def write_table(path, columns):
    """Writes {column: values}, all of one length, as a CSV file."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*map(_plain, columns.values()), strict=True))
    write_text(path, file.getvalue())


def gif(animation):
    """(bytes of the first frame as PNG, bytes of a GIF file, (width, height)) of an `Animation`."""
    frames = [Image.fromarray(frame) for frame in _enlarged(np.asarray(animation.frames))]
    still, moving = io.BytesIO(), io.BytesIO()
    frames[0].save(still, "png", optimize=True)
    if frames[0].mode == "RGB":
        palette = _palette(frames)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    duration = max(20, 10 * round(100 * animation.seconds))  # browsers slow down what is faster
    frames[0].save(moving, "gif", save_all=True, append_images=frames[1:], duration=duration, loop=0, optimize=True)
    return still.getvalue(), moving.getvalue(), frames[0].size


def _save_figure(folder, section):
    _write(folder / f"{section.name}.png", png(section.figure, LIGHT))
    _write(folder / "dark" / f"{section.name}.png", png(section.figure, DARK))
    return [round(inches * DPI / 2) for inches in section.figure.get_size_inches()]


def _save_animation(folder, section):
    still, moving, size = gif(section.figure)
    _write(folder / f"{section.name}.png", still)
    _write(folder / f"{section.name}.gif", moving)
    return size


def _write(path, content):
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _bytes(path):
    return path.read_bytes() if path.is_file() else None


def _plain(values):
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _enlarged(frames):
    """Frames [T, H, W] or [T, H, W, 3], small ones by a whole factor; grey ones without colours."""
    if frames.ndim == 4 and np.all(frames == frames[..., :1]):
        frames = frames[..., 0]
    factor = -(-PIXELS // max(frames.shape[1:3]))
    return frames.repeat(factor, 1).repeat(factor, 2)


def _palette(frames):
    """An image whose palette serves all frames: with one of its own, each frame would flicker against the next."""
    shown = frames[:: -(-len(frames) // STUDIED)]
    together = np.concatenate([np.asarray(frame).reshape(-1, 3) for frame in shown])[np.newaxis]
    return Image.fromarray(together).quantize(COLOURS)
