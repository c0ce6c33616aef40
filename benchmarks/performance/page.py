"""The page: docs/performance.md, of what docs/performance.json holds."""

OURS = "tfvae"
MOST_WAITS = 0.05  # of a step
RATES = (
    "`of peak` is the share of the ceiling of products of matrices, measured again in every round, that the products "
    "of the networks take, with all else for nothing. It counts 2 operations for a product and its sum, once forth and "
    "twice back, without the gradient by the image, which no step needs. `tfvae is` says how many times as fast tfvae "
    "is. tfvae has `threads` in [training] at the number of cores, `tfvae-unshared` leaves it out. A likelihood is "
    "that of an image by 5000 samples."
)
WAITS = (
    "`waits` is the share of a step's time until its batch, asked for during the step before, is at hand, to be below "
    "5 %; `input costs` the share that an endless supply of one and the same batch would save, for the input pipeline "
    "computes on the cores that the step computes on. Half of it is random numbers: each pixel is drawn anew."
)
SECTIONS = {
    "rows": ("Training and evaluation, images per second", RATES),
    "waits": ("What a step waits for", WAITS),
    "reading": (
        "Input pipeline",
        "Shuffled batches of 1000 of grey images, scaled: what a training on them could read at most, each line from a "
        "process of its own. `of bandwidth` counts a byte read and four written for each pixel. Memory is what the "
        "process then holds, and what it held before it opened the source.",
    ),
    "serving": ("Serving", "The embedded server beside a bare session call; 32 clients share the cores with it."),
    "starting": ("Start-up and memory", "Medians of five processes; memory is what is resident."),
}


def written(found):
    """The text of the page."""
    return "\n".join([_head(found), *(_section(found, name) for name in SECTIONS if found.get(name))])


def _head(found):
    return (
        "# Performance\n\nWritten by `python -m benchmarks.performance`; `make bench` measures all of it anew. Figures "
        "of one section can be compared, those of two less well: the machine's own speed drifts by a tenth, its "
        f"ceilings by more. Each section has its own.\n\nMeasured on {' and on '.join(_machines(found))}.\n"
    )


def _machines(found):
    """Each machine, in words, once."""
    return list(dict.fromkeys(_machine(each["machine"]) for each in found["conditions"].values()))


def _machine(machine):
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    where = f"{machine['cores']} cores of {machine['processor']}, {machine['system']}"
    return f"{where}, Python {machine['python']}, {versions}"


def _conditions(found, name):
    """When a section was measured, the ceilings then, and on which machine if there are several."""
    said, ceilings = found["conditions"][name], found["conditions"][name]["ceilings"]
    rounds = f", medians of {said['rounds']} rounds, systems in turn" if said["rounds"] else ""
    where = f", on {_machine(said['machine'])}" if len(_machines(found)) > 1 else ""
    operations, moved = ceilings["operations_per_second"] / 1e9, ceilings["bytes_per_second"] / 1e9
    return (
        f"Measured on {said['date']}{where}{rounds}. Ceilings then: {operations:.0f} GFLOP/s in a product of matrices "
        f"(float32), {moved:.1f} GB/s in a copy."
    )


def _rates(found):
    ours = {(row["work"], row["batch"]): row["images_per_second"] for row in found["rows"] if row["system"] == OURS}
    for row in found["rows"]:
        rate, base = row["images_per_second"], ours.get((row["work"], row["batch"]))
        yield {
            "work": row["work"],
            "batch": row["batch"],
            "system": row["system"],
            "images/s": f"{rate:,.0f}" if rate > 100 else f"{rate:.2f}",
            "of peak": f"{row['fraction_of_peak']:.2f}",
            "tfvae is": f"{base / rate:.2f}" if base and row["system"] != OURS else "",
        }


def _waits(found):
    for row in found["waits"]:
        yield {
            "work and batch": row["case"],
            "waits": f"{100 * row['waits']:.1f} %",
            "input costs": f"{100 * row['costs']:.1f} %",
            "missed": "" if row["waits"] < MOST_WAITS else f"by {100 * (row['waits'] - MOST_WAITS):.1f} %",
        }


ROWS = {"rows": _rates, "waits": _waits}  # of the others the rows are written as they were found


def _section(found, name):
    title, text = SECTIONS[name]
    rows = list(ROWS[name](found)) if name in ROWS else found[name]
    lines = [f"| {' | '.join(rows[0])} |", "|---" * len(rows[0]) + "|"]
    lines += [f"| {' | '.join(map(str, row.values()))} |" for row in rows]
    return f"## {title}\n\n{text}\n\n{_conditions(found, name)}\n\n" + "\n".join(lines) + "\n"
