"""Files that are either whole or not there, and hashes of what they hold."""

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from pathlib import Path

PARTIAL = ".partial-"  # begins the name of a file that is being written


@contextlib.contextmanager
def atomic_path(path):
    """Gives a temporary path beside `path`, which takes its place, flushed to disk, when the block ends well."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{PARTIAL}{path.stem}-", suffix=path.suffix)
    os.close(handle)
    try:
        os.chmod(temporary, 0o666 & ~_umask())
        yield Path(temporary)
        flush(temporary)
        os.replace(temporary, path)
        flush(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def remove_leftovers(directory):
    """Removes what killed processes had begun to write in a folder; nobody else may be writing into it."""
    for leftover in Path(directory).glob(f"{PARTIAL}*"):
        leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def alone(path):
    """Waits until no other process is in such a block for the file `path`, which is made and stays."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back by the system when the process ends, however it ends
        yield


def write_text(path, text):
    """Writes a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Writes `value` as JSON, atomically; a NaN is an error, for it is not JSON."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path):
    """The value of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json_lines(path, rows):
    """Writes each of `rows` as a line of JSON, atomically."""
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def read_json_lines(path):
    """The values of a file with one of them on each line."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def flush(path):
    """Asks the operating system to have a file or a folder on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of_file(path):
    """Hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_tree(path):
    """Hexadecimal SHA-256 of a file, or of the names and contents of all files below a folder."""
    path = Path(path)
    if path.is_file():
        return sha256_of_file(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return sha256_of_files(path, files)


def sha256_of_files(root, files):
    """Hexadecimal SHA-256 of the names below `root` and the contents of files, in order."""
    return sha256_of_json([[str(file.relative_to(root)), sha256_of_file(file)] for file in files])


def sha256_of_json(value):
    """Hexadecimal SHA-256 of a value's JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def sha256_of_arrays(arrays):
    """Hexadecimal SHA-256 of the bytes of NumPy arrays, in order."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.reshape(-1).view("uint8"))  # no copy: it may be larger than memory
    return digest.hexdigest()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
