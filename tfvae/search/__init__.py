"""The [search] table of a configuration: what is searched, how, and by which objective. Imports no TensorFlow."""

from tfvae.search.objectives import OBJECTIVES, Objective
from tfvae.search.parameters import Parameter
from tfvae.search.table import ORACLES, Search

__all__ = ["OBJECTIVES", "ORACLES", "Objective", "Parameter", "Search"]
