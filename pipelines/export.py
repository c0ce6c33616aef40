"""`python -m pipelines.export` is `tfvae export`."""

import sys

from tfvae.cli import main

sys.exit(main(["export", *sys.argv[1:]]))
