"""What a report says in words: its first sentence, the facts, the configuration."""

import json
import math

from tfvae.report import wording
from tfvae.report.tables import row_of

HEADLINES = ("negative_log_likelihood", "negative_elbo")  # the first that was measured
COLOURS = {1: "grey", 3: "colour"}


def headline(model, experiment, history, metrics, data):
    """What was trained on what, for how long, and how well it does, in one sentence."""
    examples = data.get("splits", {}).get("train", {}).get("num_examples")
    images = f" ({wording.counted(examples, _word(data))})" if examples else ""
    name, size = model_name(experiment, model), wording.counted(model.latent_size, "latent dimension")
    sentence = f"A {name} with {size} was trained on the data set {data['name']}{images}"
    return f"{sentence}{_how_long(history)}{_how_well(metrics, _word(data))}."


def facts(model, history, data):
    """[(name, text)] about the data, the model and its training."""
    rows = [_shape(data["image_shape"])]
    rows += [(f"{name.capitalize()} set", _split(split, _word(data))) for name, split in data.get("splits", {}).items()]
    rows += [(part.capitalize(), _parts(getattr(model, part))) for part in model.PARTS]
    rows += [("Latent dimensions", str(model.latent_size))]
    rows += [("Parameters", f"{sum(math.prod(weight.shape) for weight in model.trainable_variables):,}")]
    rows += [("Training speed", f"{wording.number(speed, 3)} examples per second") for speed in _speeds(history)]
    return [*rows, ("Data fingerprint", data.get("fingerprint", "not known"))]


def settings(experiment):
    """[(dotted path, value as JSON)] of a nested dict: the paths that `--set` takes."""
    rows = []
    for key, value in experiment.items():
        if isinstance(value, dict) and value:
            rows += [(f"{key}.{path}", text) for path, text in settings(value)]
        else:
            rows.append((key, json.dumps(value, ensure_ascii=False, default=str)))
    return rows


def model_name(experiment, model):
    """The name in the configuration, or that of the class."""
    return experiment.get("model", {}).get("name") or type(model).__name__


def _how_long(history):
    if not history:
        return ""
    seconds = sum(row.get("seconds", 0) for row in history)
    return f" for {wording.counted(history[-1]['epoch'], 'epoch')} ({wording.duration(seconds)})"


def _how_well(metrics, word):
    found = [name for name in HEADLINES if name in metrics["metrics"]]
    if not found:
        return ""
    row = row_of(found[0], metrics["metrics"][found[0]])
    images = wording.counted(metrics["num_examples"], f"{metrics['split']} {word}")
    return f"; on {images} its {row.name} is {row.value} {row.unit}"


def _word(data):
    return "image" if len(data["image_shape"]) == 3 else "row"


def _shape(shape):
    if len(shape) == 1:
        return "Columns", str(shape[0])
    height, width, channels = shape
    return "Images", f"{height} by {width} pixels, {COLOURS.get(channels, f'{channels} channels')}"


def _parts(part):
    parts = part if isinstance(part, list | tuple) else [part]
    return ", ".join(type(part).__name__ for part in parts if part is not None) or "none"


def _split(split, word):
    count = split.get("num_examples")
    return wording.NOT_MEASURED if count is None else wording.counted(count, word)


def _speeds(history):
    """The last epoch's speed, if it was measured: the first ones hold the compilation."""
    return [row["examples_per_second"] for row in history[-1:] if row.get("examples_per_second")]
