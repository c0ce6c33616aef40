"""Labels: names such as "stable" for versions of a model."""

from tfvae.serving.server.errors import ServingError


class Labels:
    """{model: {label: version}}, replaced as a whole by each configuration.

    Args:
        allow_unavailable: Whether a label that does not point to another version yet may point to one that is not
            loaded (--allow_version_labels_for_unavailable_models).
    """

    def __init__(self, allow_unavailable=False):
        self._allow_unavailable = allow_unavailable
        self._versions = {}

    def assigned(self, models, is_available):
        """The labels of {name: ModelConfig}, checked, for `replace`.

        Args:
            models: The models.
            is_available: Function of (name, version).

        Raises:
            ServingError: FAILED_PRECONDITION for a label of a version that is not available.
        """
        for name, model in models.items():
            for label, version in model.version_labels.items():
                if not (self._may_wait(name, label, version) or is_available(name, version)):
                    raise ServingError(
                        "FAILED_PRECONDITION",
                        f"Request to assign label to version {version} of model {name},"
                        " which is not currently available for inference",
                    )
        return {name: dict(model.version_labels) for name, model in models.items()}

    def replace(self, versions):
        """Makes checked labels the valid ones."""
        self._versions = versions

    def version(self, name, label):
        """The version that a label of a model means.

        Raises:
            ServingError: INVALID_ARGUMENT if there is no such label.
        """
        try:
            return self._versions[name][label]
        except KeyError:
            raise ServingError("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}") from None

    def _may_wait(self, name, label, version):
        return self._allow_unavailable and self._versions.get(name, {}).get(label, version) == version
