"""Axes of values that were tried: numbers on a linear or a logarithmic scale, or choices side by side."""

from typing import NamedTuple

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

FENCE = 1.5  # times the distance between the quartiles: what lies further outside them leaves the frame
MARGIN = 0.04  # beyond the bounds of an axis
MOST_LETTERS = 14  # of a choice


class ValueAxis(NamedTuple):
    """How the values of one parameter lie along an axis.

    Attributes:
        label: Its name.
        choices: Texts of the choices at the places 0, 1, ...; empty for numbers.
        is_log: Whether numbers are drawn by their logarithms.
        is_integer: Whether numbers are whole.
        bounds: (lowest, highest) number that was looked at; None fits the axis to what is drawn.
    """

    label: str
    choices: tuple = ()
    is_log: bool = False
    is_integer: bool = False
    bounds: tuple | None = None

    def draw(self, axes, side, num_ticks=5):
        """Sets scale, ticks and label of the axis "x" or "y" of `axes`."""
        axis = getattr(axes, f"{side}axis")
        getattr(axes, f"set_{side}label")(plain(self.label), fontsize=9)
        if self.choices:
            getattr(axes, f"set_{side}ticks")(range(len(self.choices)), [_short(text) for text in self.choices])
            getattr(axes, f"set_{side}lim")(-0.5, len(self.choices) - 0.5)
        else:
            self._draw_numbers(axes, side, num_ticks)
        axis.set_tick_params(labelsize=8)

    def _draw_numbers(self, axes, side, num_ticks):
        axis = getattr(axes, f"{side}axis")
        if self.is_log:
            getattr(axes, f"set_{side}scale")("log")
        if self.bounds is not None and self.bounds[1] > self.bounds[0]:
            low, high = self.positions(self.bounds)
            room = MARGIN * (high - low)
            limits = np.array([low - room, high + room])
            getattr(axes, f"set_{side}lim")(np.exp(limits) if self.is_log else limits)
        if self.is_log:
            _log_ticks(axis, *getattr(axes, f"get_{side}lim")())
        else:
            axis.set_major_locator(MaxNLocator(num_ticks, integer=self.is_integer, min_n_ticks=1))

    def spread(self, places, width, step=0.6180339887):
        """Places as they are drawn: those of one choice beside one another, `width` to either side; numbers as given.

        Args:
            places: [N].
            width: Share of the space between two choices.
            step: Whose multiples modulo 1 fill the width evenly, as those of the golden ratio do.
        """
        places = np.asarray(places, "float64")
        return places + width * (2 * np.mod(step * np.arange(len(places)), 1) - 1) if self.choices else places

    def positions(self, places):
        """Places on a line on which equal steps are equal to the eye, [N]."""
        return np.log(places) if self.is_log else np.asarray(places, "float64")


def near(values):
    """The range that a panel shows, (low, high): that of all values but those far outside of the others."""
    values = np.asarray(values, "float64")
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    first, third = np.quantile(values, (0.25, 0.75))
    reach = FENCE * (third - first)
    kept = values[(values >= first - reach) & (values <= third + reach)]
    return float(kept.min()), float(kept.max())


def frame(values, margin=0.08, keep=()):
    """`near`, widened to hold the values `keep`, with a margin on both sides; never empty."""
    low, high = near(values)
    low, high = min([low, *keep]), max([high, *keep])
    room = margin * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def plain(text):
    """A text as matplotlib writes it: no formula."""
    return text.replace("$", r"\$")


def _short(text):
    half = (MOST_LETTERS - 2) // 2  # what tells tables of arguments apart is often their end
    return plain(text if len(text) <= MOST_LETTERS else f"{text[:half]}..{text[-half:]}")


def _log_ticks(axis, low, high):
    """Ticks at 1, 2 and 5 times powers of ten over a short range, at powers of ten over a long one."""
    decades = np.log10(high / low)
    steps = (1.0, 2.0, 5.0) if decades < 2 else (1.0, 3.0) if decades < 3 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps, numticks=8))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())
