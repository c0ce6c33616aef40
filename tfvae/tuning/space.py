"""The searched space, as KerasTuner's oracles see it and as an experiment takes it.

To an oracle every parameter is an integer, its place in the row of values of a `Parameter`: so a value is the same in
every process (KerasTuner's messages carry floats of 32 bits), a choice may be made from lists and tables, and the
condition of a parameter is one on places.
"""

import keras_tuner

from tfvae.experiment import changed


def hyperparameters_of(space):
    """The `keras_tuner.HyperParameters` of `Parameter`s."""
    found = keras_tuner.HyperParameters()
    for parameter in space:
        _declare(found, parameter, list(parameter.when.items()), {p.path: p for p in space})
    return found


def _declare(found, parameter, conditions, space):
    if not conditions:
        found.Int(parameter.path, 0, parameter.size - 1)
        return
    (path, allowed), *others = conditions
    with found.conditional_scope(path, [space[path].index_of(value) for value in allowed]):
        _declare(found, parameter, others, space)


def values_of(space, places):
    """{path: value} of an oracle's {path: place}, in the order of the space."""
    return {p.path: p.value_at(places[p.path]) for p in space if p.path in places}


def places_of(space, values):
    """The opposite, or None where a value is outside of the space, or one is missing or too many."""
    active = [parameter for parameter in space if parameter.is_active(values)]
    if {parameter.path for parameter in active} != set(values):
        return None
    places = {parameter.path: parameter.index_of(values[parameter.path]) for parameter in active}
    return None if None in places.values() else places


def every(space, values=None):
    """Every {path: value} of a finite space, the last parameter changing fastest."""
    values = values or {}
    if not space:
        yield values
        return
    parameter, *others = space
    if not parameter.is_active(values):
        yield from every(others, values)
        return
    for place in range(parameter.size):
        yield from every(others, {**values, parameter.path: parameter.value_at(place)})


def first_with(space, parameter, value):
    """The {path: value} in which one parameter has a value, and every other the first that goes with it."""
    wanted = _needed(parameter, {p.path: p for p in space}) | {parameter.path: value}
    values = {}
    for other in space:
        if other.is_active(values):
            values[other.path] = wanted.get(other.path, other.value_at(0))
    return values


def applied(experiment, space, values):
    """The experiment of one trial; the paths of parameters that it has not are left out.

    Raises:
        ConfigError: If the configuration has no such path, or cannot take the values.
    """
    tree = experiment.to_dict()
    absent = {p.path: None for p in space if p.path not in values and value_of_path(tree, p.path) is not None}
    present = {p.path: values[p.path] for p in space if p.path in values}
    return changed(experiment, {"search": None, **present, **absent})


def value_of_path(tree, path):
    """What stands at a dotted path of nested dicts and lists, or None."""
    for key in path.split("."):
        if isinstance(tree, list):
            tree = tree[int(key)] if key.isdecimal() and int(key) < len(tree) else None
        else:
            tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _needed(parameter, space):
    """The first values of the choices that a parameter depends on, and these on others."""
    needed = {}
    for path, allowed in parameter.when.items():
        needed |= _needed(space[path], space) | {path: allowed[0]}
    return needed
