"""`python -m pipelines.evaluate` is `tfvae evaluate`."""

import sys

from tfvae.cli import main

sys.exit(main(["evaluate", *sys.argv[1:]]))
