"""The arguments of the command line say what a `Scoring` says, and cost no TensorFlow."""

import argparse
import subprocess
import sys

import pytest

from tfvae.scoring import Scoring
from tfvae.scoring.arguments import add_arguments, scoring_of


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(["model", "--output", "out", *arguments])


def test_what_is_not_said_has_the_defaults_of_a_scoring():
    assert scoring_of(parsed("--data", "mnist")) == Scoring("model", data="mnist")


def test_every_option_arrives():
    said = "--data x --signature encode --format parquet --shard 2/5 --seed 7 --batch-size 3 --part-size 9"
    scoring = scoring_of(parsed(*said.split(), "--split", "train", "--data-dir", "there"))
    assert scoring == Scoring("model", "x", "encode", "parquet", (2, 5), 7, 3, 9, None, "train", "there")


@pytest.mark.parametrize("shard", ["5/5", "0/0", "-1/2", "1", "a/b", "1/2/3"])
def test_a_shard_that_is_none_ends_with_code_2(shard, capsys):
    with pytest.raises(SystemExit) as stopped:
        parsed("--num", "1", f"--shard={shard}")
    assert stopped.value.code == 2 and "must be I/N with I from 0 to N - 1" in capsys.readouterr().err


def test_the_arguments_need_no_tensorflow():
    code = "import sys, tfvae.scoring.arguments; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
