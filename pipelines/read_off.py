"""`python -m pipelines.read_off` is `tfvae read-off`."""

import sys

from tfvae.cli import main

sys.exit(main(["read-off", *sys.argv[1:]]))
