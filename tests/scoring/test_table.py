"""The rows of a table go to the model by the columns it knows; a value that is none of its kind costs its row alone."""

import numpy as np
import pandas as pd
import pytest

from tfvae.errors import DataError
from tfvae.scoring import Scoring, read, score
from tfvae.scoring.examples.table_pieces import PIECE, pieces, size_of
from tfvae.serving.standalone.served_model import ServedModel

FRAME = pd.DataFrame(
    {
        "note": ["not a column of the model"] * 6,
        "kind": ["bee", "ant", None, "cat", "cat", "ant"],
        "age": [31.5, None, 44.0, 20.0, -3.0, 60.0],
        "vip": [1, 0, None, 1, 1, 0],
        "id": [0, 0, 1, 1, 0, 1],
        "class": ["a", "b", "a", None, "b", "b"],
    }
)
SENT = {
    "age": np.array([31.5, np.nan, 44, 20, -3, 60], "float32"),
    "vip": np.array([1, 0, np.nan, 1, 1, 0], "float32"),
    "kind": np.array([b"bee", b"ant", b"", b"cat", b"cat", b"ant"], object),
    "id": np.array([0, 0, 1, 1, 0, 1], "float32"),
}


def written(path, frame):
    {".csv": frame.to_csv, ".parquet": frame.to_parquet}[path.suffix](path, index=False)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_score_as_the_model_does_and_carry_their_class(suffix, table_export, tmp_path, scored):
    records = scored(table_export, data=str(written(tmp_path / f"t{suffix}", FRAME)), part_size=4)
    expected = ServedModel(table_export).call("score", {**SENT, "seed": np.arange(6)})
    # Batches of other sizes round differently, some 6e-8 for each of a few terms.
    np.testing.assert_allclose([r["negative_elbo"] for r in records], expected["negative_elbo"], rtol=1e-6)
    assert [record["label"] for record in records] == ["a", "b", "a", None, "b", "b"]


@pytest.mark.parametrize("output_format", ["jsonl", "parquet", "tfrecord"])
def test_an_output_called_like_a_field_of_a_record_gets_another_name(output_format, table_export, tmp_path, scored):
    data = str(written(tmp_path / "t.csv", FRAME))
    records = scored(table_export, data=data, signature="reconstruct", format=output_format)
    outputs = ServedModel(table_export).call("reconstruct", SENT)
    assert set(records[0]) == {"index", "label", "age", "vip", "kind", "id_"}
    assert [record["id_"] for record in records] == outputs["id"].tolist()
    assert [str(record["kind"]) for record in records] == [kind.decode() for kind in outputs["kind"]]


def test_a_value_of_another_kind_is_an_error_of_its_row(table_export, tmp_path):
    frame = FRAME.astype(object)
    frame.loc[1, "age"] = "old"
    frame.loc[4, "kind"] = "dog"
    with pytest.raises(DataError, match=r"^No answer for 2 of 6 examples"):
        score(Scoring(table_export, data=str(written(tmp_path / "t.csv", frame))), tmp_path / "scores")
    errors = {record["index"]: record["error"] for record in read(tmp_path / "scores") if "error" in record}
    assert errors == {
        1: "column `age`: 'old' is not a number.",
        4: "column `kind`: 'dog' is none of its categories ['ant', 'bee', 'cat'].",
    }


def test_a_missing_column_is_an_error(table_export, tmp_path):
    data = written(tmp_path / "t.csv", FRAME.drop(columns="vip"))
    with pytest.raises(DataError, match="has no column `vip`"):
        score(Scoring(table_export, data=str(data)), tmp_path / "scores")


@pytest.mark.parametrize("content", [None, b"", b"age,vip\n", b"PAR1 nothing"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_that_is_no_table_is_an_error(suffix, content, table_export, tmp_path):
    if content is not None:
        (tmp_path / f"t{suffix}").write_bytes(content)
    with pytest.raises(DataError):
        score(Scoring(table_export, data=str(tmp_path / f"t{suffix}")), tmp_path / "scores")


def test_a_field_more_than_the_header_has_does_not_move_the_others(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c\n1,2,3,9\n4,5,6,9\n")  # pandas would take 1 and 4 for an index
    for read_file in (size_of, lambda path: list(pieces(path, 0))):
        with pytest.raises(DataError, match=r"cannot be read as a table: .*Expected 3 fields"):
            read_file(tmp_path / "t.csv")


def test_two_columns_of_one_name_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,a\n1,2,3\n")
    with pytest.raises(DataError, match="it has two columns called `a`"):
        size_of(tmp_path / "t.csv")


@pytest.mark.parametrize("first", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 5])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_pieces_begin_at_any_row(suffix, first, tmp_path):
    frame = pd.DataFrame({"n": np.arange(2 * PIECE + 10), "text": ["two\nlines, quoted"] * (2 * PIECE + 10)})
    path = tmp_path / f"t{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path, row_group_size=1000)
    assert size_of(path) == (["n", "text"], len(frame))
    assert pd.concat(pieces(path, first))["n"].astype(int).tolist() == list(range(first, len(frame)))
