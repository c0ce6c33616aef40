"""`python -m pipelines.train` is `tfvae train`."""

import sys

from tfvae.cli import main

sys.exit(main(["train", *sys.argv[1:]]))
