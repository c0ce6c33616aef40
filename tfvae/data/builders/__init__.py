"""Datasets of our own as TFDS builders; importing this package makes TFDS know them by name.

TFDS keeps one registry for the whole process and refuses a second class of the same name. That is no danger here: TFDS
4.9.10 has neither `digits` nor `shapes` (see test_tfds_finds_our_builder), a registered class wins over one that TFDS
would look up, and our own code refers to the classes and never to the registry.
"""

from tfvae.data.builders.digits import Digits
from tfvae.data.builders.shapes import Shapes

__all__ = ["Digits", "Shapes"]
