"""Rows of a table as a client sends them: what is missing, what is whole, and what a server calls a column."""

import math

import numpy as np
import pandas as pd
import pytest

from tfvae.data.typed_columns import served_names
from tfvae.errors import DataError
from tfvae.serving.client.interface import tensor
from tfvae.serving.client.rows import table_inputs

NUMBER, TEXT = tensor("DT_FLOAT", [-1]), tensor("DT_STRING", [-1])
MISSING = [None, "", float("nan"), np.float32("nan"), pd.NA, pd.NaT]


def sent(values, column):
    return table_inputs({"a": values}, {"a": column})["a"].tolist()


@pytest.mark.parametrize("missing", MISSING, ids=repr)
@pytest.mark.parametrize("form", [list, tuple, lambda values: pd.Series(values, dtype=object)])
def test_what_is_missing_stays_so_beside_what_is_not(missing, form):
    assert sent(form(["x", missing]), TEXT) == [b"x", b""]
    first, second = sent(form([1.5, missing]), NUMBER)
    assert first == 1.5 and math.isnan(second)


@pytest.mark.parametrize("dtype", ["string", "Int64", "category"])
def test_what_is_missing_in_a_data_frame_stays_so(dtype):
    frame = pd.DataFrame({"a": pd.Series(["1", None] if dtype != "Int64" else [1, None], dtype=dtype)})
    assert table_inputs(frame, {"a": TEXT})["a"].tolist() == [b"1", b""]


def test_a_category_that_is_a_whole_number_has_no_point():
    assert sent([1.0, np.float32(2), 3, 4.5, float("nan")], TEXT) == [b"1", b"2", b"3", b"4.5", b""]


def test_truth_values_are_numbers():
    assert sent([True, "False", "true", np.bool_(False)], NUMBER) == [1, 0, 1, 0]


def test_an_infinite_category_is_a_text():
    assert sent([float("inf")], TEXT) == [b"inf"]


NAMES = ["fixed acidity", "pH", "seed", "3rd", "a_b", "Gr\u00f6\u00dfe (cm)"]


def test_columns_go_by_their_own_names_and_by_those_of_the_server():
    served = served_names([{"name": name} for name in NAMES])
    columns = dict.fromkeys(served, NUMBER)
    own = {name: [float(place)] for place, name in enumerate(NAMES)}
    expected = {name: [float(place)] for place, name in enumerate(served)}
    for x in (own, expected, pd.DataFrame(own)):
        assert {name: values.tolist() for name, values in table_inputs(x, columns).items()} == expected


@pytest.mark.parametrize("x", [{"a_b": [1], "a b": [2], "a-b": [3]}, {"a_b": [1]}])
def test_a_column_that_may_be_one_of_two_or_is_taken_is_missing(x):
    with pytest.raises(DataError, match=r"missing: \['a_b_'\]"):
        table_inputs(x, {"a_b": NUMBER, "a_b_": NUMBER})
