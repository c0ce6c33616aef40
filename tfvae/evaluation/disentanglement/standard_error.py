"""A score and its standard error over the draw of examples."""

import numpy as np

from tfvae.evaluation.metrics import jackknife


def score_and_error(score, *arrays, seed=0):
    """`score` of all rows and its standard error by the jackknife, None where there are too few rows for one."""
    value, error = jackknife(score, *arrays, seed=seed)
    return float(value), float(error) if np.isfinite(error) else None
