"""What all figures share: width, colours, and how they become PNG files for a light and for a dark page."""

import io
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.text import Text

WIDTH = 5.0  # inches: shown 330 pixels wide on a phone, letters of 10 points are still 9 pixels high
DPI = 200
BLUE, ORANGE, GREY = "#3987c9", "#e07b39", "#8b949e"  # at least 3:1 against either paper


class Theme(NamedTuple):
    """Colours of a page: its paper, its letters, its lines."""

    paper: str
    ink: str
    line: str


LIGHT = Theme("#ffffff", "#1f2328", "#afb8c1")
DARK = Theme("#1b1f26", "#e6e9ee", "#5b6470")  # the papers are those of page.html


def new_figure(height, layout="constrained"):
    """An empty figure of the common width; `height` in inches."""
    return Figure(figsize=(WIDTH, height), dpi=DPI, layout=layout)


def tidy(axes):
    """Takes the frame's upper and right lines away."""
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def png(figure, theme=LIGHT):
    """The bytes of a PNG file of `figure` in the colours of a theme."""
    _paint(figure, theme)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def _paint(figure, theme):
    figure.set_facecolor(theme.paper)
    for text in figure.findobj(Text):
        text.set_color(theme.ink)
    for axes in figure.axes:
        axes.set_facecolor("none")
        axes.tick_params(color=theme.line, labelcolor=theme.ink)  # ticks are redrawn: their texts alone do not last
        for spine in axes.spines.values():
            spine.set_edgecolor(theme.line)
