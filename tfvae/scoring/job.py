"""The job of batch scoring: part after part of a shard, each file whole or not there, what is there left as it is."""

import contextlib
import itertools
import time
from pathlib import Path

from tfvae import jobs
from tfvae.errors import DataError
from tfvae.scoring.answers import Answers, classes_for
from tfvae.scoring.examples import open_examples
from tfvae.scoring.manifest import layout_of, manifest_of, write_or_compare
from tfvae.scoring.model import interface_of, saved_model_of
from tfvae.scoring.output import ERRORS, Output
from tfvae.scoring.parts import Cut, runs
from tfvae.scoring.prefetch import prefetched
from tfvae.serving.standalone.served_model import ServedModel


def score(scoring, output, interruption=None):
    """Scores a shard of the data into a folder; the same again does what is left.

    The folder gets a file for each part, `part-00000-of-00010.jsonl`, and a `_manifest.json`. Examples that could not
    be read, or that the model refused, have a record with an "error" and no outputs, and are named in `_errors/`; the
    others get theirs. Who removes a part's file has it made again.

    Args:
        scoring: A `Scoring`.
        output: The folder.
        interruption: A `jobs.Interruption`, whose signal ends the job between two batches.

    Returns:
        {"num_examples", "num_failed", "seconds", "examples_per_second", "model_share"} of the shard; the last three are
        of this run alone.

    Raises:
        ConfigError: If the model, the signature, the data and the folder do not go together.
        DataError: If the data cannot be read; or, after all else is done, if there are examples without an answer.
        LockedError: If another process works on this shard.
    """
    output, interruption = Path(output), interruption or jobs.Interruption()
    with jobs.locked(staging_of(output, scoring.shard)):
        job = ShardJob(scoring, output)
        with interruption.deferred():
            result = job.run(interruption)
    finish(result, scoring, output)
    return result


def staging_of(output, shard):
    """The folder of a shard, which a process locks, and writes to what is not whole yet."""
    return output / ".shards" / f"{shard[0]}-of-{shard[1]}"


def finish(result, scoring, output):
    """Says what a job did.

    Raises:
        DataError: If there are examples without an answer.
    """
    done = f"{result['num_examples']} examples, shard {scoring.shard[0]} of {scoring.shard[1]}, are in {output}"
    if result["seconds"]:
        done += f" ({result['examples_per_second']:.0f} a second, {result['model_share']:.0%} of the time in the model)"
    jobs.event(f"{done}.", **result)
    if result["num_failed"]:
        raise DataError(
            f"No answer for {result['num_failed']} of {result['num_examples']} examples: see {output / ERRORS}."
        )


class ShardJob:
    """A shard on its way into a folder, which this process has locked.

    Args:
        scoring: A `Scoring`.
        output: The folder.
    """

    def __init__(self, scoring, output):
        directory = saved_model_of(scoring.model)
        served = ServedModel(directory)
        self.interface = interface_of(served, directory, scoring.signature)
        self.examples = open_examples(scoring, self.interface)
        self.class_names = classes_for(self.interface, self.examples)
        self.cut = Cut(self.examples.num_examples, scoring.part_size, scoring.batch_size)
        manifest = manifest_of(scoring, self.interface, self.examples, self.cut)
        write_or_compare(output, manifest)
        staging = staging_of(output, scoring.shard)
        self.output = Output(output, staging, self.cut, layout_of(manifest), scoring.format)
        self.output.remove_leftovers()
        self.answers = Answers(served, scoring.signature, self.interface, scoring.seed, self.class_names)
        self.parts, self.model_seconds = self.cut.shard(*scoring.shard), 0.0

    def run(self, interruption):
        """Writes the parts that are missing, and returns what `score` returns."""
        missing = self.output.missing(self.parts)
        num_examples, to_do = (sum(len(self.cut.part(number)) for number in some) for some in (self.parts, missing))
        begin = time.monotonic()
        with jobs.progress_bar(num_examples, " examples", num_examples - to_do) as bar:
            for run in runs(missing):
                self._write_run(run, bar, interruption)
        seconds = time.monotonic() - begin if missing else 0.0
        return {
            "num_examples": num_examples,
            "num_failed": self.output.num_failed(self.parts),
            "seconds": round(seconds, 3),
            "examples_per_second": round(to_do / seconds, 1) if missing else 0.0,
            "model_share": round(self.model_seconds / seconds, 3) if missing else 0.0,
        }

    def _write_run(self, run, bar, interruption):
        # Reading, the model and writing are at work at once, each on another batch.
        answered = prefetched(self._answered(prefetched(self.examples.read(self.cut, run))))
        with contextlib.closing(answered):
            until_stopped = self._until_stopped(answered, bar, interruption)
            for number in run:
                num_batches = sum(1 for _ in self.cut.batches([number]))
                self.output.write_part(number, itertools.islice(until_stopped, num_batches))

    def _answered(self, rows):
        with contextlib.closing(rows):
            for batch in rows:
                begin = time.monotonic()
                records = self.answers(batch)
                self.model_seconds += time.monotonic() - begin
                yield records

    def _until_stopped(self, answered, bar, interruption):
        for records in answered:
            if interruption.signum is not None:
                interruption.exit()
            yield records
            bar.update(len(records.index))
