"""`python -m pipelines.report` is `tfvae report`."""

import sys

from tfvae.cli import main

sys.exit(main(["report", *sys.argv[1:]]))
