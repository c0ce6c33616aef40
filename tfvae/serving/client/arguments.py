"""The arguments of `tfvae predict`: nothing is imported here that takes time."""

import argparse
from pathlib import Path

METHODS = {
    "encode": "the code of each input: z_mean, and z_stddev where the model has one",
    "encode_sample": "a draw z ~ q(z|x) for each input",
    "decode": "the image or the row of a table that a code z stands for",
    "reconstruct": "each input, encoded and decoded again",
    "sample": "new images or rows, as many as INPUT says",
    "score": "how unlikely each input is, in nats",
    "classify": "the probabilities of each input's classes",
}
EXAMPLES = """\
examples:
  tfvae predict --model digits sample 16 --seed 1 --output samples     PNG files in the folder samples
  tfvae predict --model digits score images/*.png                      a line for each file
  tfvae predict --model digits encode a.png b.png --output codes.npz   arrays z_mean, z_stddev and input
  tfvae predict --model digits decode codes.npz --output decoded
  tfvae predict --model wine --json score wine.csv                     a JSON object for each row of the table
  tfvae predict --url grpc://localhost:8500 --model digits --label canary reconstruct images --output out"""


def add_arguments(command):
    """Adds them to the parser of the sub-command."""
    listed = "\n".join(f"  {name:14s} {text}" for name, text in METHODS.items())
    command.description += f"\n\nmethods:\n{listed}"
    command.epilog = EXAMPLES
    command.add_argument("method", metavar="METHOD", choices=METHODS, help="one of the methods above")
    command.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        help="image files or folders of them, or one .npy, .npz or .csv file; for decode a .npy or .npz file of codes; "
        "for sample the number of samples",
    )
    _add_server(command)
    _add_request(command)
    command.add_argument(
        "--output", metavar="PATH", type=Path, help="a file .npz for all arrays, or a folder for images as PNG files"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object a row, with all values")


def _add_server(command):
    command.add_argument(
        "--url",
        default="http://localhost:8501",
        help="of the server: http or https for REST, grpc or grpcs for gRPC (default: http://localhost:8501)",
    )
    command.add_argument("--model", metavar="NAME", required=True, help="name of the model on the server")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--version", metavar="N", type=int, help="version of the model (default: the newest)")
    which.add_argument("--label", help="label of a version, such as stable")
    command.add_argument(
        "--ca-certificates", metavar="PEM", type=Path, help="authorities to trust with https and grpcs"
    )
    command.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=30.0,
        help="for one request and its retries (default: 30)",
    )


def _add_request(command):
    command.add_argument(
        "--batch-size", metavar="N", type=_positive, default=64, help="rows of a request (default: 64)"
    )
    command.add_argument(
        "--seed", metavar="N", type=int, default=0, help="of the first row; others count on (default: 0)"
    )
    command.add_argument(
        "--condition", metavar="C1,C2,...", type=_numbers, help="what all rows are conditioned on, K numbers"
    )


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer from 1 up, not {text!r}")
    return int(text)


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, not {text!r}")
    return seconds


def _numbers(text):
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers with commas between them, not {text!r}") from None
