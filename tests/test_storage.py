"""Files are whole or not there, and hashes tell any difference."""

import json
import stat

import numpy as np
import pytest

from tfvae import storage


@pytest.fixture
def old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    return path


def test_atomic_path_takes_the_place_of_the_old_file(old_file):
    with storage.atomic_path(old_file) as temporary:
        temporary.write_text("new")
        assert old_file.read_text() == "old"  # to the last moment
    assert old_file.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_atomic_path_leaves_the_old_file_when_the_block_raises(old_file, error):
    with pytest.raises(error), storage.atomic_path(old_file) as temporary:
        temporary.write_text("half")
        raise error
    assert old_file.read_text() == "old"


@pytest.mark.parametrize("fails", [False, True])
def test_atomic_path_leaves_no_temporary_file(old_file, fails):
    try:
        with storage.atomic_path(old_file) as temporary:
            temporary.write_text("new")
            if fails:
                raise ValueError
    except ValueError:
        pass
    assert list(old_file.parent.iterdir()) == [old_file]


def test_atomic_path_survives_a_block_that_removes_its_file(old_file):
    with pytest.raises(FileNotFoundError), storage.atomic_path(old_file) as temporary:
        temporary.unlink()
    assert old_file.read_text() == "old"


def test_temporary_file_keeps_the_suffix_by_which_libraries_choose_a_format(tmp_path):
    with storage.atomic_path(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras"


def test_new_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    storage.write_text(tmp_path / "atomic", "")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")}
    assert len(modes) == 1


def test_json_comes_back(tmp_path):
    value = {"a": [1, 2.5, None, "é"]}
    storage.write_json(tmp_path / "file.json", value)
    assert storage.read_json(tmp_path / "file.json") == value == json.loads((tmp_path / "file.json").read_text())


def test_nan_is_no_json_and_leaves_the_old_file(old_file):
    with pytest.raises(ValueError, match="not JSON compliant"):
        storage.write_json(old_file, {"loss": float("nan")})
    assert old_file.read_text() == "old"


def tree(path, **files):
    for name, text in files.items():
        file = path / name.replace("_", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return storage.sha256_of_tree(path)


def test_hash_of_a_tree_is_that_of_its_names_and_contents(tmp_path):
    trees = [{"a": "x", "b_c": "y"}, {"a": "x", "b_d": "y"}, {"a": "x", "b_c": "z"}, {"a": "y", "b_c": "x"}]
    hashes = [tree(tmp_path / str(i), **files) for i, files in enumerate(trees)]
    assert len(set(hashes)) == len(trees)
    assert tree(tmp_path / "again", **trees[0]) == hashes[0]


def test_hash_of_a_tree_of_one_file_is_that_of_the_file(old_file):
    # From `printf old | sha256sum`.
    expected = "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4"
    assert storage.sha256_of_tree(old_file) == storage.sha256_of_file(old_file) == expected


def test_hash_of_json_does_not_depend_on_the_order_of_keys():
    assert storage.sha256_of_json({"a": 1, "b": 2}) == storage.sha256_of_json({"b": 2, "a": 1})
    assert storage.sha256_of_json({"a": 1}) != storage.sha256_of_json({"a": 2})


def test_hash_of_arrays_is_that_of_values_shapes_types_and_order():
    zeros = np.zeros((2, 3), "float32")
    lists = [[zeros], [zeros.T], [zeros.astype("int32")], [zeros + 1], [zeros, zeros], [zeros[:1], zeros[:1]]]
    hashes = [storage.sha256_of_arrays(arrays) for arrays in lists]
    assert len(set(hashes)) == len(lists)
    assert storage.sha256_of_arrays([zeros, zeros + 1]) != storage.sha256_of_arrays([zeros + 1, zeros])
    assert storage.sha256_of_arrays(iter([zeros.copy()])) == hashes[0]
