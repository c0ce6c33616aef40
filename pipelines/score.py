"""`python -m pipelines.score` is `tfvae score`."""

import sys

from tfvae.cli import main

sys.exit(main(["score", *sys.argv[1:]]))
