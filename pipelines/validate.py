"""`python -m pipelines.validate` is `tfvae validate`."""

import sys

from tfvae.cli import main

sys.exit(main(["validate", *sys.argv[1:]]))
