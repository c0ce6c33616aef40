"""The files of an export: the name of its blessing, and a hash of all the others."""

import os
from pathlib import Path

from tfvae import storage

BLESSING = "assets.extra/tfvae_blessing.json"


def sha256_of_files(directory):
    """Hexadecimal SHA-256 of the names and contents of all that an export holds beside its blessing.

    Linked folders count as what they hold, for a push copies that.
    """
    directory = Path(directory)
    walked = os.walk(directory, followlinks=True)
    files = sorted(Path(folder, name) for folder, _, names in walked for name in names)
    kept = [path for path in files if path != directory / BLESSING]
    return storage.sha256_of_files(directory, kept)
