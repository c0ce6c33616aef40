"""Numbers are said with the precision they have."""

import pytest

from tfvae.report import tables, wording
from tfvae.report.meanings import HIGHER, KINDS, LOWER, MEANINGS, NEITHER


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
    assert wording.words("mig of beta_1") == "MIG of beta 1"
    assert wording.unit_words("nats/example") == "nats per example"
    assert wording.unit_words("share") == "of 1"


@pytest.mark.parametrize(
    ("texts", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (iter("abc"), "a, b and c")]
)
def test_lists_become_words(texts, text):
    assert wording.listed(texts) == text


@pytest.mark.parametrize(
    ("metric", "note"),
    [
        ({"num_pairs": 50, "minimum": 1.23456}, "50 pairs, minimum 1.23"),
        ({"num_training": 1, "extractor": "lenet", "sha256": "9f"}, "1 training example, extractor lenet"),
        ({"standard_error": 0.1, "constant_factors": ["shape"]}, ""),
    ],
)
def test_what_stands_beside_a_metric_is_said(metric, note):
    assert tables.row_of("rate", {"value": 1.0, "unit": "nats/example", **metric}).note == note


@pytest.mark.parametrize("name", MEANINGS)
def test_meanings_are_sentences_of_a_kind(name):
    meaning = MEANINGS[name]
    assert meaning.kind in KINDS and meaning.better in (LOWER, HIGHER, NEITHER)
    assert meaning.sentence.endswith(".") and len(meaning.text) < 130 and "\N{EM DASH}" not in meaning.text
