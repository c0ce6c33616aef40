"""The folder of a job's output: files that appear whole, one for each part, and what is said of failed examples."""

import json
import os
import uuid
from pathlib import Path
from typing import NamedTuple

from tfvae import jobs
from tfvae.scoring.formats import FORMATS, Layout
from tfvae.scoring.parts import Cut
from tfvae.storage import flush

ERRORS = "_errors"  # its files name the examples without an answer, part by part


class Output(NamedTuple):
    """A folder, and what is written into it by a process that has locked its staging folder.

    Attributes:
        directory: The folder.
        staging: The folder below it where files are written before they are whole.
        cut: The `Cut` of the job.
        layout: The `Layout` of its records.
        format: A name of `FORMATS`.
    """

    directory: Path
    staging: Path
    cut: Cut
    layout: Layout
    format: str

    def remove_leftovers(self):
        """Removes what a killed process was about to write."""
        for path in self.staging.glob("[!.]*"):
            path.unlink()

    def missing(self, parts):
        """Those of the numbers of parts that have no file yet."""
        return [number for number in parts if not self._path(number).exists()]

    def write_part(self, number, answered):
        """Writes all records of a part; its file appears after the list of what has no answer in it.

        Args:
            number: Number of the part.
            answered: Iterable of `Records`.
        """
        path, failed = self._path(number), []
        self._errors_path(number).unlink(missing_ok=True)  # of a run that was killed before the part was there
        staged = self._staged(path)
        with FORMATS[self.format].Writer(staged, self.layout) as writer:
            for records in answered:
                writer.write(records)
                failed += _failed(records, self.layout)
        if failed:
            jobs.log.warning(f"{path.name}: no answer for {len(failed)} examples, such as {json.dumps(failed[0])}.")
            self._write_errors(number, failed)
        _publish(staged, path)

    def num_failed(self, parts):
        """Number of examples without an answer in parts that have a file."""
        paths = [path for path in map(self._errors_path, parts) if path.exists()]
        return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)

    def _write_errors(self, number, failed):
        path = self._errors_path(number)
        path.parent.mkdir(exist_ok=True)
        staged = self._staged(path)
        staged.write_text("".join(json.dumps(entry) + "\n" for entry in failed), encoding="utf-8")
        _publish(staged, path)

    def _staged(self, path):
        """A name that nobody else uses: a pipeline may write a part twice at once."""
        return self.staging / f"{uuid.uuid4().hex}-{path.name}"

    def _path(self, number):
        return self.directory / self.cut.part_name(number, FORMATS[self.format].SUFFIX)

    def _errors_path(self, number):
        return self.directory / ERRORS / self.cut.part_name(number, "jsonl")


def _publish(staged, path):
    flush(staged)
    os.replace(staged, path)
    flush(path.parent)


def _failed(records, layout):
    """What `_errors/` says of each row without an answer."""
    names = {layout.name: records.names} if layout.name else {}
    return [
        {"index": int(records.index[place]), **{key: names[key][place] for key in names}, "error": error}
        for place, error in sorted(records.errors.items())
    ]
