"""Normal and Laplace: their formulas under every scale, the golden Gaussian value, and where scales come from."""

import numpy as np
import pytest

from tfvae.likelihoods import FixedScale, Laplace, LearnedScale, Normal, OptimalScale, PixelScale

SCALES = [pytest.param(lambda: FixedScale(0.3), id="FixedScale"), LearnedScale, OptimalScale, PixelScale]

scales = pytest.mark.parametrize("make", SCALES)
families = pytest.mark.parametrize("family", [Normal, Laplace])


def normal(x, mean, sigma):
    return -(((x - mean) / sigma) ** 2) / 2 - np.log(sigma) - np.log(2 * np.pi) / 2


def laplace(x, mean, b):
    return -np.abs(x - mean) / b - np.log(2 * b)


@pytest.mark.parametrize(("family", "formula"), [(Normal, normal), (Laplace, laplace)], ids=["Normal", "Laplace"])
@scales
def test_density_is_its_formula(family, formula, make, built, normals):
    likelihood, features, x = built(family(make())), normals(2, 3, 5), normals(3, 6)
    mean, scale = likelihood.mean(features), likelihood.scale(features) * np.ones([2, 3, 6], "float32")
    expected = np.sum(formula(x, mean, scale), axis=-1)
    np.testing.assert_allclose(likelihood(features).log_prob(x), expected, rtol=1e-5)  # float32 rounding


@families
@scales
def test_density_integrates_to_one(family, make, built, normals):
    likelihood = built(family(make()), event_shape=(1,))
    x = np.arange(-30, 30, 0.001).astype("float32")[:, None, None]
    density = np.exp(likelihood(normals(1, 1, 5)).log_prob(x), dtype="float64")
    assert density.sum() * 0.001 == pytest.approx(1, abs=1e-4)  # float32 rounding of the grid


def test_normal_with_zero_error_is_the_golden_value(built, normals):
    p = built(Normal(1.0), event_shape=(28, 28, 1))(normals(1, 1, 5))
    assert -float(p.log_prob(p.mean())[0, 0]) == pytest.approx(720.4478, abs=2e-4)  # float32 rounding


def test_laplace_with_zero_error_is_log_two_for_each_pixel(built, normals):
    p = built(Laplace(1.0), event_shape=(28, 28, 1))(normals(1, 1, 5))
    assert -float(p.log_prob(p.mean())[0, 0]) == pytest.approx(784 * np.log(2), abs=2e-4)  # float32 rounding


@families
def test_scale_is_one_unless_given(family):
    assert family().scale.value == 1


@families
@pytest.mark.parametrize("value", [1, 0.25])
def test_number_stands_for_a_fixed_scale(family, value):
    assert isinstance(family(value).scale, FixedScale) and family(value).scale.value == value


def test_learned_scale_starts_at_softplus_of_zero_and_one_grey_level(built, normals):
    likelihood = built(Normal(LearnedScale()))
    assert float(likelihood(normals(1, 1, 5)).stddev()[0, 0, 0]) == pytest.approx(np.log(2) + 1 / 255)


@pytest.mark.parametrize("make", [LearnedScale, PixelScale])
def test_learned_sigma_never_falls_below_one_grey_level(make, built):
    likelihood = built(Normal(make()))
    likelihood.scale.set_weights([np.full(w.shape, -1e4) for w in likelihood.scale.weights])
    stddev = likelihood(np.ones([1, 1, 5], "float32")).stddev()
    np.testing.assert_allclose(stddev, np.full([1, 1, 6], 1 / 255), rtol=1e-6)  # float32 rounding


def test_pixel_scale_depends_on_the_features_and_learned_scale_does_not(built, normals):
    spread = [np.ptp(built(Normal(make()))(normals(1, 3, 5)).stddev()) for make in (PixelScale, LearnedScale)]
    assert spread[0] > 0 and spread[1] == 0


@families
@pytest.mark.parametrize("wrong", [0, -1.0, float("inf"), float("nan"), True, None, "learned"], ids=repr)
def test_scale_must_be_a_positive_number_or_a_scale(family, wrong):
    with pytest.raises(ValueError, match=r"`scale` must be a positive number or a Scale. Received: scale="):
        family(wrong)
