"""Numbers are said with the precision they have."""

import pytest

from tfvae.report import wording


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (20.1234, 0.2345, "20.12 ± 0.23"),
        (-1234.5, 12.3, "−1,234 ± 12"),  # noqa: RUF001
        (0.0116, 0.00033, "0.01160 ± 0.00033"),
        (3.14159, None, "3.142"),
        (3.1, 0.0, "3.1"),
        (9, None, "9"),
        (100.0, None, "100"),
        (float("nan"), 0.1, "nan"),
        (2.5, float("nan"), "2.5"),
        (None, None, "not measured"),
        (0.0, None, "0"),
    ],
)
def test_the_error_decides_on_the_digits(value, error, text):
    assert wording.measured(value, error).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.24, "0.2 s"), (59.6, "1 min"), (72.3, "1 min 12 s"), (3600, "1 h"), (7384, "2 h 3 min")],
)
def test_durations_have_the_units_that_matter(seconds, text):
    assert wording.duration(seconds) == text


def test_names_become_words():
    assert wording.words("negative_elbo") == "negative ELBO"
    assert wording.unit_words("nats/example") == "nats per example"
