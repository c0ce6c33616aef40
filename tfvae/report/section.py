"""Section: one figure of a page, what it says, and the numbers it was drawn from."""

from typing import Any, NamedTuple


class Section(NamedTuple):
    """One figure with its texts.

    Attributes:
        name: Name of its files, figures/<name>.png and figures/<name>.csv: lower case and underscores.
        title: A few words.
        figure: A matplotlib figure of `report.figures`, or an `Animation`.
        alt: What it shows, in a sentence for those who cannot see it.
        caption: How to read it: what is good, what is bad.
        numbers: What it was drawn from, {column: values}, all columns of one length.
    """

    name: str
    title: str
    figure: Any
    alt: str
    caption: str
    numbers: dict


class Animation(NamedTuple):
    """A moving picture.

    Attributes:
        frames: uint8 [T, H, W] or [T, H, W, 3].
        seconds: How long each frame is shown.
    """

    frames: Any
    seconds: float = 0.1
