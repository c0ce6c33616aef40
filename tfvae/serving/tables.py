"""Tables: how clients send and receive x where it is the row of a table, one input and one output for each column."""

import numpy as np

from tfvae.data.typed_columns import from_columns, impute, served_names, specs, to_columns


class Table:
    """Columns as clients know them: numbers, NaN where missing, and names of categories, empty where missing.

    Args:
        columns: A dict for each column, see `Columns`.
    """

    file_specs = ()

    def __init__(self, columns):
        self.columns, self.specs, self.names = list(columns), tuple(specs(columns)), served_names(columns)

    def x(self, inputs):
        """x of {served name of a column: values}. INVALID_ARGUMENT if a value is not one that the column can have."""
        values = {column["name"]: inputs[name] for column, name in zip(self.columns, self.names, strict=True)}
        return from_columns(self.columns, values)

    def inputs(self, x):
        """What a client sends for x, the inverse of `x`: {served name of a column: values}."""
        x, typed = np.asarray(x), to_columns(self.columns, x)
        sent = [typed[c["name"]] if c["type"] == "categorical" else x[:, i] for i, c in enumerate(self.columns)]
        return dict(zip(self.names, map(np.asarray, sent), strict=True))

    def reconstructions(self, x, mean):
        """What a client gets for x and the mean of p(x|z) at its code: x with its gaps imputed."""
        return self.outputs(impute(x, mean))

    def outputs(self, mean):
        """What a client gets for the mean of p(x|z)."""
        return dict(zip(self.names, to_columns(self.columns, mean).values(), strict=True))

    def samples(self, model, z, seeds):
        """What a client gets for z ~ p(z): a row with the noise of p(x|z), without which a table lacks its spread."""
        return self.outputs(model.decode_sample(z, seeds))

    def examples(self, num_rows):
        """Rows of every input by name, the same for the same columns."""
        rng = np.random.default_rng(0)
        return {name: _values(column, rng, num_rows) for column, name in zip(self.columns, self.names, strict=True)}

    def facts(self):
        """What the manifest says of it."""
        return {"columns": [{**c, "served_name": name} for c, name in zip(self.columns, self.names, strict=True)]}


def _values(column, rng, num_rows):
    if column["type"] == "categorical":
        return rng.choice(np.array(column["categories"], object), num_rows)
    if column["type"] == "binary":
        return rng.integers(0, 2, num_rows).astype("float32")
    return rng.normal(column["mean"], column["stddev"], num_rows).astype("float32")
