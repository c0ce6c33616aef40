"""Latent space: the codes in a plane by PCA, t-SNE and UMAP, with and without the KL term, and an autoencoder's."""

from typing import NamedTuple

import numpy as np

from tfvae import jobs
from tfvae.evaluation.codes import codes_of
from tfvae.evaluation.metrics import metric
from tfvae.report.figures.bars import bars_of_names
from tfvae.report.figures.planes import planes
from tfvae.report.section import Section
from tfvae.report.wording import counted, fixed, measured, words
from tfvae.studies.clusters import clusters_of
from tfvae.studies.decoded_manifold import decoded_manifold
from tfvae.studies.projections import FEWEST, PROJECTIONS
from tfvae.studies.with_and_without_kl import compared, two_dimensional
from tfvae.studies.workbench import Findings

DEFAULT = "digits"
CODES = "codes"  # where figures are computed: in the space of the codes itself, or in one of the planes
READING = {
    "PCA": "PCA is a shadow of the codes: a linear map that keeps distances as far as two dimensions can, here "
    "{variance} of their variance (in the order of the panels). Axes have the unit of the code, and each panel its own "
    "scale.",
    "t-SNE": "t-SNE keeps neighbours together and gives up the rest: sizes of clusters and distances between them mean "
    "nothing, and it can make clusters of what has none.",
    "UMAP": "UMAP keeps neighbours together, and more of how groups of them lie to each other than t-SNE; sizes and "
    "distances still mean little.",
}


class Mapped(NamedTuple):
    """The codes of a model and what is made of them.

    Attributes:
        codes: Codes of the test examples, `Codes`.
        planes: {projection: points [N, 2]}.
        clusters: {CODES or projection: {"silhouette": metric, "neighbour_purity": metric}}; empty without classes.
        spread: Standard deviation of the codes along each principal axis, the longest first, [L].
    """

    codes: object
    planes: dict
    clusters: dict
    spread: np.ndarray

    @property
    def variance_in_plane(self):
        """Share of the variance that the plane of PCA holds."""
        variance = self.spread**2
        return float(variance[:2].sum() / max(variance.sum(), np.finfo("float64").tiny))


def run(bench, *, num_points=3000, num_neighbours=10, manifold_steps=15):
    """Trains the experiment, the same without the rate in the loss, an autoencoder, and one of two latent dimensions.

    Args:
        bench: A `Workbench`.
        num_points: Largest number of test examples that are mapped, spread evenly over the test split.
        num_neighbours: Number of neighbours that purity looks at.
        manifold_steps: Number of decoded images along each axis of the manifold.
    """
    bench.need(min(num_points, num_neighbours, manifold_steps) >= 1, "The options of this study are counts, from 1 up.")
    number = bench.splits.test.num_examples
    bench.need(min(num_points, number) >= FEWEST, f"This study maps test examples, and needs at least {FEWEST}.")
    base = bench.base()
    runs = compared(bench, base)
    shown = np.unique(np.linspace(0, number - 1, min(num_points, number)).astype(int))
    mapped = {name: _mapped(trained, shown, num_neighbours) for name, trained in runs.items()}
    names = base.splits.test.class_names
    sections = [_plane_section(projection, mapped, names, number) for projection in PROJECTIONS]
    if next(iter(mapped.values())).clusters:
        sections.append(_cluster_section(mapped, num_neighbours))
    flat = two_dimensional(bench, runs)
    if flat is not None:
        sections += decoded_manifold(flat, _subset(codes_of(flat.model, flat.batches()), shown), manifold_steps)
    return Findings(_headline(mapped, num_neighbours), sections, _numbers(mapped))


def _mapped(trained, shown, num_neighbours):
    codes = _subset(codes_of(trained.model, trained.batches()), shown)
    seed = trained.experiment.seed
    jobs.event(f"Mapping {counted(len(shown), 'code')} of {trained.name} ...")
    points = {name: np.asarray(project(codes.codes, seed)) for name, project in PROJECTIONS.items()}
    spread = np.sqrt(np.maximum(np.linalg.eigvalsh(np.atleast_2d(np.cov(codes.codes.T, ddof=0))), 0))[::-1]
    return Mapped(codes, points, _clusters(codes, points, num_neighbours, seed), spread)


def _subset(codes, rows):
    return type(codes)(*(None if values is None else values[rows] for values in codes))


def _clusters(codes, points, num_neighbours, seed):
    """Figures of the codes and of each plane; empty unless at least two classes are known."""
    labels = codes.labels
    known = np.zeros(0, int) if labels is None else np.flatnonzero(np.asarray(labels) >= 0)
    if len(known) < FEWEST or len(np.unique(labels[known])) < 2:
        return {}
    places = {CODES: codes.codes, **points}
    return {name: clusters_of(place[known], labels[known], num_neighbours, seed) for name, place in places.items()}


def _plane_section(projection, mapped, class_names, number):
    first = next(iter(mapped.values()))
    labels, count = first.codes.labels, len(first.codes.codes)
    coloured = ", coloured by their class" if first.clusters else ""
    panels = {name: (m.planes[projection], _below(m, projection)) for name, m in mapped.items()}
    variance = ", ".join(f"{m.variance_in_plane:.0%}" for m in mapped.values())
    return Section(
        projection.lower().replace("-", "_"),
        f"The codes by {projection}",
        planes(panels, labels if first.clusters else None, class_names, has_scale=projection == "PCA"),
        f"{counted(len(panels), 'scatter plot')} side by side ({', '.join(panels)}) of the codes of {count:,} test "
        f"examples{coloured}.",
        f"The codes of {_of(count, number)}{coloured}: {', '.join(panels)}. "
        f"{READING[projection].format(variance=variance)}{_reading_of_clusters(first)}",
        _columns(mapped, projection),
    )


def _of(count, number):
    return f"all {count:,} test examples" if count == number else f"{count:,} of {number:,} test examples"


def _reading_of_clusters(first):
    if not first.clusters:
        return " The classes are not known, and so nothing is coloured. Good: regions that hold alike examples."
    return (
        " Good: each class keeps to a region. Below each panel, silhouette and neighbour purity, of the codes / of the "
        "plane: every projection distorts, and only the figures of the codes are true of the model."
    )


def _below(m, projection):
    """Figures of the codes / of the plane."""
    if not m.clusters:
        return ""
    places = [m.clusters[place] for place in (CODES, projection)]
    silhouettes, purities = (
        " / ".join(fixed(place[name]["value"], 2) for place in places) for name in ("silhouette", "neighbour_purity")
    )
    return f"silhouette {silhouettes}\npurity {purities}"


def _columns(mapped, projection):
    columns = {"model": [], "index": [], "label": [], "first": [], "second": []}
    for name, m in mapped.items():
        points, labels = m.planes[projection], m.codes.labels
        columns["model"] += [name] * len(points)
        columns["index"] += m.codes.index.tolist()
        columns["label"] += [None] * len(points) if labels is None else labels.tolist()
        columns["first"] += points[:, 0].tolist()
        columns["second"] += points[:, 1].tolist()
    return columns


def _cluster_section(mapped, num_neighbours):
    first = next(iter(mapped.values())).clusters[CODES]
    chance = first["neighbour_purity"]["chance"]
    names = ("silhouette", "neighbour_purity")
    panels = {}
    for name in names:
        pairs = [_value(m.clusters[CODES][name]) for m in mapped.values()]
        panels[words(name)] = tuple(zip(*pairs, strict=True))
    columns = {"model": list(mapped)}
    for name in names:
        values, errors = panels[words(name)]
        columns |= {name: list(values), f"{name}_standard_error": [None if np.isnan(e) else e for e in errors]}
    return Section(
        "clusters",
        "How well the codes keep the classes apart",
        bars_of_names(list(mapped), panels),
        f"Bars of silhouette and neighbour purity for {counted(len(mapped), 'model')}.",
        "In the space of the codes, no projection between. Silhouette: 1 for tight classes far apart, 0 for classes "
        "that run into one another, negative where examples lie nearer to another class than to their own. Purity: "
        f"the share of the {num_neighbours} nearest neighbours that are of the same class; by chance it would be "
        f"{fixed(chance, 2)}. Lines are standard errors over examples (jackknife), for one seed of training.",
        columns,
    )


def _value(found):
    return found["value"], found.get("standard_error", np.nan)


def _numbers(mapped):
    numbers = {}
    for name, m in mapped.items():
        key = name.replace(" ", "_")
        for place, found in m.clusters.items():
            where = "" if place == CODES else f"_in_{place.lower().replace('-', '_')}"
            numbers |= {f"{figure}_of_{key}{where}": value for figure, value in found.items()}
        numbers[f"variance_in_plane_of_{key}"] = metric(m.variance_in_plane, "share")
        numbers[f"spread_of_{key}"] = {"value": m.spread.tolist(), "unit": "units of the code"}
    return numbers


def _headline(mapped, num_neighbours):
    count = len(next(iter(mapped.values())).codes.codes)
    if not next(iter(mapped.values())).clusters:
        said = [f"{m.variance_in_plane:.0%} ({name})" for name, m in mapped.items()]
        return f"One plane holds {', '.join(said)} of the variance of the codes of {count:,} test examples."
    purity = {name: m.clusters[CODES]["neighbour_purity"] for name, m in mapped.items()}
    said = [f"{measured(p['value'], p.get('standard_error'))} ({name})" for name, p in purity.items()]
    chance = next(iter(purity.values()))["chance"]
    return (
        f"Of the {num_neighbours} nearest neighbours of a code, a share of {', '.join(said)} is of the same class; "
        f"chance is {fixed(chance, 2)} ({count:,} test examples)."
    )
