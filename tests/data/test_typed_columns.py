"""From x to typed columns and back, in a graph as well as out of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.data.typed_columns import from_columns, impute, served_names, specs, to_columns

NAN = float("nan")
COLUMNS = [
    {"name": "kind of thing", "type": "categorical", "categories": ["b", "a", "c"]},
    {"name": "height (cm)", "type": "real", "mean": 170.0, "stddev": 10.0},
    {"name": "member", "type": "binary"},
]
X = np.array([[1, 165.5, 1], [NAN, NAN, NAN], [2, -1, 0], [0, 0, 1]], "float32")
VALUES = {
    "kind of thing": tf.constant(["a", "", "c", "b"]),
    "height (cm)": tf.constant([165.5, NAN, -1, 0]),
    "member": tf.constant([1, NAN, 0, 1]),
}


def test_columns_have_their_types_and_gaps_their_marks():
    columns = to_columns(COLUMNS, tf.constant(X))
    assert {name: values.dtype for name, values in columns.items()} == {
        "kind of thing": tf.string, "height (cm)": tf.float32, "member": tf.int64,
    }  # fmt: skip
    assert columns["kind of thing"].numpy().tolist() == [b"a", b"", b"c", b"b"]
    assert columns["member"].numpy().tolist() == [1, -1, 0, 1]
    np.testing.assert_array_equal(columns["height (cm)"], X[:, 1])


@pytest.mark.parametrize(("probability", "bit"), [(0.49, 0), (0.51, 1), (0.0, 0), (1.0, 1)])
def test_probability_of_a_binary_column_becomes_the_more_probable_value(probability, bit):
    assert to_columns(COLUMNS, tf.constant([[0, 0, probability]]))["member"].numpy() == [bit]


def test_x_is_made_of_its_columns():
    np.testing.assert_array_equal(from_columns(COLUMNS, VALUES), X)


def test_order_of_the_values_does_not_matter_and_others_are_ignored():
    values = {"label": tf.zeros(4), **dict(reversed(VALUES.items()))}
    np.testing.assert_array_equal(from_columns(COLUMNS, values), X)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("kind of thing", ["a", "d", "", "b"], r"`kind of thing` must be one of \['b', 'a', 'c'\], or empty"),
        ("height (cm)", [0.0, -np.inf, 1, 2], r"`height \(cm\)` must be finite numbers, or NaN"),
        ("member", [0.0, 1.0, 0.5, NAN], "`member` must be 0 or 1, or NaN"),
    ],
)
def test_values_that_a_column_cannot_have_are_refused(name, values, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        from_columns(COLUMNS, {**VALUES, name: tf.constant(values)})


def test_gaps_are_imputed_and_what_was_observed_stays():
    reconstruction = np.full_like(X, 7)
    np.testing.assert_array_equal(impute(X, reconstruction)[1], [7, 7, 7])
    np.testing.assert_array_equal(np.delete(impute(X, reconstruction), 1, 0), np.delete(X, 1, 0))


@pytest.mark.parametrize(
    ("names", "served"),
    [
        (["sepal length (cm)", "age"], ["sepal_length_cm", "age"]),
        (["a b", "a_b", "a-b"], ["a_b", "a_b_", "a_b__"]),
        (["1st", "_x", "%", "Größe"], ["column_1st", "x", "column_", "Gr_e"]),
        (["seed", "z"], ["seed_", "z_"]),
    ],
    ids=str,
)
def test_served_names_are_plain_and_differ(names, served):
    assert served_names([{"name": name} for name in names]) == served


def test_columns_go_in_and_out_of_an_export(tmp_path):
    class Counted(keras.Model):  # an export needs a weight
        def __init__(self):
            super().__init__()
            self.one = self.add_weight(shape=(), initializer="ones")

        def impute(self, *tensors):
            names = [column["name"] for column in COLUMNS]
            x = from_columns(COLUMNS, dict(zip(names, tensors, strict=True)))
            answer = to_columns(COLUMNS, impute(x, tf.ones_like(x) * self.one))
            return dict(zip(served_names(COLUMNS), answer.values(), strict=True))

    archive = keras.export.ExportArchive()
    archive.add_endpoint("impute", Counted().impute, input_signature=specs(COLUMNS))
    archive.write_out(str(tmp_path / "export"), verbose=False)
    served = tf.saved_model.load(str(tmp_path / "export")).signatures["impute"]
    answer = served(**dict(zip(served_names(COLUMNS), VALUES.values(), strict=True)))
    assert {name: values.numpy().tolist() for name, values in answer.items()} == {
        "kind_of_thing": [b"a", b"a", b"c", b"b"], "height_cm": [165.5, 1, -1, 0], "member": [1, 1, 0, 1],
    }  # fmt: skip
