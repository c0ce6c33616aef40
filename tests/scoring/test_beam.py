"""The same job as a Beam pipeline, run for real in memory: the same records in the same files, broken rows and all."""

import numpy as np
import pytest

pytest.importorskip("apache_beam", reason="apache-beam is not installed: see the extra `beam`")

from tfvae.errors import DataError
from tfvae.scoring import Scoring, beam, read, score


def assert_same(found, expected):
    assert len(found) == len(expected)
    for record, other in zip(found, expected, strict=True):
        assert set(record) == set(other)
        for name, value in other.items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                # Beam makes batches of other sizes, which round differently.
                np.testing.assert_allclose(record[name], value, rtol=1e-6, atol=1.2e-7)
            else:
                assert record[name] == value


@pytest.mark.parametrize("output_format", ["jsonl", "parquet", "tfrecord"])
@pytest.mark.parametrize("signature", ["score", "score_bytes"])
def test_a_pipeline_writes_what_the_job_writes(signature, output_format, image_export, folder, tmp_path):
    options = {"signature": signature, "format": output_format, "part_size": 8, "batch_size": 3}
    scoring = Scoring(image_export, data=str(folder), **options)
    score(scoring, tmp_path / "job")
    beam.score(scoring, tmp_path / "pipeline")
    assert_same(list(read(tmp_path / "pipeline")), list(read(tmp_path / "job")))


def test_samples_are_drawn_by_their_index(image_export, tmp_path):
    scoring = Scoring(image_export, num=20, signature="sample", part_size=8, batch_size=3)
    score(scoring, tmp_path / "job")
    beam.score(scoring, tmp_path / "pipeline")
    assert_same(list(read(tmp_path / "pipeline")), list(read(tmp_path / "job")))


def test_conditions_come_from_the_classes(conditional_export, folder, tmp_path):
    scoring = Scoring(conditional_export, data=str(folder), part_size=8)
    score(scoring, tmp_path / "job")
    beam.score(scoring, tmp_path / "pipeline")
    assert_same(list(read(tmp_path / "pipeline")), list(read(tmp_path / "job")))


@pytest.mark.parametrize("signature", ["score", "score_bytes"])
def test_broken_files_have_an_error(signature, image_export, folder, tmp_path):
    (folder / "ant" / "02.png").write_bytes(b"no image at all")
    with pytest.raises(DataError, match=r"^No answer for 1 of 23 examples"):
        beam.score(Scoring(image_export, data=str(folder), signature=signature, part_size=8), tmp_path / "scores")
    records = list(read(tmp_path / "scores"))
    assert [record["index"] for record in records if "error" in record] == [2]


def test_a_pipeline_goes_on_where_the_job_stopped(plain_export, array_file, tmp_path):
    scoring = Scoring(plain_export, data=str(array_file), part_size=5)
    score(scoring, tmp_path / "whole")
    score(Scoring(plain_export, data=str(array_file), part_size=5, shard=(0, 2)), tmp_path / "scores")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "scores").glob("part-*")}
    beam.score(scoring, tmp_path / "scores")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert_same(list(read(tmp_path / "scores")), list(read(tmp_path / "whole")))
    assert beam.score(scoring, tmp_path / "scores")["num_examples"] == 23


def test_the_command_line_is_that_of_the_job(plain_export, array_file, tmp_path):
    arguments = [str(plain_export), "--data", str(array_file), "--output", str(tmp_path), "--runner=FnApiRunner"]
    assert beam.main(arguments) == 0
    assert len(list(read(tmp_path))) == 23
    assert beam.main([str(plain_export), "--output", str(tmp_path)]) == 2
