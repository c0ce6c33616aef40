"""What a ModelServerConfig must fulfil, and which changes of it are legal, in the real server's words."""

from tfvae.serving.server.configuration import PLATFORM
from tfvae.serving.server.errors import ServingError

_LIST = "model_config_list"
_TENSORFLOW_TYPE = 1  # the deprecated `model_type`


def models_of(configuration):
    """{name: ModelConfig} of a ModelServerConfig; none if it lists none."""
    return {model.name: model for model in configuration.model_config_list.config}


def check_configuration(configuration):
    """Refuses a configuration that no server could work with.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    if configuration.WhichOneof("config") == "custom_model_config":
        raise _invalid("Missing custom_model_config_loader in ServerCore Options")
    names = set()
    for model in configuration.model_config_list.config:
        if model.name in names:
            raise _invalid(f"Illegal to list model {model.name} multiple times in config list")
        names.add(model.name)
        _check_model(model)


def check_change(old, new):
    """Refuses a change of a running server's configuration that is not legal.

    Raises:
        ServingError: FAILED_PRECONDITION (another kind of configuration), INVALID_ARGUMENT.
    """
    if old.WhichOneof("config") == _LIST and new.WhichOneof("config") != _LIST:
        raise ServingError(
            "FAILED_PRECONDITION",
            "Cannot transition to requested config. It is only legal to transition from one ModelConfigList to"
            " another.",
        )
    check_configuration(new)
    platforms = {name: _platform(model) for name, model in models_of(old).items()}
    for name, model in models_of(new).items():
        before, after = platforms.get(name, _platform(model)), _platform(model)
        if before != after:
            raise _invalid(
                f"Illegal to change a model's platform. For model {name} platform was {before}"
                f" and new platform requested is {after}"
            )
    for name, model in models_of(new).items():
        _check_platform(name, _platform(model))


def _check_model(model):
    if not ("://" in model.base_path or model.base_path.startswith("/")):
        raise _invalid(
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
        )
    _platform(model)


def _platform(model):
    if model.model_type:
        if model.model_platform:
            raise _invalid("Illegal setting both ModelServerConfig::model_type (deprecated) and model_platform")
        if model.model_type != _TENSORFLOW_TYPE:
            raise _invalid(f"ModelServerConfig::model_type choice {model.model_type} not supported")
        return PLATFORM
    if not model.model_platform:
        raise _invalid("Illegal setting neither ModelServerConfig::model_type (deprecated) nor model_platform")
    return model.model_platform


def _check_platform(name, platform):
    if platform != PLATFORM:
        raise _invalid(f"Model {name} requests unsupported platform {platform}")


def _invalid(message):
    return ServingError("INVALID_ARGUMENT", message)
