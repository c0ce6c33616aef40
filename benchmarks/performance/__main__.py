"""python -m benchmarks.performance [--rounds 5] [--cases mlp-vae:100 ...] [--systems tfvae pytorch_eager ...]

Measures tfvae beside its peers and by itself, and writes docs/performance.json; docs/performance.md is made of it. What
is not measured stays as it is there, each section with the conditions that it was measured under.
"""

import argparse
import datetime
import json
from pathlib import Path

from tqdm import tqdm

from benchmarks.performance import machine, page, reading, serving, starting
from benchmarks.performance.rounds import compare
from benchmarks.performance.works import CASES, WORKS

DOCS = Path(__file__).parents[2] / "docs"
PARTS = {"waits": reading.waits, "reading": reading.rows, "serving": serving.rows, "starting": starting.rows}


def main():
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each system (default: 5)")
    parser.add_argument("--cases", nargs="*", default=[f"{work}:{size}" for work, size in CASES], help="WORK:BATCH")
    parser.add_argument("--systems", nargs="+", help="systems, ours first (default: all that do the work)")
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=list(PARTS), help="what has no peer")
    parser.add_argument("--output", type=Path, default=DOCS, help="folder (default: docs)")
    args = parser.parse_args()
    path = args.output / "performance.json"
    found = json.loads(path.read_text()) if path.exists() else {"conditions": {}}
    cases = [(work, int(size)) for work, _, size in (case.partition(":") for case in args.cases)]
    sections = {name: PARTS[name] for name in args.parts}
    if cases:
        sections = {"rows": lambda: compared_systems(cases, args.systems, args.rounds), **sections}
    for name, measured in tqdm(sections.items(), unit="section"):
        found["conditions"][name] = conditions(args.rounds if name == "rows" else None)
        found[name] = list(measured())
        write(found, args.output)  # now, so that what fails later takes nothing with it
    print(page.written(found))


def compared_systems(cases, systems, rounds):
    """The lines of the table of works, {"work", "batch", "system", ...}."""
    rows = []
    for work, batch_size in tqdm(cases, unit="case"):
        compared, peak = compare(work, batch_size, systems or WORKS[work].systems, rounds)
        rows += [row(work, system, peak) for system in compared]
    return rows


def conditions(rounds):
    """When and on what something is measured, and how often where that can be chosen."""
    ceilings = {"operations_per_second": machine.peak(), "bytes_per_second": machine.bandwidth()}
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"date": date, "machine": machine.description(), "ceilings": ceilings, "rounds": rounds}


def row(work, system, peak):
    """One line of the table."""
    rate = system.images_per_second
    return {
        "work": work,
        "batch": system.batch_size,
        "system": system.name.removeprefix("likelihood_").replace("_", "-"),
        "images_per_second": _five_digits(rate),
        "rates": [_five_digits(each) for each in system.rates],
        "fraction_of_peak": round(rate * WORKS[work].operations / peak, 3),
        "peak": round(peak),
    }


def _five_digits(value):
    return float(f"{value:.5g}")  # of one image in two seconds, too


def write(found, folder):
    """Writes what was found, and the page that is made of it."""
    folder.mkdir(exist_ok=True)
    (folder / "performance.json").write_text(json.dumps(found, indent=2) + "\n")
    (folder / "performance.md").write_text(page.written(found))


if __name__ == "__main__":
    main()
