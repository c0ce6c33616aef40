"""Parts from tables: lists of parts, parts in lists, and what the data offers to parts that are told nothing else."""

import copy
import re
import tomllib

import pytest

from tfvae import networks, priors, regularizers
from tfvae.errors import ConfigError
from tfvae.parts import ROLES, build_model, build_part

MLP = {"name": "MLP", "hidden_sizes": [4]}
NORMAL = {"name": "DiagonalNormal", "latent_size": 2}
MODEL = {
    "name": "VAE",
    "encoder": MLP,
    "posterior": NORMAL,
    "prior": {"name": "StandardNormal"},
    "decoder": MLP,
    "likelihood": {"name": "Bernoulli"},
    "objective": {"name": "ELBO"},
}
COLUMNS = [{"name": "age", "type": "real", "mean": 1.0, "stddev": 2.0}, {"name": "vip", "type": "binary"}]


def built(offered=None, **replaced):
    return build_model({**copy.deepcopy(MODEL), **replaced}, seed=3, offered=offered or {})


def refusal(**replaced):
    with pytest.raises(ConfigError) as caught:
        built(**replaced)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Lists.


def test_regularizers_are_a_list_of_tables_in_a_file():
    model = built(
        **tomllib.loads("""
            regularizers = [
                { name = "CodeNorm", weight = 0.5 },
                { name = "L1Sparsity", weight = { name = "LinearWarmup", steps = 7 } },
            ]
        """)
    )
    first, second = model.regularizers
    assert (type(first), first.weight) == (regularizers.CodeNorm, 0.5)
    assert type(second) is regularizers.L1Sparsity and second.weight.steps == 7


def test_an_array_of_tables_is_a_list_too():
    tables = tomllib.loads('[[regularizers]]\nname = "CodeNorm"\nweight = 0.5\n')
    assert [type(part) for part in built(**tables).regularizers] == [regularizers.CodeNorm]


def test_an_empty_list_is_no_regularizer():
    assert built(regularizers=[]).regularizers == []


def test_parts_inside_a_list_inside_a_part_are_built():
    model = built(
        posterior={"name": "Product", "posteriors": [NORMAL, {"name": "RelaxedCategorical", "latent_size": 3}]},
        prior={"name": "Product", "priors": [{"name": "StandardNormal"}, {"name": "UniformCategorical"}]},
    )
    assert [type(part).__name__ for part in model.posterior.posteriors] == ["DiagonalNormal", "RelaxedCategorical"]
    assert [type(part) for part in model.prior.priors] == [priors.StandardNormal, priors.UniformCategorical]


def test_roles_of_a_ladder_are_lists():
    levels = {"encoders": [MLP, MLP], "posteriors": [NORMAL, NORMAL], "decoders": [MLP, MLP]}
    plain = {role: MODEL[role] for role in ("prior", "likelihood", "objective")}
    model = build_model({"name": "LadderVAE", **levels, **plain}, seed=0, offered={})
    assert [type(part) for part in (*model.encoders, *model.decoders)] == [networks.MLP] * 4


def test_numbers_in_a_list_stay_numbers():
    assert built(encoder={"name": "MLP", "hidden_sizes": [5, 6]}).encoder.hidden_sizes == (5, 6)


@pytest.mark.parametrize("value", [{"name": "CodeNorm", "weight": 1.0}, "CodeNorm", 3])
def test_a_list_of_parts_must_be_a_list(value):
    expected = f"`model.regularizers` must be a list of tables with a `name`. Received: {value!r}"
    assert refusal(regularizers=value) == expected


@pytest.mark.parametrize("value", [[MLP], [], "MLP"])
def test_a_single_part_must_be_a_table(value):
    assert refusal(encoder=value) == f"`model.encoder` must be a table with a `name`. Received: {value!r}"


def test_what_stands_in_a_list_of_parts_must_be_a_table():
    assert refusal(regularizers=["CodeNorm"]) == (
        "`model.regularizers[0]` must be a table with a `name`. Received: 'CodeNorm'"
    )


# The path in a message.

UNKNOWN_PARTS = {
    "`model.regularizers[1]` has no part `CodeNrm`. Did you mean `CodeNorm`?": {
        "regularizers": [{"name": "L1Sparsity", "weight": 1.0}, {"name": "CodeNrm", "weight": 1.0}]
    },
    "`model.posterior.posteriors[1]` has no part `Categorical`.": {
        "posterior": {"name": "Product", "posteriors": [NORMAL, {"name": "Categorical"}]}
    },
    "`model.encoder.network` has no part `ML`.": {
        "encoder": {"name": "Conditioned", "condition_size": 2, "network": {"name": "ML"}}
    },
    "`model.encoder.network.network` has no part `ML`.": {
        "encoder": {
            "name": "Corrupted",
            "corruption": {"name": "Masking", "rate": 0.1},
            "network": {"name": "Conditioned", "condition_size": 2, "network": {"name": "ML"}},
        }
    },
    "[model.regularizers[0]] (CodeNorm) has no `wieght`. Did you mean `weight`?": {
        "regularizers": [{"name": "CodeNorm", "wieght": 1.0}]
    },
    "[model.posterior.posteriors[0]] (DiagonalNormal): `latent_size` must be a positive integer.": {
        "posterior": {"name": "Product", "posteriors": [{**NORMAL, "latent_size": 0}]}
    },
}


@pytest.mark.parametrize("message", UNKNOWN_PARTS)
def test_a_mistake_inside_a_part_is_named_with_its_whole_path(message):
    assert refusal(**UNKNOWN_PARTS[message]).startswith(message)


def test_a_part_of_another_role_is_not_found():
    assert refusal(regularizers=[{"name": "ELBO"}]).startswith("`model.regularizers[0]` has no part `ELBO`.")


# What the data offers.


def total_correlation(offered, **arguments):
    table = {"name": "TotalCorrelation", "weight": 1.0, **arguments}
    return built(offered, regularizers=[table]).regularizers[0]


def test_dataset_size_is_offered_and_a_stated_one_wins():
    assert total_correlation({"dataset_size": 50}).dataset_size == 50
    assert total_correlation({"dataset_size": 50}, dataset_size=7).dataset_size == 7


def test_what_is_neither_offered_nor_stated_is_missing():
    message = "[model.regularizers[0]] (TotalCorrelation) lacks `dataset_size`."
    assert refusal(regularizers=[{"name": "TotalCorrelation", "weight": 1.0}]) == message


def test_condition_size_is_offered_at_any_depth_and_a_stated_one_wins():
    conditioned = {"name": "Conditioned", "network": MLP}
    noisy = {"name": "Corrupted", "corruption": {"name": "Masking", "rate": 0.1}, "network": conditioned}
    parts = {"encoder": noisy, "decoder": {**conditioned, "condition_size": 9}, "prior": {"name": "ConditionalNormal"}}
    model = built({"condition_size": 4}, **parts)
    assert model.encoder.network.condition_size == model.prior.condition_size == 4
    assert model.decoder.condition_size == 9


def test_columns_are_offered_to_all_that_ask_and_stated_ones_win():
    table = {"encoder": {"name": "TableFeatures", "network": MLP}, "likelihood": {"name": "Table"}}
    model = built({"columns": COLUMNS}, **table)
    assert list(model.encoder.columns) == list(model.likelihood.columns) == COLUMNS
    told = [{"name": "mine", "type": "binary"}]
    model = built({"columns": COLUMNS}, **{**table, "likelihood": {"name": "Table", "columns": told}})
    assert list(model.likelihood.columns) == told


def test_a_part_that_does_not_ask_is_offered_nothing():
    assert built({"dataset_size": 50, "condition_size": 4, "columns": COLUMNS}).condition_size is None


def test_a_part_alone_is_built_with_what_is_offered():
    part = build_part(ROLES["prior"], {"name": "ConditionalNormal"}, "model.prior", offered={"condition_size": 4})
    assert part.condition_size == 4


def test_a_value_that_is_offered_is_checked_like_a_stated_one():
    with pytest.raises(ConfigError, match=re.escape("`dataset_size` must be an integer of at least 2. Received: data")):
        total_correlation({"dataset_size": 1})
