"""What is refused before any work: paths that do not exist, objectives that model or data cannot have."""

import pytest

from tfvae.data import open_splits
from tfvae.errors import ConfigError
from tfvae.tuning.checks import check, try_values

PRIOR = "model.prior.name"
AUTOENCODER = {"posterior": {"name": "Deterministic", "latent_size": 2}, "objective": {"name": "Reconstruction"}}


@pytest.fixture
def check_search(make_experiment):
    def run(tree=None, model=None, **table):
        base = make_experiment().to_dict()
        model = {**base["model"], **(model or {})}
        if model["posterior"]["name"] == "Deterministic":
            del model["prior"]
        check(make_experiment({"model": model, **(tree or {})}, **table), open_splits)

    return run


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("model.posterior.latent", "has no `latent`"),
        ("model.decodr.hidden_sizes", "has no `decodr`"),
        ("training.epoch", "has no `epoch`. Did you mean `epochs`"),
        ("model.objective.beta.final", "is a value, not a table"),
    ],
)
def test_a_misspelt_path_is_refused_in_one_sentence(check_search, path, message):
    model = {"objective": {"name": "ELBO", "beta": 1.0}}
    with pytest.raises(ConfigError) as refusal:
        check_search(model=model, parameters={path: {"int": [1, 3]}})
    assert f"[search.parameters] `{path}`" in str(refusal.value) and message in str(refusal.value)


def test_a_value_that_fails_alone_is_a_warning(make_experiment, caplog):
    caplog.set_level("WARNING", "tfvae")
    parameters = {PRIOR: {"choice": ["StandardNormal", "StandardNormul"]}}
    models = try_values(make_experiment(parameters=parameters))
    assert len(models) == 1
    assert "Some trials will fail" in caplog.text and "Did you mean `StandardNormal`" in caplog.text


def test_a_conditional_parameter_is_tried_where_it_exists(check_search):
    components = {"int": [2, 5], "when": {PRIOR: "VampPrior"}}
    choice = {"choice": ["StandardNormal", "VampPrior"]}
    check_search(parameters={"model.prior.num_components": components, PRIOR: choice})


@pytest.mark.parametrize(
    "objective", ["negative_log_likelihood", "negative_elbo", {"name": "rate", "distortion_at_most": 9}]
)
def test_a_model_without_a_rate_has_no_such_objective(check_search, objective):
    with pytest.raises(ConfigError, match="take another `objective`"):
        check_search(model=AUTOENCODER, objective=objective, parameters={"training.learning_rate": {"choice": [1e-3]}})


def test_a_score_against_factors_needs_factors(check_search):
    with pytest.raises(ConfigError, match="`mig` is a score against known factors, and the data knows none: take udr"):
        check_search(objective="mig")


def test_probabilities_and_densities_are_not_compared(check_search):
    parameters = {"model.likelihood": {"choice": [{"name": "Bernoulli"}, {"name": "ContinuousBernoulli"}]}}
    with pytest.raises(ConfigError, match="whose nats cannot be compared"):
        check_search(parameters=parameters)


def test_the_median_rule_needs_the_negative_elbo_of_each_epoch(check_search):
    model = {"objective": {"name": "Reconstruction"}}
    parameters = {"training.learning_rate": {"choice": [1e-3]}}
    with pytest.raises(ConfigError, match="which the model does not report"):
        check_search(model=model, stop_by_median_after=2, parameters=parameters)
