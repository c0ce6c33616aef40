"""Image files are scored in the order of their names, as their pixels are, and a broken one costs itself alone."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfvae.errors import ConfigError, DataError
from tfvae.scoring import Scoring, read, score


def rates(records):
    return np.array([record["rate"] for record in records])


@pytest.mark.parametrize("signature", ["score", "score_bytes"])
def test_files_score_as_their_pixels_do(signature, image_export, folder, array_file, scored):
    from_files = scored(image_export, "files", data=str(folder), signature=signature)
    from_pixels = scored(image_export, "pixels", data=str(array_file))
    np.testing.assert_array_equal(rates(from_files), rates(from_pixels))
    names = [f"{'ant' if number < 10 else 'bee'}/{number:02d}.png" for number in range(23)]
    assert [record["file"] for record in from_files] == names
    assert [record["label"] for record in from_files] == ["ant"] * 10 + ["bee"] * 13


def test_files_directly_in_the_folder_have_no_class(plain_export, folder, scored):
    records = scored(plain_export, data=str(folder / "ant"))
    assert "label" not in records[0] and records[3]["file"] == "03.png"


def test_hidden_files_and_other_kinds_are_ignored(plain_export, folder, scored):
    for name in (".hidden.png", "notes.txt", "ant/._00.png"):
        (folder / name).write_bytes(b"nothing")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "00.png").write_bytes(b"nothing")
    assert len(scored(plain_export, data=str(folder))) == 23


@pytest.mark.parametrize(
    ("signature", "output_format"), [("score", "jsonl"), ("score_bytes", "parquet"), ("score_bytes", "tfrecord")]
)
def test_broken_files_have_an_error_and_the_others_their_numbers(
    signature, output_format, image_export, folder, array_file, scored, tmp_path
):
    whole = scored(image_export, "whole", data=str(array_file))
    (folder / "ant" / "02.png").write_bytes(b"no image at all")
    (folder / "bee" / "15.png").write_bytes((folder / "bee" / "15.png").read_bytes()[:-30])
    (folder / "bee" / "22.png").write_bytes(tf.io.encode_png(np.zeros((9, 8, 1), "uint8")).numpy())
    options = {"signature": signature, "format": output_format, "part_size": 8, "batch_size": 3}
    with pytest.raises(DataError, match=r"^No answer for 3 of 23 examples"):
        score(Scoring(image_export, data=str(folder), **options), tmp_path / "broken")
    records = list(read(tmp_path / "broken"))
    assert [record["index"] for record in records if "error" in record] == [2, 15, 22]
    assert set(records[15]) == {"index", "file", "label", "error"} and records[15]["file"] == "bee/15.png"
    good = [number for number in range(23) if number not in (2, 15, 22)]
    # Rows beside a broken one are asked in smaller batches, which round differently.
    np.testing.assert_allclose(rates([records[i] for i in good]), rates([whole[i] for i in good]), rtol=1e-6)
    errors = sorted((tmp_path / "broken" / "_errors").iterdir())
    listed = [json.loads(line) for path in errors for line in path.read_text().splitlines()]
    assert listed == [{key: records[i][key] for key in ("index", "file", "error")} for i in (2, 15, 22)]


def test_a_link_to_nothing_costs_its_own_row_alone(plain_export, folder, tmp_path):
    (folder / "ant" / "link.png").symlink_to(tmp_path / "nothing.png")
    with pytest.raises(DataError, match=r"^No answer for 1 of 24 examples"):
        score(Scoring(plain_export, data=str(folder)), tmp_path / "scores")
    (failed,) = [record for record in read(tmp_path / "scores") if "error" in record]
    assert (failed["file"], failed["error"]) == ("ant/link.png", "it cannot be read: No such file or directory")


def test_a_finished_job_with_broken_files_says_so_again(plain_export, folder, tmp_path):
    (folder / "ant" / "02.png").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(DataError, match=r"^No answer for 1 of 23 examples: see .*_errors"):
            score(Scoring(plain_export, data=str(folder)), tmp_path / "scores")


def test_errors_tell_nothing_of_graphs(image_export, folder, tmp_path):
    (folder / "ant" / "02.png").write_bytes(b"no image at all")
    with pytest.raises(DataError):
        score(Scoring(image_export, data=str(folder), signature="encode_bytes"), tmp_path / "scores")
    (error,) = [record["error"] for record in read(tmp_path / "scores") if "error" in record]
    assert "node" not in error and "\n" not in error and "image" in error.lower()


def test_a_file_with_a_name_of_any_bytes_is_scored(plain_export, folder, scored):
    name = b"ant/\xff.png"
    with open(bytes(folder) + b"/" + name, "wb") as file:
        file.write((folder / "ant" / "00.png").read_bytes())
    records = scored(plain_export, data=str(folder), format="parquet")
    assert records[10]["file"] == "ant/\\xff.png" and "rate" in records[10]


def test_a_changed_file_makes_other_data(plain_export, folder, tmp_path):
    scoring = Scoring(plain_export, data=str(folder))
    score(scoring, tmp_path / "scores")
    (folder / "ant" / "00.png").write_bytes((folder / "ant" / "01.png").read_bytes())
    with pytest.raises(ConfigError, match="other data"):
        score(scoring, tmp_path / "scores")


@pytest.mark.parametrize(("name", "message"), [("nowhere", "There is no folder"), ("empty", "holds no images")])
def test_a_folder_without_images_is_an_error(name, message, plain_export, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        score(Scoring(plain_export, data=str(tmp_path / name)), tmp_path / "scores")


def test_a_signature_that_a_folder_cannot_answer_is_refused(image_export, folder, tmp_path):
    with pytest.raises(ConfigError, match=r"asks for \['z'\], and a folder of images gives"):
        score(Scoring(image_export, data=str(folder), signature="decode"), tmp_path)
    with pytest.raises(ConfigError, match="takes no examples"):
        score(Scoring(image_export, data=str(folder), signature="sample"), tmp_path)
    with pytest.raises(ConfigError, match="give --data in place of --num"):
        score(Scoring(image_export, num=3), tmp_path)
