"""A job's numbers depend on nothing but model, data and seed; its folder holds whole parts of one job alone."""

import json

import numpy as np
import pytest

from tfvae.errors import ConfigError, DataError, LockedError
from tfvae.jobs import locked
from tfvae.scoring import Scoring, read, score

OUTPUTS = {"negative_elbo", "distortion", "rate"}


def values(records, name):
    return np.array([record[name] for record in records])


def files(directory):
    return {path.name: path.read_bytes() for path in directory.glob("part-*")}


# Numbers.


def test_scores_are_those_of_the_model_asked_row_by_row(image_export, served, array_file, grey, scored):
    records = scored(image_export, data=str(array_file), seed=5)
    for index, (record, image) in enumerate(zip(records, grey, strict=True)):
        inputs = {"images": (image[None] / np.float32(255)).astype("float32"), "seed": np.array([5 + index])}
        expected = served.call("score", inputs)
        assert set(record) == {"index", "label"} | OUTPUTS and record["index"] == index
        for name in OUTPUTS:
            # A batch of 3 and one of 1 round differently: a sum of 64 terms, 6e-8 each.
            np.testing.assert_allclose(record[name], expected[name][0], rtol=1e-6)


@pytest.mark.parametrize("batch_size", [7, 256])
def test_samples_are_the_same_at_any_batch_size(batch_size, image_export, scored):
    one = scored(image_export, "one", num=20, signature="sample", batch_size=1)
    other = scored(image_export, "other", num=20, signature="sample", batch_size=batch_size)
    # The rounding that serving-contract.md states for a row in another batch, at values up to 1.
    assert np.max(np.abs(values(one, "images") - values(other, "images"))) <= 1.2e-7
    assert len({record["z"].tobytes() for record in one}) == 20


def test_another_seed_gives_other_samples_shifted_by_their_difference(image_export, scored):
    here, there = (scored(image_export, str(seed), num=20, signature="sample", seed=seed) for seed in (0, 3))
    np.testing.assert_array_equal(values(here, "z")[3:], values(there, "z")[:-3])


@pytest.mark.parametrize("count", [2, 7])
def test_shards_write_the_very_files_that_a_single_process_writes(count, plain_export, array_file, tmp_path):
    options = {"data": str(array_file), "part_size": 5, "batch_size": 3}
    score(Scoring(plain_export, **options), tmp_path / "whole")
    for index in reversed(range(count)):
        score(Scoring(plain_export, **options, shard=(index, count)), tmp_path / "shards")
    assert len(files(tmp_path / "whole")) == 5
    assert files(tmp_path / "shards") == files(tmp_path / "whole")


@pytest.mark.parametrize("signature", ["score", "reconstruct"])
def test_all_formats_hold_the_same_records(signature, image_export, array_file, scored):
    options = {"data": str(array_file), "signature": signature}
    lines, table, examples = (scored(image_export, f, format=f, **options) for f in ("jsonl", "parquet", "tfrecord"))
    assert len(lines) == 23
    for records in zip(lines, table, examples, strict=True):
        for name in records[0]:
            for other in records[1:]:
                np.testing.assert_array_equal(other[name], records[0][name])
        assert len({frozenset(record) for record in records}) == 1


def test_a_file_of_json_lines_is_read_by_anyone(image_export, array_file, scored, tmp_path):
    (first, *_) = scored(image_export, data=str(array_file))
    line = json.loads((tmp_path / "scores" / "part-00000-of-00003.jsonl").read_text().splitlines()[0])
    assert line == {**first, **{name: float(first[name]) for name in OUTPUTS}}


# Classes.


def test_a_condition_is_the_class_of_the_row(conditional_export, folder, grey, scored):
    from tfvae.serving.standalone.served_model import ServedModel

    records = scored(conditional_export, data=str(folder), batch_size=23)
    condition = np.eye(3, dtype="float32")[[0] * 10 + [1] * 13]
    inputs = {"images": grey.astype("float32") / np.float32(255), "condition": condition, "seed": np.arange(23)}
    expected = ServedModel(conditional_export).call("score", inputs)
    # In parts of 8: batches of another size.
    np.testing.assert_allclose(values(records, "rate"), expected["rate"], rtol=1e-6)
    assert [record["label"] for record in records] == ["ant"] * 10 + ["bee"] * 13


def test_samples_of_a_conditional_model_take_the_classes_in_turn(conditional_export, scored):
    records = scored(conditional_export, num=7, signature="sample")
    assert [record["label"] for record in records] == ["ant", "bee", "cat", "ant", "bee", "cat", "ant"]


def test_a_class_that_the_model_does_not_know_is_an_error_of_the_row(conditional_export, folder, tmp_path):
    (folder / "ant" / "00.png").rename(folder / "00.png")
    (folder / "bee").rename(folder / "zebra")
    with pytest.raises(DataError, match=r"^No answer for 14 of 23 examples"):
        score(Scoring(conditional_export, data=str(folder)), tmp_path / "scores")
    errors = {record["label"]: record["error"] for record in read(tmp_path / "scores") if "error" in record}
    assert errors == {None: "the model knows no class None", "zebra": "the model knows no class 'zebra'"}


# Going on.


def test_what_is_there_is_left_and_what_is_missing_is_done(plain_export, array_file, tmp_path):
    scoring, output = Scoring(plain_export, data=str(array_file), part_size=5), tmp_path / "scores"
    score(scoring, output)
    before, times = files(output), {path.name: path.stat().st_mtime_ns for path in output.glob("part-*")}
    (output / "part-00001-of-00005.jsonl").unlink()
    (output / "part-00004-of-00005.jsonl").unlink()
    score(scoring, output)
    after = {path.name: path.stat().st_mtime_ns for path in output.glob("part-*")}
    assert files(output) == before
    assert sorted(name for name in times if after[name] != times[name]) == [
        "part-00001-of-00005.jsonl",
        "part-00004-of-00005.jsonl",
    ]


def test_a_finished_job_asks_the_model_nothing(plain_export, array_file, tmp_path):
    scoring = Scoring(plain_export, data=str(array_file))
    assert score(scoring, tmp_path)["model_share"] > 0
    assert score(scoring, tmp_path) == {
        "num_examples": 23,
        "num_failed": 0,
        "seconds": 0.0,
        "examples_per_second": 0.0,
        "model_share": 0.0,
    }


CHANGES = {
    "another signature": {"signature": "encode"},
    "another seed": {"seed": 1},
    "another format": {"format": "parquet"},
    "parts of another size": {"part_size": 7},
}


@pytest.mark.parametrize("what", CHANGES)
def test_another_job_is_refused_the_folder(what, plain_export, array_file, tmp_path):
    score(Scoring(plain_export, data=str(array_file)), tmp_path)
    with pytest.raises(ConfigError, match=f"holds .*{what}: choose another --output"):
        score(Scoring(plain_export, data=str(array_file), **CHANGES[what]), tmp_path)


def test_another_model_is_refused_the_folder(plain_export, image_export, array_file, tmp_path):
    score(Scoring(plain_export, data=str(array_file)), tmp_path / "scores")
    with pytest.raises(ConfigError, match="holds the answers of another model"):
        score(Scoring(image_export, data=str(array_file)), tmp_path / "scores")


def test_other_data_of_the_same_name_is_refused_the_folder(plain_export, grey, tmp_path):
    data, scoring = tmp_path / "x.npy", Scoring(plain_export, data=str(tmp_path / "x.npy"))
    np.save(data, grey)
    score(scoring, tmp_path / "scores")
    np.save(data, 255 - grey)
    with pytest.raises(ConfigError, match="holds the answers to other data"):
        score(scoring, tmp_path / "scores")


def test_another_number_of_samples_is_refused_the_folder(plain_export, tmp_path):
    score(Scoring(plain_export, num=5, signature="sample"), tmp_path)
    with pytest.raises(ConfigError, match="holds the answers to other data"):
        score(Scoring(plain_export, num=6, signature="sample"), tmp_path)


def test_another_batch_size_may_go_on(plain_export, array_file, tmp_path):
    options = {"data": str(array_file), "part_size": 5}
    score(Scoring(plain_export, **options, shard=(0, 2)), tmp_path)
    score(Scoring(plain_export, **options, shard=(1, 2), batch_size=1), tmp_path)
    assert [record["index"] for record in read(tmp_path)] == list(range(23))


def test_a_shard_belongs_to_one_process_at_a_time(plain_export, array_file, tmp_path):
    options = {"data": str(array_file), "part_size": 5}
    with locked(tmp_path / ".shards" / "0-of-2"):
        with pytest.raises(LockedError, match="is in use by process"):
            score(Scoring(plain_export, **options, shard=(0, 2)), tmp_path)
        assert score(Scoring(plain_export, **options, shard=(1, 2)), tmp_path)["num_examples"] == 13


# Reading.


def test_an_unfinished_job_is_not_read(plain_export, array_file, tmp_path):
    score(Scoring(plain_export, data=str(array_file), part_size=5, shard=(0, 2)), tmp_path)
    with pytest.raises(DataError, match=r"3 of 5 parts are missing, part-00002-of-00005\.jsonl the first"):
        read(tmp_path)


def test_a_folder_of_something_else_is_not_read(tmp_path):
    with pytest.raises(DataError, match="is no output of `tfvae score`"):
        read(tmp_path)


# Which model.


def test_the_latest_of_numbered_versions_is_asked(image_export, export_function, array_file, scored, tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "9").symlink_to(image_export)
    (tmp_path / "served" / "10").symlink_to(export_function(lambda images: {"y": images[:, 0, 0, 0]}))
    records = scored(tmp_path / "served", data=str(array_file), signature="serving_default")
    assert set(records[0]) == {"index", "label", "y"}


def test_a_run_has_its_export(image_export, array_file, scored, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "export").symlink_to(image_export)
    assert set(scored(tmp_path / "run", data=str(array_file))[0]) >= OUTPUTS


def test_no_model_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="is no export and holds none"):
        score(Scoring(tmp_path, num=1), tmp_path / "scores")


def test_an_unknown_signature_is_an_error_that_lists_the_known(plain_export, tmp_path):
    with pytest.raises(ConfigError, match=r"has no signature `scores`\. It has .*'score'"):
        score(Scoring(plain_export, num=1, signature="scores"), tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num": 0}, "`num` must be at least 1"),
        ({"num": 1, "batch_size": 0}, "`batch_size` must be at least 1"),
        ({"num": 1, "part_size": -1}, "`part_size` must be at least 1"),
        ({"num": 1, "format": "csv"}, "`format` must be one of"),
        ({"num": 1, "shard": (2, 2)}, "`shard` i/n must have"),
        ({"num": 1, "seed": 2**62}, "`seed` must lie between"),
        ({"num": 1, "data": "x"}, "Give either --data, or --num"),
        ({}, "Give either --data, or --num"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Scoring("model", **options)
