"""How names, numbers and durations are said to a reader."""

import math
import re

MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{NO-BREAK SPACE}\N{PLUS-MINUS SIGN}\N{NO-BREAK SPACE}"
NOT_MEASURED = "not measured"
_CAPITALS = ("auroc", "dci", "elbo", "irs", "jpeg", "kl", "mig", "mse", "png", "psnr", "sap", "ssim", "vae")
_SPELLINGS = {name: name.upper() for name in _CAPITALS} | {
    "monte": "Monte",
    "carlo": "Carlo",
    "frechet": "Fr\N{LATIN SMALL LETTER E WITH ACUTE}chet",
}
_UNITS = {"share": "of 1", "ratio": ""}
_MAX_DECIMALS = 6


def words(name):
    """`negative_elbo` -> "negative ELBO"."""
    return " ".join(_SPELLINGS.get(word, word) for word in re.split("[_ ]", name))


def unit_words(unit):
    """`nats/example` -> "nats per example"."""
    return _UNITS.get(unit, unit.replace("/", " per "))


def number(value, digits=4):
    """A number with at most that many significant digits; an integer with all of its own."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOT_MEASURED if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}".replace("-", MINUS)
    if not math.isfinite(value):
        return str(value)
    text = fixed(value, _decimals(value, digits))
    return text.rstrip("0").rstrip(".") if "." in text else text


def measured(value, standard_error=None):
    """`20.1234, 0.2345` -> "20.12 ± 0.23": the error has two significant digits and decides on those of the value."""
    if not _is_positive(standard_error) or value is None or not math.isfinite(value):
        return number(value)
    decimals = _decimals(standard_error, 2)
    return f"{fixed(value, decimals)}{PLUS_MINUS}{fixed(standard_error, decimals)}"


def fixed(value, decimals):
    """A number with that many decimals, commas between thousands and a real minus sign."""
    return f"{value:,.{decimals}f}".replace("-", MINUS)


def listed(texts):
    """`["a", "b", "c"]` -> "a, b and c"."""
    texts = list(texts)
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def duration(seconds):
    """`72.3` -> "1 min 12 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (seconds if not hours else 0, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def counted(count, noun):
    """`1, "epoch"` -> "1 epoch"; `2000, "epoch"` -> "2,000 epochs"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _decimals(value, digits):
    if value == 0:
        return 0
    return min(_MAX_DECIMALS, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def _is_positive(error):
    return error is not None and math.isfinite(error) and error > 0
