"""A CSV or Parquet file as a source: types that are found or told, and a sentence for each thing that can be wrong."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfvae.data import Data, load, open_splits
from tfvae.data.description import describe
from tfvae.data.tables import standardized, table_source
from tfvae.errors import ConfigError, DataError

NAN = float("nan")
TEXT = """age,vip,kind,size,seen,zip
31.5,1,b,3,True,01
NA,0,a,5,,02
40,,,7,false,01
"""


@pytest.fixture
def csv(tmp_path):
    def write(text, name="table.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def parquet(tmp_path):
    def write(**columns):
        pd.DataFrame(columns).to_parquet(tmp_path / "table.parquet")
        return tmp_path / "table.parquet"

    return write


def rows(source):
    return source.fetch(tf.range(source.num_examples, dtype="int64"))["x"].numpy()


def types(source):
    return {column["name"]: column.get("categories", column["type"]) for column in source.columns}


# Types and values.


def test_types_of_a_csv_file_are_found(csv):
    source = table_source(csv(TEXT))
    assert types(source) == {
        "age": "real", "vip": "binary", "kind": ["a", "b"], "size": "real", "seen": "binary", "zip": "real",
    }  # fmt: skip
    expected = [[31.5, 1, 1, 3, 1, 1], [NAN, 0, 0, 5, NAN, 2], [40, NAN, NAN, 7, 0, 1]]
    np.testing.assert_array_equal(rows(source), np.float32(expected))


def test_schema_overrides_what_is_found(csv):
    told = {"age": "ignore", "vip": "real", "kind": ["c", "b", "a"], "size": "categorical", "zip": "categorical"}
    source = table_source(csv(TEXT), told)
    assert types(source) == {
        "vip": "real", "kind": ["c", "b", "a"], "size": ["3", "5", "7"], "seen": "binary", "zip": ["01", "02"],
    }  # fmt: skip
    np.testing.assert_array_equal(rows(source)[:, :3], np.float32([[1, 1, 0], [0, 2, 1], [NAN, NAN, 2]]))


def test_types_of_a_parquet_file_are_found(parquet):
    path = parquet(
        age=[31.5, None, 40],
        vip=[1, 0, None],
        kind=["b", None, ""],
        size=pd.Categorical(["L", None, "S"], categories=["S", "M", "L"]),
        seen=pd.array([True, None, False], "boolean"),
        count=pd.array([3, None, 7], "Int64"),
    )
    source = table_source(path)
    assert types(source) == {
        "age": "real", "vip": "binary", "kind": ["b"], "size": ["L", "S"], "seen": "binary", "count": "real",
    }  # fmt: skip
    expected = [[31.5, 1, 0, 0, 1, 3], [NAN, 0, NAN, NAN, NAN, NAN], [40, NAN, NAN, 1, 0, 7]]
    np.testing.assert_array_equal(rows(source), np.float32(expected))


def test_csv_and_parquet_of_the_same_table_are_the_same_data(csv, parquet):
    frame = pd.DataFrame({"a": [1.5, None, 3], "b": ["x", "y", None], "c": [0, 1, 1], "d": [7, 8, 9]})
    path = csv("")
    frame.to_csv(path, index=False)
    told = {"d": "categorical"}
    ours, theirs = table_source(path, told), table_source(parquet(**frame), told)
    assert ours.columns == theirs.columns and ours.digest() == theirs.digest()


@pytest.mark.parametrize("gap", ["", "NA", "N/A", "NaN", "nan", "null", "NULL"])
def test_gap_of_a_csv_file(gap, csv):
    assert np.isnan(rows(table_source(csv(f"a,b\n{gap},1\n2,3\n4,5\n")))[0, 0])


def test_none_is_a_category(csv):
    assert types(table_source(csv("pool,x\nNone,1\nlarge,2\n")))["pool"] == ["None", "large"]


def test_numbers_as_categories_are_ordered_by_value(csv, parquet):
    told = {"n": "categorical"}
    assert types(table_source(csv("n\n10\n9\n100\n"), told)) == {"n": ["9", "10", "100"]}
    assert types(table_source(parquet(n=[10.0, 9.5, None, 100.0]), told)) == {"n": ["9.5", "10", "100"]}


@pytest.mark.parametrize(
    ("values", "found"), [("0 1 1", "binary"), ("0 0 0", "real"), ("1 2 1", "real"), ("0 1 0.5", "real")]
)
def test_numbers_are_binary_if_both_0_and_1_occur_and_no_other(values, found, csv):
    assert types(table_source(csv("n,m\n" + "".join(f"{v},7\n" for v in values.split()))))["n"] == found


def test_row_of_gaps_alone_is_kept(csv):
    source = table_source(csv("a,b\n1,x\nNA,NA\n3,y\n"))
    assert source.num_examples == 3 and np.all(np.isnan(rows(source)[1]))


def test_label_is_a_class_and_no_part_of_x(csv):
    source = table_source(csv(TEXT), label="kind")
    assert (source.class_names, source.image_shape) == (("a", "b"), (5,)) and "kind" not in types(source)
    assert source.fetch(tf.range(3, dtype="int64"))["label"].numpy().tolist() == [1, 0, -1]


def test_order_of_the_classes_is_that_of_the_schema(csv):
    source = table_source(csv(TEXT), {"kind": ["b", "a"]}, label="kind")
    assert source.class_names == ("b", "a")
    assert source.fetch(tf.range(2, dtype="int64"))["label"].numpy().tolist() == [0, 1]


def test_digest_changes_with_any_value_name_type_category_or_label(csv):
    texts = [TEXT, TEXT.replace("31.5", "31.6"), TEXT.replace("size", "width"), TEXT.replace(",b,", ",c,")]
    digests = [table_source(csv(text)).digest() for text in texts]
    others = [({"vip": "real"}, None), ({}, "kind")]
    digests += [table_source(csv(TEXT), told, label).digest() for told, label in others]
    assert len(set(digests)) == 6 and table_source(csv(TEXT)).digest() == digests[0]


# Statistics.


def test_statistics_are_those_of_the_observed_values_of_the_given_rows(csv):
    source = table_source(csv("a,b\n1,x\n7,y\n3,y\n5,x\nNA,x\n100,y\n"))
    (a, b) = standardized(source, np.array([0, 2, 3, 4]))
    assert a == {"name": "a", "type": "real", "mean": 3.0, "stddev": pytest.approx(np.std([1, 3, 5]))}
    assert b == {"name": "b", "type": "categorical", "categories": ["x", "y"]}


@pytest.mark.parametrize(("values", "mean"), [("0.1 0.1 0.1", np.float32(0.1)), ("NA NA NA", 0)])
def test_column_that_does_not_vary_has_standard_deviation_1(values, mean, csv):
    text = "a,b\n" + "".join(f"{v},1\n" for v in [*values.split(), "7"])
    (a, _) = standardized(table_source(csv(text)), np.arange(3))
    assert (a["mean"], a["stddev"]) == (pytest.approx(float(mean)), 1.0)


# As data.


@pytest.fixture
def large(csv):
    rng = np.random.default_rng(0)
    values = rng.normal(50, 9, (200, 2))
    kinds = rng.choice(["a", "b", "c"], 200)
    return csv("x,y,kind\n" + "".join(f"{x},{y},{k}\n" for (x, y), k in zip(values, kinds, strict=True)))


def test_batches_hold_the_values_as_they_are(large):
    train, validation, test = load(str(large), batch_size=10)
    batch = next(iter(train))
    assert batch["x"].shape == (10, 3) and batch["x"].dtype == tf.float32
    seen = np.concatenate([b["x"] for split in (validation, test, train) for b in split.as_numpy_iterator()])
    every = {tuple(row) for row in rows(table_source(large))}
    assert {tuple(row) for row in seen} <= every and len(seen) >= 190


def test_columns_of_every_split_have_the_statistics_of_training(large):
    splits = open_splits(Data(str(large)))
    train = rows(splits.train).astype("float64")
    assert splits.train.columns == splits.validation.columns == splits.test.columns
    assert [c["mean"] for c in splits.test.columns[:2]] == pytest.approx(train[:, :2].mean(0))
    assert [c["stddev"] for c in splits.test.columns[:2]] == pytest.approx(train[:, :2].std(0))


def test_description_holds_the_columns_and_survives_json(large):
    data = Data(str(large))
    description = describe(data, open_splits(data))
    assert description["columns"] == open_splits(data).train.columns and description["image_shape"] == [3]
    assert json.loads(json.dumps(description)) == description


def test_description_of_images_has_no_columns(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((9, 4, 4), np.uint8))
    data = Data(str(tmp_path / "x.npz"))
    assert "columns" not in describe(data, open_splits(data))


def test_label_and_condition_of_a_table(large):
    splits = open_splits(Data(str(large), label="kind", conditional=True))
    batch = splits.train.fetch(tf.range(5, dtype="int64"))
    assert batch["x"].shape == (5, 2) and len(splits.train.columns) == 2
    np.testing.assert_array_equal(tf.argmax(batch["condition"], 1), batch["label"])


# Faults.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,b\n", "has columns, and no rows"),
        ("a,b,a\n1,2,3\n", "has two columns called `a`"),
        (",b\n1,2\n", "column 1 has no name"),
        ("a,b\n1,2\n3,4,5\n", "cannot be read as a table: .*line 3"),
        ("a,b\n1,NA\n2,\n", "column `b` has no values: say `ignore`"),
        ("a,b\n1,2\ninf,3\n", "column `a`, row 2: 'inf' is not finite"),
        ("a,b\n1,2\n1e39,3\n", "column `a`, row 2: '1e39' is not finite"),
        ("a\n" + "".join(f"person {i}\n" for i in range(101)), "101 different texts, such as 'person 0': say in"),
        ("a\n7\nNA\n3?\n", "row 3: '3\\?' is not a number, and others are: leave it empty"),
    ],
    ids=lambda value: value[:12],
)
def test_faults_of_a_csv_file(text, message, csv):
    with pytest.raises(DataError, match=message):
        table_source(csv(text))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"agee": "real"}, r"has no column `agee`. Its columns: \['age', 'vip'"),
        ({"kind": "real"}, "column `kind`, row 1: 'b' is not a number"),
        ({"kind": "binary"}, "column `kind`, row 1: 'b' is not a number"),
        ({"size": "binary"}, "column `size`, row 1: '3' is neither 0 nor 1"),
        ({"kind": ["a", "c"]}, r"column `kind`, row 1: 'b' is none of its categories \['a', 'c'\]"),
        (dict.fromkeys(["age", "vip", "kind", "size", "seen", "zip"], "ignore"), "no column left to model"),
    ],
    ids=str,
)
def test_faults_of_a_schema(schema, message, csv):
    with pytest.raises(DataError, match=message):
        table_source(csv(TEXT), schema)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([datetime.date(2020, 1, 1)], "row 1: datetime.date.2020, 1, 1. is not a number"),
        (pd.to_datetime(["2020-01-01"]), "row 1: Timestamp.* is not a number"),
        ([[1, 2]], r"row 1: .*\[1, 2\].* is not a number"),
        ([1.0, np.inf], "row 2: .*inf.* is not finite"),
    ],
    ids=["dates", "times", "lists", "infinity"],
)
@pytest.mark.parametrize("told", [None, "real", "categorical"])
def test_faults_of_a_parquet_file(values, told, message, parquet):
    with pytest.raises(DataError, match=message):
        table_source(parquet(a=values), {"a": told} if told else None)


def test_missing_label_is_named(csv):
    with pytest.raises(DataError, match="has no column `species`"):
        table_source(csv(TEXT), label="species")


def test_many_categories_are_taken_where_they_are_meant(csv):
    source = table_source(csv("a\n" + "".join(f"person {i}\n" for i in range(101))), {"a": "categorical"})
    assert len(source.columns[0]["categories"]) == 101


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_missing_or_damaged_file_is_named(name, tmp_path):
    path = tmp_path / name
    with pytest.raises(DataError, match="There is no file"):
        table_source(path)
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="cannot be read as a table"):
        table_source(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="is a folder, not a file"):
        table_source(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "x.csv", "binarize": "static"}, "`binarize` draws pixels, and x.csv is a table"),
        ({"name": "digits", "schema": {"a": "real"}}, "`schema` is for a table"),
        ({"name": "digits", "label": "a"}, "`label` is for a table"),
        ({"name": "x.csv", "schema": {"a": "number"}}, "Received: a='number'"),
        ({"name": "x.csv", "schema": {"a": []}}, "or a list of different, non-empty texts. Received: a="),
        ({"name": "x.csv", "schema": {"a": ["b", "b"]}}, "or a list of different, non-empty texts. Received: a="),
        ({"name": "x.csv", "schema": {"a": [1, 2]}}, "or a list of different, non-empty texts. Received: a="),
        ({"name": "x.parquet", "schema": {"a": ["b", ""]}}, "or a list of different, non-empty texts. Received: a="),
    ],
    ids=str,
)
def test_wrong_options_of_a_table_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Data(**options)
