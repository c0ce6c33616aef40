"""The arguments of `tfvae score`, and what they say as a `Scoring`. Imports no TensorFlow."""

import argparse
import re
from pathlib import Path

from tfvae.scoring.options import FORMATS, Scoring


def add_arguments(command):
    """Adds the arguments of `tfvae score` to a parser."""
    command.add_argument(
        "model", metavar="MODEL", help="an export, the folder of a run that has one, or a folder of served versions"
    )
    command.add_argument(
        "--output", metavar="DIR", type=Path, required=True, help="the same command again goes on in it"
    )
    command.add_argument("--data", help="a folder of images, a .npz, .npy, .csv or .parquet file, or a TFDS dataset")
    command.add_argument("--signature", default="score", help="what to ask the model (default: score)")
    command.add_argument("--format", choices=FORMATS, default="jsonl", help="of the output (default: jsonl)")
    command.add_argument("--shard", metavar="I/N", type=_shard, default=(0, 1), help="share I of N, I from 0")
    command.add_argument("--seed", type=int, default=0, help="row k draws by the seed SEED + k (default: 0)")
    command.add_argument("--batch-size", metavar="B", type=int, default=256, help="examples a call (default: 256)")
    command.add_argument("--part-size", metavar="P", type=int, default=4096, help="examples a file (default: 4096)")
    command.add_argument("--num", metavar="N", type=int, help="rows, for a signature without examples, such as sample")
    command.add_argument("--split", help="of a dataset (default: test where there is one, else train)")
    command.add_argument("--data-dir", metavar="DIR", help="folder of prepared TFDS datasets")


def scoring_of(args):
    """The `Scoring` that parsed arguments ask for.

    Raises:
        ConfigError: If they do not go together.
    """
    names = Scoring.__dataclass_fields__
    return Scoring(**{name: value for name, value in vars(args).items() if name in names})


def _shard(text):
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if not match or not int(match[1]) < int(match[2]):
        raise argparse.ArgumentTypeError(f"must be I/N with I from 0 to N - 1, not {text!r}")
    return int(match[1]), int(match[2])
