"""Sharpness: how much fine detail sets of images have, by their spectrum and by the energy of their gradient."""

import numpy as np

from tfvae.evaluation.blur import UNIT, gradient_energy, power_spectrum, ratio_of_sets
from tfvae.evaluation.metrics import mean_of, metric
from tfvae.report.figures.bars import bars_of_names
from tfvae.report.figures.curves import curves
from tfvae.report.section import Section
from tfvae.report.wording import listed


def sharpness(trained, sets):
    """Two `Section`s, and the numbers {name: gradient energy}, of `SampleSets`."""
    name_of_data, data = _data(trained, sets)
    of_data = gradient_energy(data)
    ratios = {name: ratio_of_sets(gradient_energy(x), of_data) for name, x in sets.means.items()}
    numbers = {name: metric(ratio[0], UNIT, ratio[1]) for name, ratio in ratios.items() if ratio}
    sections = [_spectra({**sets.means, name_of_data: data})] if min(data.shape[1:3]) > 2 else []
    return sections + ([_energies(numbers, name_of_data)] if numbers else []), numbers


def _data(trained, sets):
    """Name and images of what means of p(x|z) are compared with: grey where there are grey images."""
    if trained.experiment.data.binarize == "dynamic":  # training draws from grey images, and the test has one draw
        return "grey training images", trained.examples("train", len(sets.data))["x"]
    return "test images", sets.data


def _spectra(images):
    series = {}
    for name, x in images.items():
        spectrum = power_spectrum(x)
        found = [mean_of(power, "squared grey value") for power in spectrum.power[:, 1:].T]
        values = [m["value"] for m in found]
        series[name] = {
            "x": spectrum.frequency[1:].tolist(),
            "y": values,
            "error": [m["standard_error"] for m in found],
        }
    return Section(
        "spectrum",
        "How blurred the images are",
        curves(series, "cycles per pixel", "power", log_y=True),
        f"Line chart of the power spectra of {listed(images)}.",
        "Power by spatial frequency: on the left coarse shapes, on the right fine detail. Good: samples on the line of "
        "the data. A line that falls away on the right is blur. All but the data are means of p(x|z), which lack the "
        "noise of single pixels; what is rebuilt from codes is the sharpest that this decoder draws.",
        {
            "images": [name for name, points in series.items() for _ in points["x"]],
            "frequency": [x for points in series.values() for x in points["x"]],
            "power": [y for points in series.values() for y in points["y"]],
            "standard_error": [error for points in series.values() for error in points["error"]],
        },
    )


def _energies(numbers, name_of_data):
    values, errors = ([m[key] for m in numbers.values()] for key in ("value", "standard_error"))
    said = listed(f"{name} {m['value']:.0%}" for name, m in numbers.items())
    return Section(
        "gradient_energy",
        "The same in one number",
        bars_of_names(list(numbers), {"gradient energy, share of the data's": (values, errors)}),
        f"Bar chart of gradient energy: {said}.",
        f"Squared differences of neighbouring pixels, as a share of what {name_of_data} have: {said}. Blur lowers it, "
        "noise raises it. Good: samples as sharp as what is rebuilt.",
        {"images": list(numbers), "gradient_energy_ratio": values, "standard_error": np.asarray(errors).tolist()},
    )
