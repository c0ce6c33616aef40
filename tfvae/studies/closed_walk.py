"""A closed walk: from the mean code of one class to that of the next and back to the first, as a sheet and moving."""

import numpy as np

from tfvae.report.figures.animation import tiles
from tfvae.report.figures.rows import labelled_rows
from tfvae.report.section import Section
from tfvae.report.walks import decode
from tfvae.studies import walks
from tfvae.studies.class_names import short_names

MOST_STATIONS = 12
NUM_CENTRES = 8  # without classes
FRAMES = 8  # of the animation, between two stations


def closed_walk(trained, codes, steps):
    """Two `Section`s, the sheet and the animation; none where there are fewer than 2 different codes.

    Args:
        trained: The `Run` of a model without condition.
        codes: `Codes` of its test examples.
        steps: Number of images in a row of the sheet.
    """
    stations, names, what = _stations(codes, trained)
    if len(stations) < 2:
        return []
    sheet = decode(trained.model, walks.closed(stations, steps))
    rows = {f"{name}\nto {after}": images for name, after, images in zip(names, _next(names), sheet, strict=True)}
    where = f"a closed walk through {what}, in straight lines"
    return [
        Section(
            "closed_walk",
            "A round through the latent space",
            labelled_rows(rows),
            f"{len(rows)} rows of {steps} images: {where}.",
            f"Decoded images along {where}; each row ends where the next begins. Good: every image could be data, and "
            "what changes from one kind to the next is little at a time. Bad: blends of two images halfway.",
            {
                "from": [name for name in names for _ in range(steps)],
                "to": [name for name in _next(names) for _ in range(steps)],
                "share": np.tile(walks.shares(steps), len(names)).tolist(),
                "mean_grey_value": sheet.mean(axis=(2, 3, 4)).ravel().tolist(),
            },
        ),
        _moving(trained.model, stations, names, where),
    ]


def _moving(model, stations, names, where):
    frames = decode(model, walks.closed(stations, FRAMES + 1)[:, :-1])
    frames = np.clip(frames.reshape(-1, 1, *frames.shape[2:]), 0, 1)
    return Section(
        "closed_walk_moving",
        "The same round, moving",
        tiles(frames, [""], 1, tile=192),
        f"An animation of {where}.",
        "Good: a shape that changes without haste. Bad: one that jumps, or fades out while another fades in.",
        {
            "from": [name for name in names for _ in range(FRAMES)],
            "share": np.tile(walks.shares(FRAMES + 1)[:-1], len(names)).tolist(),
            "mean_grey_value": frames.mean(axis=(1, 2, 3, 4)).tolist(),
        },
    )


def _stations(codes, trained):
    """(codes [R, L], their names, what they are): means of the classes, or centres of clusters where there are none."""
    labels = codes.labels if codes.labels is not None else np.zeros(len(codes.codes), int)
    classes = [label for label in np.unique(labels) if label >= 0][:MOST_STATIONS]
    if len(classes) < 2:
        centres = _centres(codes.codes, trained.experiment.seed)
        names = [f"centre {i + 1}" for i in range(len(centres))]
        return centres, names, f"{len(centres)} centres of clusters (k-means)"
    means = np.stack([codes.codes[labels == label].mean(axis=0) for label in classes])
    return means, short_names(classes, trained.splits.test.class_names), f"the mean codes of {len(classes)} classes"


def _centres(codes, seed):
    """Centres of clusters [K, L], each followed by the nearest of those that are left."""
    from sklearn.cluster import KMeans

    number = min(NUM_CENTRES, len(np.unique(codes, axis=0)))
    left = KMeans(number, n_init=4, random_state=seed).fit(codes).cluster_centers_
    tour, left = [left[0]], list(left[1:])
    while left:
        nearest = int(np.argmin([np.sum((centre - tour[-1]) ** 2) for centre in left]))
        tour.append(left.pop(nearest))
    return np.stack(tour)


def _next(names):
    return [*names[1:], names[0]]
