"""Versions: the life of each version of a model, and the policy that says what is to be loaded or unloaded next."""

import asyncio
from enum import Enum


class State(Enum):
    """Where a version is in its life, by the names of GetModelStatus."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


class Version:
    """One version.

    Args:
        number: Its number.
        directory: Its SavedModel.

    Attributes:
        state: `State`.
        error: The ServingError that ended it, or None.
        servable: The `Servable` while it is AVAILABLE or UNLOADING.
        is_aspired: Whether the source wants it served.
        is_claimed: Whether its loading has been decided.
        attempted: Event: its first attempt to load has ended.
        unwanted: Event: the source does not want it any more, so that it is not tried again.
    """

    def __init__(self, number, directory):
        self.number, self.directory = number, directory
        self.state, self.error, self.servable = State.START, None, None
        self.is_aspired, self.is_claimed = True, False
        self.attempted, self.unwanted = asyncio.Event(), asyncio.Event()

    @property
    def is_over(self):
        """Whether the same number would be loaded as a new version: it was unloaded, or failed and has vanished."""
        return self.state is State.END and (self.error is None or not self.is_aspired)

    def aspire(self, is_aspired):
        """Notes whether the source wants it served now."""
        self.is_aspired = is_aspired
        if is_aspired:
            self.unwanted.clear()
        else:
            self.unwanted.set()


def next_action(versions):
    """What to do next with the versions of a model: ("load" or "unload", version), or None.

    The policy preserves availability: a version that is not wanted any more goes when nothing is wanted, when
    something wanted is available, or when another such version is still there. New versions come highest first.
    """
    versions = list(versions)
    aspired = [version for version in versions if version.is_aspired]
    is_aspired_available = any(version.state is State.AVAILABLE for version in aspired)
    superfluous = [version for version in versions if not version.is_aspired and version.state is State.AVAILABLE]
    if superfluous and (not aspired or is_aspired_available or len(superfluous) > 1):
        return "unload", min(superfluous, key=_number)
    new = [version for version in aspired if version.state is State.START and not version.is_claimed]
    return ("load", max(new, key=_number)) if new else None


def _number(version):
    return version.number
