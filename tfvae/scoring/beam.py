"""Batch scoring as an Apache Beam pipeline, for Dataflow, Flink and Spark: the same folder as `tfvae score` writes.

Needs apache-beam, and folders that all workers see. `python -m tfvae.scoring.beam` takes the arguments of
`tfvae score`, and after them those of Beam: `--runner=FlinkRunner --flink_master=...`.
"""

import argparse
import logging
import sys
from pathlib import Path

import apache_beam as beam
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions

from tfvae import jobs
from tfvae.scoring.answers import Answers
from tfvae.scoring.arguments import add_arguments, scoring_of
from tfvae.scoring.examples import open_examples
from tfvae.scoring.job import ShardJob, finish, staging_of
from tfvae.scoring.rows import Records, Rows, apart, together
from tfvae.serving.standalone.served_model import ServedModel

IN_MEMORY = ["--runner=FnApiRunner"]  # DirectRunner would first fetch a program, Prism, from the network


class SignatureModelHandler(ModelHandler):
    """Asks a signature of a SavedModel, loaded as TensorFlow Serving loads it.

    Beam's own handlers load by Keras, which reads no SavedModel any more.

    Args:
        interface: The `Interface` of the model.
        scoring: A `Scoring`.
        class_names: The classes, in the order of a condition.
        has_labels: Whether examples have classes.
    """

    def __init__(self, interface, scoring, class_names, has_labels):
        super().__init__()
        self.interface, self.scoring, self.class_names = interface, scoring, class_names
        self.has_labels = has_labels

    def load_model(self):
        served = ServedModel(self.interface.directory)
        return Answers(served, self.scoring.signature, self.interface, self.scoring.seed, self.class_names)

    def run_inference(self, batch, model, inference_args=None):
        """Yields the answer to each of a sequence of `Row`s, a `Row` too."""
        return apart(*model(together(Rows, batch, has_names=True, has_labels=self.has_labels)))

    def batch_elements_kwargs(self):
        return {"min_batch_size": 1, "max_batch_size": self.scoring.batch_size}


class ReadParts(beam.DoFn):
    """From the number of a part to (number, `Row`) of each example in it."""

    def __init__(self, scoring, interface, cut):
        self.scoring, self.interface, self.cut = scoring, interface, cut

    def setup(self):
        self.examples = open_examples(self.scoring, self.interface)

    def process(self, number):
        for rows in self.examples.read(self.cut, range(number, number + 1)):
            for row in apart(*rows):
                yield number, row


class WriteParts(beam.DoFn):
    """From (number, answers) of a whole part, in any order, to its file."""

    def __init__(self, output):
        self.output = output

    def process(self, part):
        number, answers = part
        layout, answers = self.output.layout, sorted(answers, key=lambda row: row.index)
        size = self.output.cut.batch_size
        batches = (answers[first : first + size] for first in range(0, len(answers), size))
        records = (together(Records, batch, layout.name is not None, layout.has_labels) for batch in batches)
        self.output.write_part(number, records)


def score(scoring, output, options=IN_MEMORY):
    """Scores a shard of the data into a folder, as `tfvae.scoring.score` does, by a pipeline.

    Args:
        scoring: A `Scoring`.
        output: The folder.
        options: Arguments of Beam, a list of texts.

    Returns:
        {"num_examples", "num_failed", "seconds"}.

    Raises:
        ConfigError: If the model, the signature, the data and the folder do not go together.
        DataError: If the data cannot be opened; or, after all else is done, if there are examples without an answer.
        LockedError: If another process works on this shard.
    """
    output = Path(output)
    with jobs.locked(staging_of(output, scoring.shard)):
        job = ShardJob(scoring, output)
        missing = job.output.missing(job.parts)
        handler = SignatureModelHandler(job.interface, scoring, job.class_names, job.examples.has_labels)
        if missing:
            with beam.Pipeline(options=PipelineOptions(options)) as pipeline:
                (
                    pipeline
                    | "Parts" >> beam.Create(missing, reshuffle=True)
                    | "Read" >> beam.ParDo(ReadParts(scoring, job.interface, job.cut))
                    | "Answer" >> RunInference(KeyedModelHandler(handler))
                    | "Gather" >> beam.GroupByKey()
                    | "Write" >> beam.ParDo(WriteParts(job.output))
                )
        num_examples = sum(len(job.cut.part(number)) for number in job.parts)
        result = {"num_examples": num_examples, "num_failed": job.output.num_failed(job.parts), "seconds": 0}
    finish(result, scoring, output)
    return result


def main(arguments=None):
    """Runs the command line and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tfvae.scoring.beam", description=__doc__, allow_abbrev=False)
    add_arguments(parser)
    args, options = parser.parse_known_args(arguments)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)

    def job():
        with jobs.Interruption():
            score(scoring_of(args), args.output, options or IN_MEMORY)

    return jobs.run(job)


if __name__ == "__main__":
    sys.exit(main())
