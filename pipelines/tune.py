"""`python -m pipelines.tune` is `tfvae tune`."""

import sys

from tfvae.cli import main

sys.exit(main(["tune", *sys.argv[1:]]))
