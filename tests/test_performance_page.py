"""The page of the benchmark beside peers: what its table says of known rates, and what a step costs by hand."""

import pytest

from benchmarks.performance import page
from benchmarks.performance.works import WORKS, Training
from benchmarks.scaling import shared
from tfvae.experiment import experiment_from

MACHINE = {"cores": 2, "processor": "P", "system": "Linux", "python": "3.11", "versions": {"numpy": "2", "x": None}}
CONDITIONS = {
    "date": "2026-01-31",
    "machine": MACHINE,
    "ceilings": {"operations_per_second": 4e11, "bytes_per_second": 3e10},
    "rounds": None,
}
FOUND = {
    "conditions": {"rows": {**CONDITIONS, "rounds": 5}, "waits": CONDITIONS, "starting": CONDITIONS},
    "rows": [
        {"work": "mlp-vae", "batch": 100, "system": "tfvae", "images_per_second": 3000.0, "fraction_of_peak": 0.5},
        {"work": "mlp-vae", "batch": 100, "system": "pythae", "images_per_second": 1500.0, "fraction_of_peak": 0.25},
    ],
    "waits": [
        {"case": "mlp-vae:100", "waits": 0.031, "costs": 0.2},
        {"case": "mlp-vae:1000", "waits": 0.081, "costs": 0.1},
    ],
    "starting": [{"what": "`tfvae --help`", "figure": "0.1 s"}],
}


def test_table_has_rates_shares_and_ratios():
    lines = page.written(FOUND).splitlines()
    assert "| mlp-vae | 100 | tfvae | 3,000 | 0.50 |  |" in lines
    assert "| mlp-vae | 100 | pythae | 1,500 | 0.25 | 2.00 |" in lines
    assert "| mlp-vae:100 | 3.1 % | 20.0 % |  |" in lines
    assert "| mlp-vae:1000 | 8.1 % | 10.0 % | by 3.1 % |" in lines
    assert "| `tfvae --help` | 0.1 s |" in lines
    assert "400 GFLOP/s" in page.written(FOUND) and "x None" not in page.written(FOUND)


def test_what_was_not_measured_has_no_section():
    text = page.written({**FOUND, "waits": [], "starting": []})
    assert "What a step waits for" not in text and "Start-up" not in text and "Serving" not in text


def test_each_section_says_when_and_where_it_was_measured():
    later = {**CONDITIONS, "date": "2026-02-01", "ceilings": {"operations_per_second": 2e11, "bytes_per_second": 1e10}}
    found = {**FOUND, "conditions": {**FOUND["conditions"], "waits": later}}
    rows, waits = (part.split("|")[0] for part in page.written(found).split("\n## ")[1:3])
    assert "2026-01-31, medians of 5 rounds" in rows and "400 GFLOP/s" in rows
    assert "2026-02-01. Ceilings then: 200 GFLOP/s" in waits and "10.0 GB/s" in waits
    assert page.written(found).count("2 cores of P") == 1
    later["machine"] = {**MACHINE, "processor": "Q"}
    rows, waits = page.written(found).split("\n## ")[1:3]
    assert "cores of P" in rows and "cores of Q" in waits


@pytest.mark.parametrize(
    ("work", "operations"),
    [
        # 784-200-200-(50, 50) and 50-200-200-784, without the gradient by the image
        ("mlp-vae", 4 * 784 * 200 + 6 * (200 * 200 + 200 * 100 + 50 * 200 + 200 * 200 + 200 * 784)),
        ("iwae-50", 4 * 784 * 200 + 6 * (200 * 200 + 200 * 100) + 300 * (50 * 200 + 200 * 200 + 200 * 784)),
        ("likelihood-5000", 2 * (784 * 200 + 200 * 200 + 200 * 100) + 10_000 * (50 * 200 + 200 * 200 + 200 * 784)),
    ],
)
def test_operations_are_those_of_the_products(work, operations):
    assert WORKS[work].operations == operations


def test_operations_of_convolutions():
    first, rest = 32 * 32 * 16 * 32, (16 * 16 + 8 * 8 + 4 * 4) * 16 * 32 * 32  # 64 x 64 pixels, halved four times
    dense, ends = 4 * 4 * 32 * 256, 256 * 10
    expected = 4 * first + 6 * (rest + dense + 2 * ends) + 6 * (first + rest + dense + ends)
    assert WORKS["conv-vae"].operations == expected


@pytest.mark.parametrize("work", [name for name, work in WORKS.items() if isinstance(work, Training)])
def test_what_processes_share_is_an_experiment(work):
    experiment = experiment_from(shared(WORKS[work], 100, "digits"))
    assert experiment.data.batch_size == 100 and experiment.training.threads is None
