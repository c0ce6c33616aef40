"""Files that a command line names: read as training reads them, and one sentence where they cannot be."""

import os

import numpy as np
import pytest

from tfvae.data.table_files import MISSING, read_table
from tfvae.errors import DataError
from tfvae.serving.client import input_files
from tfvae.serving.client.input_files import read_inputs


def table(path, content, encoding="utf-8"):
    path.write_text(content, encoding=encoding)
    return read_inputs([path], ())[0]


TABLES = {
    "plain": "a,b\n1,x\n2,y\n",
    "spaces": "a, b\n1, x\n2, y\n",
    "gaps": "a,b\n1,NA\n,null\n",
    "empty lines": "a,b\n1,x\n\n2,y\n\n",
    "quotes": 'a,"b, c"\n1,"x\ny"\n2,"\u00e4, ""q"""\n',
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])  # Excel writes the latter
@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
def test_a_table_is_read_as_for_training(content, encoding, tmp_path):
    found = table(tmp_path / "t.csv", content, encoding)
    frame = read_table(tmp_path / "t.csv").fillna("")
    assert found == {name: frame[name].tolist() for name in frame}


def test_the_same_words_are_missing_values():
    assert input_files.MISSING == MISSING


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no rows"),
        ("a,b\n", "has no rows"),
        ("a,b\n1\n", "lines of different lengths"),
        ("a,a\n1,2\n", "two columns of the same name"),
        ("a\n" + "x" * 200_000, "cannot be read as a table"),
    ],
)
def test_what_is_no_table_is_told(content, message, tmp_path):
    with pytest.raises(DataError, match=rf"t.csv.* {message}"):
        table(tmp_path / "t.csv", content)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x03\x04 cut", b"\x93NUMPY"])
def test_what_is_no_array_is_told(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as an array"):
        read_inputs([tmp_path / name], ("x",))


def test_an_array_of_objects_and_a_cut_one_are_told(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.array([None, 1], object))
    np.savez_compressed(tmp_path / "z.npz", x=np.arange(1000.0))
    content = bytearray((tmp_path / "z.npz").read_bytes())
    content[200:300] = bytes(100)
    (tmp_path / "z.npz").write_bytes(content)
    for name in ("x.npz", "z.npz"):
        with pytest.raises(DataError, match=f"{name} cannot be read as an array"):
            read_inputs([tmp_path / name], ("x",))


def test_a_name_of_any_bytes_can_be_printed(tmp_path):
    with open(os.fsencode(tmp_path) + b"/\xff \xc3\xa4.png", "wb"):
        pass
    files, names = read_inputs([tmp_path], ())
    assert names == [f"{tmp_path}/\\xff \u00e4.png"] and files[0].exists()
