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
        if args.tune:
            experiment = _tuned(experiment, directory / workflow.TUNING, args.dry_run, interruption)
        job = workflow.Job(experiment, directory, base, args.keep, interruption, args.first, args.last)
        workflow.run(job, args.dry_run)


def _tuned(experiment, directory, dry_run, interruption):
    """The best configuration of a search; in a dry run that of one which is finished, else the one that is given."""
    from tfvae.errors import ConfigError
    from tfvae.experiment import load_experiment
    from tfvae.tuning.job import search_here

    best = directory / "best.toml"
    if not dry_run:
        search_here(experiment, directory, interruption)
        if not best.exists():
            raise ConfigError(f"The search has a front and no best: choose one of {directory / 'front'} to run.")
    return load_experiment(best) if best.exists() else experiment


def train(args, interruption):
    """Trains a model."""
    if args.workers:
        from tfvae.training.workers import supervise

        overrides = [*args.overrides, "training.strategy=multi_worker"]
        given = [f"--output={args.output}", *(f"--set={text}" for text in overrides)]
        _ended(supervise(["train", str(args.config), *given], args.output, args.workers))
        return
    from tfvae.experiment import load_experiment
    from tfvae.processes import lifeline
    from tfvae.training import distribution, train

    is_held = lifeline.hold(interruption)
    experiment = load_experiment(args.config, args.overrides)
    with lifeline.killed_with_supervisor(is_held):  # TensorFlow waits for the other machines, and holds Python up
        cluster = distribution.cluster_of(experiment.training)
    with cluster.holding(args.output):
        train.train(experiment, args.output, interruption, cluster=cluster)


def data(args, interruption):
    """Prepares data that is larger than memory."""
    from dataclasses import replace

    from tfvae.experiment import load_experiment
    from tfvae.preparation import prepare

    data = replace(load_experiment(args.config, args.overrides).data, binarize="none", conditional=False)
    with jobs.locked(args.output):
        prepare(data, args.output, args.shards, args.lanes)


def _ended(code):
    """Ends as the processes did that worked here."""
    if code:
        raise SystemExit(code)  # they have said why


def tune(args, interruption):
    """Searches for the best values of a configuration."""
    if args.workers:
        from tfvae.tuning.supervisor import supervise

        _ended(supervise(_tune_again(args), args.output, args.workers, args.worker_timeout))
        return
    from tfvae.experiment import load_experiment
    from tfvae.processes import lifeline
    from tfvae.tuning.job import search_here

    lifeline.hold(interruption)
    budget = {"trials": args.trials, "hours": args.hours}
    given = [f"search.{name}={value}" for name, value in budget.items() if value is not None]
    experiment = load_experiment(args.config, [*args.overrides, *given])
    search_here(experiment, args.output, interruption, args.earlier, args.worker_timeout)


def _tune_again(args):
    """The arguments of `tfvae tune` for a chief or a worker of the same search."""
    one = {"output": args.output, "worker-timeout": args.worker_timeout, "trials": args.trials, "hours": args.hours}
    given = [f"--{name}={value}" for name, value in one.items() if value is not None]
    given += [f"--from-search={path}" for path in args.earlier] + [f"--set={text}" for text in args.overrides]
    return ["tune", str(args.config), *given]


def read_off(args, interruption):
    """Takes the model of one beta out of a multi-rate run."""
    from tfvae import run_directory
    from tfvae.tuning.read_off import read_off

    run_directory.load_run(args.directory)
    with jobs.locked(args.output):
        read_off(args.directory, args.beta, args.output, args.overrides)


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
    from tfvae import gate, run_directory

    server = gate.Server(tuple(args.urls), args.model, args.docker)
    gate.validate_export(run_directory.export_of(args.export), base_path=args.base, server=server)


def push(args, interruption):
    """Publishes an export, withdraws the newest version, or promotes the canary."""
    from tfvae import run_directory, serving
    from tfvae.errors import ConfigError

    if args.rollback or args.promote:
        if args.export:
            option = "--rollback" if args.rollback else "--promote"
            raise ConfigError(f"{option} takes one folder: tfvae push {option} BASE.")
        version, state = _moved(args, serving)
        jobs.event(f"{args.base} is {state} version {version}.", version=version)
        return
    if not args.export:
        raise ConfigError("Two folders are needed: tfvae push EXPORT BASE.")
    pushed = serving.push(run_directory.export_of(args.export), args.base, args.keep, args.label)
    there = "" if pushed.is_new else " (the same model was there already)"
    jobs.event(f"{args.base}/{pushed.version}{there}", **pushed._asdict())


def _moved(args, serving):
    if args.rollback:
        return serving.rollback(args.base), "back at"
    return serving.promote(args.base), "promoted to"


def score(args, interruption):
    """Scores a dataset or a folder in batches."""
    from tfvae.scoring.arguments import scoring_of
    from tfvae.scoring.job import score

    score(scoring_of(args), args.output, interruption)


def drift(args, interruption):
    """Holds new data against a run's training data."""
    from tfvae.drift import check_drift

    options = {} if args.smallest is None else {"smallest": args.smallest}
    check_drift(args.run, args.data, args.output, **options)


def serve(args, interruption):
    """Serves models until it is stopped."""
    from tfvae.serving.server import flags

    flags.serve(args)


def predict(args, interruption):
    """Asks a served model."""
    from tfvae.serving.client.predict import predict

    predict(args)


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
