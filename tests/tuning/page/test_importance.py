"""Importance, on functions of which it is known what matters."""

import numpy as np
import pytest

from tfvae.tuning.importance import importance


def drawn(number, size, seed=0):
    return np.random.default_rng(seed).random((number, size))


def test_finds_what_matters_and_not_what_does_not():
    x = drawn(60, 4)
    found = importance(x, np.sin(3 * x[:, 0]) + 2 * (x[:, 2] - 0.5) ** 2)
    assert found.says_something and found.matters.tolist() == [True, False, True, False]
    assert found.values[0] > found.values[2] > 5 * np.abs(found.values[[1, 3]]).max()


def test_share_is_the_total_sobol_index():
    # f = x0 + 2 x1, uniform: the variances of the terms are 1/12 and 4/12, and a forest of 200 trials explains nearly
    # all of it. Ranks bend f little. 0.08 is what forests of other seeds and trials differ by, three times over.
    x = drawn(200, 3)
    found = importance(x, x[:, 0] + 2 * x[:, 1])
    assert found.r2 > 0.9
    np.testing.assert_allclose(found.values, [0.2, 0.8, 0.0], atol=0.08)


def test_an_effect_of_two_together_is_found_in_both():
    x = drawn(150, 3)
    found = importance(x, np.sign(x[:, 0] - 0.5) * np.sign(x[:, 1] - 0.5))
    assert found.matters[:2].all() and found.values[:2].min() > 10 * abs(found.values[2])


def test_of_noise_nothing_is_said():
    # A search without any effect passes both tests, each at level 1/20, in less than one case in twenty.
    found = [importance(drawn(20, 4, seed), drawn(20, 1, 100 + seed)[:, 0], seed) for seed in range(3)]
    assert not any(each.matters.any() for each in found)


def test_one_trial_far_off_does_not_decide():
    x = drawn(40, 2)
    scores = x[:, 0].copy()
    scores[x[:, 1].argmax()] = 1e9
    found = importance(x, scores)
    assert found.matters[0] and found.values[0] > 5 * abs(found.values[1])


def test_a_conditional_parameter_may_be_missing():
    x = drawn(60, 2)
    is_on = x[:, 0] > 0.5
    columns = np.stack([is_on, np.where(is_on, x[:, 1], np.nan)], axis=1)
    assert importance(columns, np.where(is_on, x[:, 1], 2.0)).matters.all()


@pytest.mark.parametrize("scores", [np.arange(9.0), np.ones(30)])
def test_too_few_trials_and_equal_ones_say_nothing(scores):
    assert importance(drawn(len(scores), 2), scores) is None


def test_is_the_same_again():
    x = drawn(12, 2)
    first, second = importance(x, x[:, 0]), importance(x, x[:, 0])
    assert np.array_equal(first.values, second.values) and first.chance == second.chance
