"""What each sub-command of `tfvae` calls with its arguments; TensorFlow is imported when one is called."""

from pathlib import Path

from tfvae import jobs


def run(args, interruption):
    """The main job."""
    from tfvae import workflow
    from tfvae.experiment import load_experiment

    experiment, name = load_experiment(args.config, args.overrides), args.config.stem
    directory = args.output or Path("runs") / name
    with jobs.locked(directory):
        base = args.saved_models or Path("saved_models") / name
        job = workflow.Job(experiment, directory, base, args.keep, interruption, args.first)
        workflow.run(job, args.dry_run)


def train(args, interruption):
    """Trains a model."""
    from tfvae.experiment import load_experiment
    from tfvae.training import train

    experiment = load_experiment(args.config, args.overrides)
    with jobs.locked(args.output):
        train.train(experiment, args.output, interruption)


def evaluate(args, interruption):
    """Measures a run's model."""
    from dataclasses import replace

    from tfvae import run_directory

    given = {"num_samples": args.num_samples, "num_examples": args.num_examples}
    evaluation = run_directory.load_run(args.directory).evaluation
    evaluation = replace(evaluation, **{name: value for name, value in given.items() if value is not None})
    with jobs.locked(args.directory):
        run_directory.evaluate_run(args.directory, evaluation)


def export(args, interruption):
    """Exports a run's model."""
    from tfvae import run_directory

    run_directory.load_run(args.directory)
    with jobs.locked(args.directory):
        run_directory.export_run(args.directory, args.destination)


def validate(args, interruption):
    """Puts an export through the gate."""
    from tfvae import run_directory

    run_directory.validate_run(args.export)


def push(args, interruption):
    """Publishes an export, or withdraws the newest version."""
    from tfvae import run_directory, serving
    from tfvae.errors import ConfigError

    if args.rollback:
        if args.export:
            raise ConfigError("--rollback takes one folder: tfvae push --rollback BASE.")
        jobs.event(f"{args.base} is back at version {serving.rollback(args.base)}.")
        return
    if not args.export:
        raise ConfigError("Two folders are needed: tfvae push EXPORT BASE.")
    pushed = serving.push(run_directory.export_of(args.export), args.base, args.keep)
    there = "" if pushed.is_new else " (the same model was there already)"
    jobs.event(f"{args.base}/{pushed.version}{there}", **pushed._asdict())


def study(args, interruption):
    """Makes a study."""
    from tfvae.studies.job import run_study

    trained = args.config if args.config and args.config.is_dir() else Path("runs")
    directory = args.output or trained / "studies" / args.name
    with jobs.locked(directory):
        run_study(args.name, args.config, directory, args.overrides, interruption)


def report(args, interruption):
    """Writes the page of a run."""
    from tfvae import run_directory

    run_directory.load_run(args.directory)
    with jobs.locked(args.directory):
        run_directory.report_run(args.directory)
