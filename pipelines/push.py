"""`python -m pipelines.push` is `tfvae push`."""

import sys

from tfvae.cli import main

sys.exit(main(["push", *sys.argv[1:]]))
