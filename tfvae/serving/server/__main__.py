"""`python -m tfvae.serving.server`: the server alone."""

import os
import sys

from tfvae.serving.server.flags import main

if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main())
