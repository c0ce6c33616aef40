"""The arguments of the sub-commands of `tfvae`; nothing is imported here that takes time."""

import argparse
from pathlib import Path

from tfvae.settings import MEASURES
from tfvae.studies import STUDIES


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


def add_run(command):
    """Adds those of `tfvae run`."""
    _add_experiment(command, {"help": "folder of the run (default: runs/<name of CONFIG>)"})
    command.add_argument(
        "--saved-models",
        metavar="BASE",
        type=Path,
        help="folder that TensorFlow Serving watches (default: saved_models/<name of CONFIG>)",
    )
    command.add_argument("--keep", metavar="N", type=_positive, help="versions to keep in BASE (default: all)")
    steps = ("data", "train", "evaluate", "report", "export", "validate", "push")
    command.add_argument("--from", dest="first", choices=steps, help="begin with this step whether or not it is due")
    command.add_argument("--until", dest="last", choices=steps, default=steps[-1], help="stop after this step")
    command.add_argument("--tune", action="store_true", help="search first, as [search] says, and run the best")
    command.add_argument("--dry-run", action="store_true", help="only say which steps would run")


def add_train(command):
    """Adds those of `tfvae train`."""
    _add_experiment(command, {"required": True, "help": "folder of the run; the same command again goes on in it"})
    command.add_argument(
        "--workers", metavar="N", type=_positive, help="train in N processes of this machine, as on N machines"
    )


def add_data(command):
    """Adds those of `tfvae data`."""
    command.add_argument("action", choices=("prepare",), help="prepare: write the images as records, in shards")
    _add_experiment(
        command, {"required": True, "help": "folder of the records; what a killed command left is written anew"}
    )
    command.add_argument("--shards", metavar="N", type=_positive, default=16, help="files of each split (default: 16)")
    command.add_argument(
        "--lanes",
        metavar="N",
        type=_positive,
        default=1,
        help="number of machines that may train on a part of the files each; a divisor of the shards (default: 1)",
    )


def add_tune(command):
    """Adds those of `tfvae tune`."""
    _add_experiment(command, {"required": True, "help": "folder of the search; the same command again goes on in it"})
    command.add_argument("--trials", metavar="N", type=_positive, help="largest number of trials (else search.trials)")
    command.add_argument("--hours", metavar="H", type=float, help="when no trial begins any more (else search.hours)")
    command.add_argument(
        "--from-search",
        metavar="DIR",
        dest="earlier",
        type=Path,
        action="append",
        default=[],
        help="begin with what an earlier search found out about the same trainings; may be given several times",
    )
    command.add_argument(
        "--workers", metavar="N", type=_positive, help="run N trials at a time, in as many processes of this machine"
    )
    command.add_argument(
        "--worker-timeout",
        metavar="SECONDS",
        type=_positive,
        default=600,
        help="how long nobody waits for a worker or a chief without a sign of life (default: 600)",
    )


def add_read_off(command):
    """Adds those of `tfvae read-off`."""
    command.add_argument("directory", metavar="RUN", type=Path, help="folder of a finished run of a MultiRateVAE")
    command.add_argument("--beta", metavar="B", type=float, required=True, help="weight of the rate, in its range")
    command.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of the new run")
    _add_overrides(command, "a value of [evaluation] or [gate], such as gate.negative_elbo.at_most=30")


def add_evaluate(command):
    """Adds those of `tfvae evaluate`."""
    command.add_argument("directory", metavar="DIR", type=Path, help="folder of a run")
    command.add_argument("--num-samples", metavar="S", type=_positive, help="importance samples per example (5000)")
    command.add_argument("--num-examples", metavar="N", type=_positive, help="test examples for the bound (all)")
    listed = "\n".join(f"  {name:12s} {text}" for name, text in MEASURES.items())
    command.description += f"\n\nmeasures:\n{listed}\n  all"
    command.add_argument("--measures", metavar="NAME", nargs="+", help="of the above, beside the ELBO and the bound")


def add_export(command):
    """Adds those of `tfvae export`."""
    command.add_argument("directory", metavar="DIR", type=Path, help="folder of a run")
    command.add_argument("destination", metavar="EXPORT", type=Path, nargs="?", help="new folder (default: DIR/export)")


def add_validate(command):
    """Adds those of `tfvae validate`."""
    command.add_argument("export", metavar="EXPORT", type=Path, help="an export, or the folder of a run that has one")
    text = "folder of versions, whose stable one the export is held against (default: it is the first)"
    command.add_argument("--base", metavar="BASE", type=Path, help=text)
    server = command.add_argument_group("server", "which server is asked; by default `tfvae serve`, started for this")
    text = "ask a server of the export that runs, http://HOST:PORT or grpc://HOST:PORT; may be given twice"
    server.add_argument("--url", metavar="URL", dest="urls", action="append", default=[], help=text)
    server.add_argument("--model", metavar="NAME", help="what the server of --url calls the model")
    server.add_argument("--docker", action="store_true", help="start TensorFlow Serving in Docker and ask that")


def add_push(command):
    """Adds those of `tfvae push`."""
    command.add_argument("export", metavar="EXPORT", type=Path, nargs="?", help="an export, or the folder of a run")
    command.add_argument("base", metavar="BASE", type=Path, help="folder that TensorFlow Serving watches")
    command.add_argument("--keep", metavar="N", type=_positive, help="versions to keep (default: all)")
    text = "what clients may ask for the version by (default: stable)"
    command.add_argument("--label", choices=("stable", "canary"), default="stable", help=text)
    other = command.add_mutually_exclusive_group()
    other.add_argument("--rollback", action="store_true", help="withdraw the newest version of BASE")
    other.add_argument("--promote", action="store_true", help="make the canary of BASE its stable version")


def add_drift(command):
    """Adds those of `tfvae drift`."""
    command.add_argument("--run", metavar="DIR", type=Path, required=True, help="folder of a run that was exported")
    text = "the new data: a folder, a file or a TFDS dataset, as `data.name` in a configuration"
    command.add_argument("--data", metavar="NEW", required=True, help=text)
    command.add_argument("--output", metavar="OUT", type=Path, help="folder of the findings (default: DIR/drift/NEW)")
    text = "distance, from 0 to 1, below which nothing counts as drift (default: 0.1)"
    command.add_argument("--smallest", metavar="D", type=float, help=text)


def add_study(command):
    """Adds those of `tfvae study`."""
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


def add_report(command):
    """Adds those of `tfvae report`."""
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
