"""Versions of what results depend on."""

import functools
import platform
from importlib import metadata

from tfvae import __version__

LIBRARIES = ("tensorflow", "keras", "tensorflow-probability", "tensorflow-datasets", "numpy")


@functools.cache
def versions():
    """{name: version} of tfvae, Python and the libraries underneath."""
    libraries = {library: metadata.version(library) for library in LIBRARIES}
    return {"tfvae": __version__, "python": platform.python_version(), **libraries}
