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

    given = {"num_samples": args.num_samples, "num_examples": args.num_examples, "measures": args.measures}
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
    """Makes a study, and shows it on the page of the run in whose folder it lies."""
    from tfvae import run_directory
    from tfvae.studies.job import run_study

    trained = args.config if args.config and args.config.is_dir() else None
    directory = args.output or (trained or Path("runs")) / "studies" / args.name
    with jobs.locked(directory):
        run_study(args.name, args.config, directory, args.overrides, interruption)
    if trained and directory.parent == trained / "studies" and (trained / "metrics.json").is_file():
        with jobs.locked(trained):
            run_directory.report_run(trained)


def report(args, interruption):
    """Writes the page of a run, or one about several."""
    from tfvae import run_directory
    from tfvae.errors import ConfigError

    if len(args.directories) > 1:
        runs, output = run_directory.finished_runs(args.directories), args.output or Path("runs") / "comparison"
        if output.resolve() in [directory.resolve() for directory in args.directories]:
            raise ConfigError(f"{output} is one of the runs, whose own page would be lost: choose another --output.")
        with jobs.locked(output):
            run_directory.report_runs(runs, output)
        return
    if args.output:
        raise ConfigError("--output is for the page about several runs; that of one run goes into its own folder.")
    (directory,) = args.directories
    run_directory.load_run(directory)
    with jobs.locked(directory):
        run_directory.report_run(directory)
