"""What all kinds of data share: whether they have what a signature wants, and a fingerprint of their files."""

import hashlib
import os

from tfvae.errors import ConfigError, DataError


def check_wanted(wanted, offered, what):
    """Checks that data offers what a signature wants.

    Raises:
        ConfigError: If it does not.
    """
    if not wanted:
        raise ConfigError(f"The signature takes no examples, and {what} was given: give --num in place of --data.")
    if not set(wanted) <= set(offered):
        missing = sorted(set(wanted) - set(offered))
        raise ConfigError(f"The signature asks for {missing}, and {what} gives {sorted(offered)}: choose another one.")


def check_shape(shape, wanted, what):
    """Checks the shape of an example, whose sizes are None where they are not known.

    Raises:
        DataError: If it is not what the model takes.
    """
    fits = len(shape) == len(wanted) and all(None in pair or pair[0] == pair[1] for pair in zip(shape, wanted))  # noqa: B905
    if not fits:
        raise DataError(f"{what} has examples of shape {list(shape)}, and the model takes {list(wanted)}.")


def fingerprint_of_files(root, names, missing_ok=False):
    """Hexadecimal SHA-256 of the names, sizes and times of files: of what is in them, a million photos are too many.

    Args:
        root: Folder that the names are relative to.
        names: Names of the files.
        missing_ok: Whether a file that cannot be looked at, such as a link to nothing, is noted as such.

    Raises:
        DataError: If one cannot be looked at, unless `missing_ok`.
    """
    digest = hashlib.sha256()
    for name in names:
        try:
            facts = os.stat(os.path.join(root, name))
            size, time = facts.st_size, facts.st_mtime_ns
        except OSError as error:
            if not missing_ok:
                raise DataError(f"`{error.filename}` cannot be read: {error.strerror}.") from error
            size = time = None
        digest.update(f"{name}\0{size}\0{time}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
