"""The `tfvae` command: one sub-command a job, nothing but arguments."""

import argparse
import contextlib
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

from tfvae import __version__, commands, jobs
from tfvae.settings import MEASURES
from tfvae.studies import STUDIES

EPILOG = """\
examples:
  tfvae run pipelines/configs/digits.toml            data to served model, and a page to look at
  tfvae train my.toml --output runs/my --set training.epochs=50
  tfvae evaluate runs/my --num-samples 5000
  tfvae export runs/my && tfvae validate runs/my && tfvae push runs/my saved_models/my
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
        _import_quietly()
        with jobs.Interruption() as interruption:
            args.job(args, interruption)

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
    commands = parser.add_subparsers(title="jobs", metavar="COMMAND", required=True)
    for name, (job, text, add_arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=text.split(".")[0], description=text, formatter_class=formatter)
        add_arguments(command)
        command.add_argument("--log-json", action="store_true", help="log one JSON object a line to stderr")
        command.set_defaults(job=job)
    return parser


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer from 1 up, not {text!r}")
    return int(text)


def _add_experiment(command, output):
    command.add_argument("config", metavar="CONFIG", type=Path, help="the experiment, a TOML file")
    command.add_argument("--output", metavar="DIR", type=Path, **output)
    _add_overrides(command, "one value by its dotted path, such as training.epochs=50; may be given several times")


def _add_overrides(command, what):
    options = {"metavar": "KEY=VALUE", "dest": "overrides", "action": "append", "default": []}
    command.add_argument("--set", help=f"override {what}", **options)


def _add_run(command):
    _add_experiment(command, {"help": "folder of the run (default: runs/<name of CONFIG>)"})
    command.add_argument(
        "--saved-models",
        metavar="BASE",
        type=Path,
        help="folder that TensorFlow Serving watches (default: saved_models/<name of CONFIG>)",
    )
    command.add_argument("--keep", metavar="N", type=_positive, help="versions to keep in BASE (default: all)")
    steps = ("data", "train", "evaluate", "export", "validate", "push", "report")
    command.add_argument("--from", dest="first", choices=steps, help="begin with this step whether or not it is due")
    command.add_argument("--dry-run", action="store_true", help="only say which steps would run")


def _add_train(command):
    _add_experiment(command, {"required": True, "help": "folder of the run; the same command again goes on in it"})


def _add_evaluate(command):
    command.add_argument("directory", metavar="DIR", type=Path, help="folder of a run")
    command.add_argument("--num-samples", metavar="S", type=_positive, help="importance samples per example (5000)")
    command.add_argument("--num-examples", metavar="N", type=_positive, help="test examples for the bound (all)")
    listed = "\n".join(f"  {name:12s} {text}" for name, text in MEASURES.items())
    command.description += f"\n\nmeasures:\n{listed}\n  all"
    command.add_argument("--measures", metavar="NAME", nargs="+", help="of the above, beside the ELBO and the bound")


def _add_export(command):
    command.add_argument("directory", metavar="DIR", type=Path, help="folder of a run")
    command.add_argument("destination", metavar="EXPORT", type=Path, nargs="?", help="new folder (default: DIR/export)")


def _add_validate(command):
    command.add_argument("export", metavar="EXPORT", type=Path, help="an export, or the folder of a run that has one")


def _add_push(command):
    command.add_argument("export", metavar="EXPORT", type=Path, nargs="?", help="an export, or the folder of a run")
    command.add_argument("base", metavar="BASE", type=Path, help="folder that TensorFlow Serving watches")
    command.add_argument("--keep", metavar="N", type=_positive, help="versions to keep (default: all)")
    command.add_argument("--rollback", action="store_true", help="withdraw the newest version of BASE")


def _add_study(command):
    listed = "\n".join(f"  {name:15s} {text}" for name, text in STUDIES.items())
    command.description += f"\n\nstudies:\n{listed}"
    command.add_argument("name", metavar="NAME", choices=STUDIES, help="one of the studies above")
    command.add_argument(
        "config",
        metavar="CONFIG",
        type=Path,
        nargs="?",
        help="a TOML file, whose model is trained first, or the folder of a trained run (default: one of digits)",
    )
    command.add_argument("--output", metavar="DIR", type=Path, help="folder of the study (see above)")
    options = "a value of the configuration, training.epochs=50, or an option of the study, study.betas=[1, 4]"
    _add_overrides(command, options)


def _add_report(command):
    command.add_argument(
        "directories",
        metavar="DIR",
        type=Path,
        nargs="+",
        help="folder of a run that was evaluated; several are compared, from their files alone",
    )
    command.add_argument(
        "--output", metavar="PAGE", type=Path, help="folder of the page about several runs (default: runs/comparison)"
    )


COMMANDS = {
    "run": (
        commands.run,
        "The main job. Data check, train, evaluate, export, validate, push, report: what is due.",
        _add_run,
    ),
    "train": (commands.train, "Train a model. The same command again goes on where it stopped.", _add_train),
    "evaluate": (
        commands.evaluate,
        "Measure a trained model on its test split: DIR/metrics.json.",
        _add_evaluate,
    ),
    "export": (commands.export, "Export a trained model as a SavedModel for TensorFlow Serving.", _add_export),
    "validate": (
        commands.validate,
        "Check an export as TensorFlow Serving loads it. Exits 5 on refusal.",
        _add_validate,
    ),
    "push": (
        commands.push,
        "Publish an export as the next version of a model. Or withdraw the newest.",
        _add_push,
    ),
    "study": (
        commands.study,
        "Make one of the classical experiments: figures, numbers and a page.\n"
        "What it trains is kept, and taken up again where it stopped. DIR is by default studies/NAME in the folder of\n"
        "a trained run, else runs/studies/NAME.",
        _add_study,
    ),
    "report": (
        commands.report,
        "Write the page of a run, or of several side by side: DIR/report.html, or PAGE/report.html.",
        _add_report,
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
