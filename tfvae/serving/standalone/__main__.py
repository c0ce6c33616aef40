"""Runs the check: `python .../standalone EXPORT` prints its report, one JSON object, to stdout."""

import importlib
import json
import sys
from pathlib import Path

# A server has none of these, and TensorFlow 2.21 imports keras by itself where it can.
sys.modules.update(dict.fromkeys(("keras", "tf_keras", "tensorflow_probability", "tfvae")))

# The folder beside us is put on the path only until this package is found there: its modules have common names.
sys.path[0] = str(Path(__file__).parents[1])
importlib.import_module("standalone")
del sys.path[0]

if __name__ == "__main__":
    check = importlib.import_module("standalone.check").check
    print(json.dumps(check(sys.argv[1])))
