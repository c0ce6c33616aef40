"""Observer: what a `Core` tells about its work; metrics are one that counts."""


class Observer:
    """Does nothing; replace any of its methods. All are called on the event loop."""

    def loaded(self, name, version, seconds):
        """A version became AVAILABLE after so many seconds of loading and warming up."""

    def load_failed(self, name, version, error):
        """One attempt to load a version failed with a ServingError."""

    def unloaded(self, name, version):
        """A version was unloaded."""

    def warmed_up(self, name, seconds):
        """A version's warm-up file was replayed."""

    def batch(self, name, signature_key, size, padding, queueing_seconds):
        """A batch of `size` rows, `padding` of them copies, ran; its calls had waited for [seconds, ...]."""
