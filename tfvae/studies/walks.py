"""Walks: paths through the latent space, all as codes [rows, steps, L]."""

import numpy as np

NEARLY_PARALLEL = 1e-4  # sine of the angle below which an arc is a straight line, or has no direction


def shares(steps):
    """[steps] from 0 to 1."""
    return np.linspace(0, 1, steps)


def linear(starts, ends, steps):
    """Straight lines from starts [R, L] to ends [R, L]: -> [R, steps, L]."""
    share = shares(steps)[:, np.newaxis]
    return (1 - share) * np.asarray(starts)[:, np.newaxis] + share * np.asarray(ends)[:, np.newaxis]


def spherical(starts, ends, steps, centre=0.0):
    """Arcs around a centre from starts [R, L] to ends [R, L], the angle in equal steps: -> [R, steps, L].

    A straight line between two codes of a normal prior passes nearer to its centre than codes lie; an arc between
    codes of equal norm keeps that norm. Codes that lie in one direction, in opposite ones, or at the centre, where no
    arc is the shortest, are joined by a straight line.

    Reference:
        White, 2016. Sampling Generative Networks, section 2.1. https://arxiv.org/abs/1609.04468
    """
    starts, ends = np.asarray(starts, "float64") - centre, np.asarray(ends, "float64") - centre
    norms = np.linalg.norm(starts, axis=1) * np.linalg.norm(ends, axis=1)
    cosine = np.where(norms > 0, np.sum(starts * ends, axis=1) / np.maximum(norms, np.finfo("float64").tiny), 1.0)
    angle = np.arccos(np.clip(cosine, -1, 1))[:, np.newaxis]
    share, sine = shares(steps), np.maximum(np.sin(angle), NEARLY_PARALLEL)
    of_start, of_end = np.sin((1 - share) * angle) / sine, np.sin(share * angle) / sine
    arcs = of_start[..., np.newaxis] * starts[:, np.newaxis] + of_end[..., np.newaxis] * ends[:, np.newaxis]
    is_arc = (np.sin(angle) > NEARLY_PARALLEL)[..., np.newaxis]
    return np.where(is_arc, arcs, linear(starts, ends, steps)) + centre


def closed(stations, steps):
    """Straight lines from each of the stations [R, L] to the next, and from the last to the first: -> [R, steps, L]."""
    return linear(stations, np.roll(stations, -1, axis=0), steps)


def along_dimensions(codes, dimensions, values):
    """Codes [R, L] with one dimension at a time set to given values [D, V]: -> [R, D, V, L]."""
    num_values = np.shape(values)[1]
    z = np.tile(np.asarray(codes)[:, np.newaxis, np.newaxis], (1, len(dimensions), num_values, 1))
    for row, dimension in enumerate(dimensions):
        z[:, row, :, dimension] = values[row]
    return z
