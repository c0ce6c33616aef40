"""`tfvae predict`: what it prints, what it writes, and the sentence where a word is wrong."""

import argparse
import json

import numpy as np
import pytest
from PIL import Image

from tfvae import jobs
from tfvae.errors import ConfigError, DataError
from tfvae.serving.client import Client
from tfvae.serving.client.arguments import add_arguments
from tfvae.serving.client.predict import predict
from tfvae.serving.client.printing import json_lines


@pytest.fixture
def run(server, capsys):
    """run(arguments) runs the command and returns the lines of its stdout."""

    def run(*arguments, model="images"):
        jobs.set_up_logs(log_json=False)
        predict(parse("--url", server.rest, "--model", model, *arguments))
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def client(server):
    with Client(server.rest, "images") as client:
        yield client


@pytest.fixture
def files(tmp_path):
    """A folder of two images, a text beside them."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name, level in (("b.png", 200), ("a.png", 10)):
        Image.fromarray(np.full((8, 8), level, "uint8")).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


def parse(*arguments):
    parser = argparse.ArgumentParser(description="")
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_a_table_has_a_line_for_each_file_of_a_folder(run, files, client):
    header, *lines = run("score", str(files))
    scores = client.score([files / "a.png", files / "b.png"])
    assert header.split() == ["input", *scores]
    for line, name, score in zip(lines, ("a.png", "b.png"), scores["distortion"], strict=True):
        assert line.split()[:2] == [str(files / name), f"{score:.5g}"]


def test_json_has_every_value(run, files, client):
    (line,) = run("encode", str(files / "a.png"), "--json")
    found = json.loads(line)
    assert found["input"] == str(files / "a.png")
    np.testing.assert_allclose(found["z_mean"], client.encode(files / "a.png")["z_mean"][0], rtol=1e-6)  # decimals


def test_samples_become_png_files(run, tmp_path, client):
    lines = run("sample", "3", "--seed", "5", "--output", str(tmp_path / "out"), "--batch-size", "2")
    assert lines[1].startswith("seed 5 ")
    assert lines[-1] == f"3 images: {tmp_path / 'out'}"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["00000.png", "00001.png", "00002.png"]
    pixels = np.asarray(Image.open(tmp_path / "out" / "00002.png")) / 255
    expected = np.clip(client.sample(1, seed=7)["images"][0, ..., 0], 0, 1)
    np.testing.assert_allclose(pixels, expected, atol=0.5 / 255 + 1e-5)  # half a grey level, and float32


def test_codes_go_through_a_file_to_images(run, files, tmp_path, client):
    codes, decoded = tmp_path / "new" / "codes.npz", tmp_path / "decoded.npz"
    run("encode", str(files), "--output", str(codes))
    run("decode", str(codes), "--output", str(decoded))
    with np.load(codes) as held, np.load(decoded) as images:
        assert held["input"].tolist() == [str(files / "a.png"), str(files / "b.png")]
        np.testing.assert_allclose(images["images"], client.decode(held["z_mean"])["images"], rtol=1e-5)  # float32


def test_with_json_stdout_holds_json_alone(run, tmp_path):
    lines = run("sample", "2", "--json", "--output", str(tmp_path / "out"))
    assert [json.loads(line)["input"] for line in lines] == ["seed 0", "seed 1"]
    assert (tmp_path / "out" / "00001.png").exists()


def test_a_csv_file_is_a_table(run, tmp_path):
    table = tmp_path / "rows.csv"
    table.write_text("kind,age,vip,note\nant,31.5,1,x\n,,0,y\n", encoding="utf-8")
    found = [json.loads(line) for line in run("reconstruct", str(table), "--json", model="table")]
    assert [row["input"] for row in found] == ["row 0", "row 1"]
    assert (found[0]["kind"], found[0]["age"]) == ("ant", 31.5)
    assert found[1]["age"] is not None


def test_a_condition_is_given_as_numbers(run):
    assert len(run("sample", "2", "--condition", "0,0,1,0", model="conditional")) == 3
    with pytest.raises(ConfigError, match="give `condition`"):
        run("sample", "2", model="conditional")


def test_what_is_not_finite_is_null_in_json():
    answer = {"z": np.array([[0.5, np.nan], [np.inf, 1]], "float32")}
    assert list(json_lines(["a", "b"], answer)) == [
        '{"input": "a", "z": [0.5, null]}',
        '{"input": "b", "z": [null, 1.0]}',
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["sample", "many"], ConfigError, "sample takes the number of samples. Received: many"),
        (["sample", "1", "2"], ConfigError, "Received: 1 2"),
        (["encode", "no_such.png"], DataError, "no_such.png cannot be read"),
        (["encode", "no_such.npy"], DataError, "no_such.npy cannot be read as an array"),
        (["encode", "{folder}"], DataError, "has no .png, .jpg, .jpeg files"),
        (["encode", "a.npy", "b.npy"], ConfigError, "one file at a time"),
        (["encode", "{arrays}"], DataError, r"one of the arrays \['images', 'reconstructions', 'x'\]. It has \['y'\]"),
        (["encode", "a.csv"], DataError, "a.csv cannot be read as a table"),
        (["classify", "a.png"], ConfigError, "no signature `classify`"),
        (["score", "{image}", "--output", "{folder}/out"], ConfigError, "score answers no images"),
    ],
)
def test_mistakes_are_told_in_a_sentence(run, tmp_path, arguments, error, message):
    places = {"folder": tmp_path / "empty", "arrays": tmp_path / "y.npz", "image": tmp_path / "a.png"}
    places["folder"].mkdir()
    np.savez(places["arrays"], y=np.zeros(3))
    Image.fromarray(np.zeros((8, 8), "uint8")).save(places["image"])
    with pytest.raises(error, match=message):
        run(*[argument.format(**places) for argument in arguments])


@pytest.mark.parametrize(
    "wrong",
    [
        ["paint", "1"],
        ["sample"],
        ["sample", "1", "--batch-size", "0"],
        ["sample", "1", "--timeout", "nan"],
        ["sample", "1", "--condition", "a,b"],
        ["sample", "1", "--version", "1", "--label", "stable"],
    ],
)
def test_arguments_that_cannot_be_right_are_refused_by_the_parser(wrong, capsys):
    with pytest.raises(SystemExit):
        parse("--model", "images", *wrong)
    assert "error: " in capsys.readouterr().err


def test_help_teaches_by_examples(capsys):
    with pytest.raises(SystemExit):
        parse("--help")
    text = capsys.readouterr().out
    assert "tfvae predict --model digits sample 16 --seed 1 --output samples" in text
