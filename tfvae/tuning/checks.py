"""What is refused before any work: a path that does not exist, an objective that model or data cannot have."""

from tfvae import jobs
from tfvae.errors import ConfigError
from tfvae.experiment import build_model
from tfvae.search.objectives import FACTOR_SCORES
from tfvae.tuning.measuring import needed
from tfvae.tuning.median import TERM
from tfvae.tuning.space import applied, first_with

OF_RATE = {"negative_elbo", "rate"}
IN_NATS = {"negative_log_likelihood", "negative_elbo", "distortion"}  # of which the likelihood says what they measure


def check(experiment, open_data):
    """Refuses a search that could not end well.

    Args:
        experiment: The `Experiment`, with its `Search`.
        open_data: A `Data` -> its `Splits`.

    Raises:
        ConfigError: If a parameter can take none of its values, or the objective is one that no trial can have.
        DataError: If the data cannot be read.
    """
    search = experiment.search
    models = try_values(experiment)
    asked = needed(search.objectives)
    if "negative_log_likelihood" in asked:
        _need(models, "has_density", "negative_log_likelihood", "a posterior and a prior with densities")
    for name in sorted(asked & OF_RATE):
        _need(models, "has_rate", name, "a posterior and a prior with a divergence")
    if asked & IN_NATS and len({model.likelihood.discrete for model in models}) > 1:
        raise ConfigError("The searched likelihoods are probabilities and densities, whose nats cannot be compared.")
    if search.stop_by_median_after is not None and not all(TERM in model.reports for model in models):
        raise ConfigError(f"`stop_by_median_after` goes by the {TERM} of each epoch, which the model does not report.")
    names = open_data(experiment.data).validation.factor_names
    if asked & set(FACTOR_SCORES) and not names:
        (name, *_) = sorted(asked & set(FACTOR_SCORES))
        raise ConfigError(f"`{name}` is a score against known factors, and the data knows none: take udr.")


def try_values(experiment):
    """Tries every value of every choice, and the ends of every range, in a model that is built and thrown away.

    Returns:
        The models that could be built.

    Raises:
        ConfigError: If a parameter can take none of its values: most of the time its path is misspelt.
    """
    models = []
    for parameter in experiment.search.space:
        places = range(parameter.size) if parameter.kind == "choice" else (0, parameter.size - 1)
        built = [_tried(experiment, parameter, parameter.value_at(place)) for place in places]
        errors = [error for error in built if isinstance(error, ConfigError)]
        if len(errors) == len(built):
            raise ConfigError(f"[search.parameters] `{parameter.path}`: {errors[0]}")
        for error in errors:
            jobs.log.warning(f"Some trials will fail: {error}")
        models += [model for model in built if not isinstance(model, ConfigError)]
    return models


def _tried(experiment, parameter, value):
    """The model with that value, or why there is none."""
    space = experiment.search.space
    try:
        return build_model(applied(experiment, space, first_with(space, parameter, value)))
    except ConfigError as error:
        return error


def _need(models, ability, name, what):
    if not any(getattr(model, ability) for model in models):
        raise ConfigError(f"`{name}` needs {what}, and the model has not both: take another `objective`.")
