"""`python -m pipelines.run` is `tfvae run`."""

import sys

from tfvae.cli import main

sys.exit(main(["run", *sys.argv[1:]]))
