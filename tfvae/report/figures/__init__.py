"""Figures of a report, as matplotlib objects without any global state."""

from tfvae.report.figures.charts import learning_curves, rate_bars
from tfvae.report.figures.grids import image_grid, interpolations, order_of, reconstructions, traversals
from tfvae.report.figures.maps import latent_map

__all__ = [
    "image_grid",
    "interpolations",
    "latent_map",
    "learning_curves",
    "order_of",
    "rate_bars",
    "reconstructions",
    "traversals",
]
