"""Parameters: the dotted paths that a search varies, and the values that each may take."""

import math
from dataclasses import dataclass, field

from tfvae.errors import ConfigError

KINDS = ("choice", "int", "float")
SCALES = ("linear", "log")
RESOLUTION = 2**20 + 1  # values that a range without a step is cut into, its halves and quarters among them
DIGITS = 5  # significant ones of such a value, for people to read and to type
STEP_DIGITS = 12  # of a value with a step: 0.1 + 2 * 0.1 is 0.3


@dataclass(frozen=True)
class Parameter:
    """One searched path, with its values in a row: from the first, 0, to the last, `size` - 1.

    Attributes:
        path: Dotted path of the configuration.
        kind: "choice", "int" or "float".
        values: What a choice is made from: numbers, texts, lists or whole tables.
        low: First value of a range.
        high: Last value of a range, itself included.
        scale: "linear", or "log": as many values below the geometric mean of a range as above it.
        step: Distance of neighbours, or their ratio on a log scale; None takes any value of a range, every integer
            where the scale is linear.
        when: {path: values} of the choices under which the parameter exists; elsewhere its path is left out.
    """

    path: str
    kind: str
    values: tuple = ()
    low: float | None = None
    high: float | None = None
    scale: str = "linear"
    step: float | None = None
    when: dict = field(default_factory=dict)

    @property
    def is_finite(self):
        """Whether it has values that can be counted, so that a grid can take each."""
        return self.kind == "choice" or self.step is not None

    @property
    def size(self):
        """Number of values in the row."""
        if self.kind == "choice":
            return len(self.values)
        if self.step is None:
            return RESOLUTION
        steps = math.log(self.high / self.low, self.step) if self.scale == "log" else (self.high - self.low) / self.step
        return int(steps + 1e-9) + 1  # 0.3 / 0.1 is 2.9999999999999996

    def value_at(self, index):
        """The value at a place of the row."""
        if self.kind == "choice":
            return self.values[index]
        if self.step is None:
            return self._at_share(index / (self.size - 1))
        value = self.low * self.step**index if self.scale == "log" else self.low + self.step * index
        return round(value) if self.kind == "int" else _rounded(value, STEP_DIGITS)

    def index_of(self, value):
        """The place of a value in the row, or the nearest to it where there is no step; None where it has none."""
        if self.kind == "choice":
            return self.values.index(value) if value in self.values else None
        if type(value) not in (int, float) or not self.low <= value <= self.high:
            return None
        if self.step is None:
            return round(self._share_of(value) * (self.size - 1))
        steps = math.log(value / self.low, self.step) if self.scale == "log" else (value - self.low) / self.step
        return round(steps) if math.isclose(self.value_at(round(steps)), value, rel_tol=1e-9) else None

    def is_active(self, values):
        """Whether it exists under the {path: value} of the parameters that it depends on."""
        return all(path in values and values[path] in allowed for path, allowed in self.when.items())

    def _at_share(self, share):
        if self.kind == "int":  # on a log scale; each integer has the share of its own interval [n, n + 1)
            return min(self.high, int(self.low * ((self.high + 1) / self.low) ** share))
        far = self.low * (self.high / self.low) ** share if self.scale == "log" else None
        value = self.low + share * (self.high - self.low) if far is None else far
        return min(self.high, max(self.low, _rounded(value, DIGITS)))

    def _share_of(self, value):
        if self.kind == "int":
            return math.log((value + 0.5) / self.low) / math.log((self.high + 1) / self.low)
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def parameters_of(tables):
    """The `Parameter`s of a [search.parameters] table, each after those that it depends on.

    Raises:
        ConfigError: If a table is malformed, or a `when` names what is not a searched choice.
    """
    if not tables:
        raise ConfigError("`parameters` must have a path to search: [search.parameters] is empty.")
    found = {path: _parameter(path, table) for path, table in tables.items()}
    for parameter in found.values():
        _check_when(parameter, found)
    # Whole tables before what stands in them: a choice of `model.prior` must not undo one of `model.prior.name`.
    return tuple(sorted(found.values(), key=lambda parameter: (_depth(parameter, found), parameter.path.count("."))))


def _parameter(path, table):
    kinds = [kind for kind in KINDS if isinstance(table, dict) and kind in table]
    if len(kinds) != 1 or not isinstance(table[kinds[0]], list) or set(table) - {*kinds, "scale", "step", "when"}:
        raise ConfigError(
            f"`{path}` must be {{ choice = [...] }}, {{ int = [low, high] }} or {{ float = [low, high] }}, maybe with "
            f"`scale`, `step` and `when`. Received: {table!r}"
        )
    (kind,) = kinds
    when = {parent: tuple(v) if isinstance(v, list) else (v,) for parent, v in table.get("when", {}).items()}
    if kind != "choice":
        return _range(path, kind, table, when)
    if not table["choice"] or any(value in table["choice"][:i] for i, value in enumerate(table["choice"])):
        raise ConfigError(f"`{path}`: a choice needs values, each once. Received: {table['choice']!r}")
    if "scale" in table or "step" in table:
        raise ConfigError(f"`{path}`: a choice has neither `scale` nor `step`.")
    return Parameter(path, kind, tuple(table["choice"]), when=when)


def _range(path, kind, table, when):
    scale, step, bounds = table.get("scale", "linear"), table.get("step"), table[kind]
    types = (int,) if kind == "int" else (int, float)
    if len(bounds) != 2 or any(type(bound) not in types for bound in bounds) or not bounds[0] < bounds[1] < math.inf:
        raise ConfigError(f"`{path}`: {kind} = [low, high] takes two {kind}s, the smaller first. Received: {bounds!r}")
    if scale not in SCALES or (scale == "log" and bounds[0] <= 0):
        raise ConfigError(f"`{path}`: `scale` is linear, or log from above 0. Received: {scale!r} from {bounds[0]}")
    if step is not None and (type(step) not in types or step <= (1 if scale == "log" else 0)):
        raise ConfigError(f"`{path}`: `step` must be above 0, or above 1 on a log scale. Received: step={step!r}")
    if kind == "int" and scale == "linear":
        step = step or 1
    low, high = bounds if kind == "int" else map(float, bounds)
    return Parameter(path, kind, (), low, high, scale, step, when)


def _check_when(parameter, found):
    for path, allowed in parameter.when.items():
        if path not in found or found[path].kind != "choice":
            raise ConfigError(f"`{parameter.path}`: `when` names `{path}`, which is no choice of [search.parameters].")
        strange = [value for value in allowed if value not in found[path].values]
        if strange:
            raise ConfigError(f"`{parameter.path}`: `when` asks for `{path}` = {strange[0]!r}, which is not searched.")


def _depth(parameter, found, seen=()):
    """Number of parameters above it in the longest chain of `when`."""
    if parameter.path in seen:
        raise ConfigError(f"`{parameter.path}`: `when` goes in a circle.")
    above = [_depth(found[path], found, (*seen, parameter.path)) for path in parameter.when]
    return 1 + max(above) if above else 0


def _rounded(value, digits):
    return float(f"{value:.{digits}g}")
