"""The `tfvae` command: one sub-command a job, nothing but arguments."""

import argparse
import contextlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import NamedTuple

from tfvae import __version__, arguments, commands, jobs
from tfvae.scoring import arguments as score_arguments
from tfvae.serving.client import arguments as predict_arguments
from tfvae.serving.server import flags

EPILOG = """\
examples:
  tfvae run pipelines/configs/digits.toml            data to served model, and a page to look at
  tfvae train my.toml --output runs/my --set training.epochs=50
  tfvae tune my.toml --output runs/tuning --trials 20
  tfvae evaluate runs/my --num-samples 5000
  tfvae export runs/my && tfvae validate runs/my && tfvae push runs/my saved_models/my
  tfvae serve --model_base_path saved_models/my --model_name my
  tfvae COMMAND --help                               more about one command

exit codes: 0 done or already done, 1 unexpected error, 2 wrong argument or configuration, 3 no usable result,
4 bad data, 5 the gate refuses the model, 130 and 143 stopped by a signal (the same command goes on)."""


def main(arguments=None):
    """Runs the command line and returns its exit code."""
    args = _parser().parse_args(arguments)
    # TensorFlow logs to stderr in C++; errors of its own still come as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")

    def job():
        if args.command.needs_tensorflow(args):
            _import_quietly()
        with jobs.Interruption() as interruption:
            args.command.job(args, interruption)

    return jobs.run(job, args.log_json)


def _parser():
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="tfvae",
        description="Variational autoencoders: train, measure, export, check and push, each as a batch job.",
        epilog=EPILOG,
        formatter_class=formatter,
    )
    parser.add_argument("--version", action="version", version=f"tfvae {__version__}")
    parsers = parser.add_subparsers(title="jobs", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        summary = command.text.partition("\n")[0].rstrip(".")
        options = {"help": summary, "description": command.text, "formatter_class": formatter}
        job_parser = parsers.add_parser(name, allow_abbrev=False, **options)
        command.add_arguments(job_parser)
        job_parser.add_argument("--log-json", action="store_true", help="log one JSON object a line to stderr")
        job_parser.set_defaults(command=command)
    return parser


class Command(NamedTuple):
    """A sub-command.

    Attributes:
        job: (parsed arguments, `jobs.Interruption`) -> None.
        text: What it does: its first sentence stands in the list of sub-commands.
        add_arguments: Adds its arguments to a parser.
        needs_tensorflow: Parsed arguments -> whether TensorFlow, which takes seconds, is to be imported.
    """

    job: Callable
    text: str
    add_arguments: Callable
    needs_tensorflow: Callable = lambda args: True


COMMANDS = {
    "run": Command(
        commands.run,
        "The main job.\nData check, train, evaluate, report, export, validate, push: what is due.",
        arguments.add_run,
    ),
    "train": Command(
        commands.train,
        "Train a model.\n"
        "The same command again goes on where it stopped. training.strategy says which devices share the batches;\n"
        "on several machines each runs this command, with TF_CONFIG, and --workers tries that on one.",
        arguments.add_train,
        needs_tensorflow=lambda args: not args.workers,
    ),
    "data": Command(
        commands.data,
        "Prepare images that memory cannot hold.\n"
        "`tfvae data prepare CONFIG --output DIR` writes the splits of the configuration's data as ArrayRecord files;\n"
        "data.name=DIR trains on them, reading each image when it is its turn.",
        arguments.add_data,
    ),
    "tune": Command(
        commands.tune,
        "Search for the best values of a configuration.\n"
        "Its [search] table says which, and what is best. DIR/best.toml is what `tfvae train` takes.\n"
        "The same command again goes on, in the middle of a trial too. With --workers it starts a chief and workers,\n"
        "and starts them again when they die. Under KerasTuner's variables (KERASTUNER_TUNER_ID,\n"
        "KERASTUNER_ORACLE_IP, KERASTUNER_ORACLE_PORT) it is a chief or a worker itself.",
        arguments.add_tune,
        needs_tensorflow=lambda args: not args.workers,
    ),
    "read-off": Command(
        commands.read_off,
        "Take the model of one beta out of a multi-rate run.\nDIR is then the folder of an ordinary run.",
        arguments.add_read_off,
    ),
    "evaluate": Command(
        commands.evaluate, "Measure a trained model on its test split: DIR/metrics.json.", arguments.add_evaluate
    ),
    "export": Command(
        commands.export, "Export a trained model as a SavedModel for TensorFlow Serving.", arguments.add_export
    ),
    "validate": Command(
        commands.validate,
        "Check an export as TensorFlow Serving loads it.\nExits 5 on refusal.",
        arguments.add_validate,
    ),
    "push": Command(
        commands.push,
        "Publish an export as the next version of a model.\nOr withdraw the newest, or promote a canary.",
        arguments.add_push,
    ),
    "serve": Command(
        commands.serve, "Serve models as TensorFlow Serving does, by its flags.\nSIGTERM stops it.", flags.add_arguments
    ),
    "predict": Command(
        commands.predict,
        "Ask a served model.\nThe server may be `tfvae serve` or TensorFlow Serving.",
        predict_arguments.add_arguments,
        needs_tensorflow=lambda args: args.url.startswith("grpc"),
    ),
    "score": Command(
        commands.score,
        "Ask a model about a whole dataset or folder, in batches.\n"
        "The output is in parts, each whole or not there: the same command again does what is left. A cluster's\n"
        "processes take a shard each. Examples without an answer are named in DIR/_errors, and it exits 4.",
        score_arguments.add_arguments,
    ),
    "drift": Command(
        commands.drift,
        "Hold new data against what a run was trained on.\nExits 4 where its schema, values, codes or scores differ.",
        arguments.add_drift,
    ),
    "study": Command(
        commands.study,
        "Make one of the classical experiments: figures, numbers and a page.\n"
        "What it trains is kept, and taken up again where it stopped. DIR is by default studies/NAME in the folder of\n"
        "a trained run, else runs/studies/NAME.",
        arguments.add_study,
    ),
    "report": Command(
        commands.report,
        "Write the page of a run, or of several side by side: DIR/report.html, or PAGE/report.html.",
        arguments.add_report,
    ),
}


def _import_quietly():
    """Imports TensorFlow without the lines that it prints to stderr before its logging is set up."""
    with tempfile.TemporaryFile() as held, _stderr_to(held):
        import tensorflow  # noqa: F401
    for library in ("absl", "tensorflow", "urllib3"):  # of TensorFlow: warnings of retracing
        logging.getLogger(library).setLevel(logging.ERROR)


@contextlib.contextmanager
def _stderr_to(file):
    real = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    except BaseException:
        file.seek(0)
        os.write(real, file.read())
        raise
    finally:
        os.dup2(real, 2)
        os.close(real)


if __name__ == "__main__":
    sys.exit(main())
