"""The page of several runs: what differs, what may be compared, which is best, and what is refused."""

import pytest
from PIL import Image

from tfvae import cli, run_directory
from tfvae.report.comparability import best
from tfvae.report.comparison import unique_names


def nats(value, error=0.1, **more):
    return {"value": value, "standard_error": error, "unit": "nats/example", **more}


@pytest.fixture
def compare(tmp_path, read):
    """Writes the page of some runs and reads it."""
    return lambda *directories: read(
        run_directory.report_runs(run_directory.finished_runs(directories), tmp_path / "page")
    )


@pytest.fixture
def best_of(finished):
    """The best of two runs by the negative log likelihood, or another metric."""

    def of(first, second, name="negative_log_likelihood", **of_second):
        directories = [finished("a", {name: first}), finished("b", {name: second}, **of_second)]
        return best(dict(zip("ab", run_directory.finished_runs(directories), strict=True)), name)

    return of


def test_only_keys_that_differ_are_shown(finished, compare, read_table, tmp_path):
    parts = [{"name": "MLP", "hidden_sizes": [4]}, {"name": "MLP"}]
    first = finished("a", settings={"objective": {"name": "ELBO"}, "encoders": parts})
    second = finished("b", settings={"objective": {"name": "ELBO", "beta": 4.0}, "encoders": parts[::-1]})
    page = compare(first, second)
    table = read_table(tmp_path / "page" / "configuration.csv")
    differing = {"model.encoders.0.hidden_sizes", "model.encoders.1.hidden_sizes", "model.objective.beta"}
    assert set(table["key"]) == differing
    assert dict(zip(table["key"], table["b"], strict=True))["model.objective.beta"] == "4.0"
    assert dict(zip(table["key"], table["a"], strict=True))["model.objective.beta"] == "not set"
    assert "model.objective.beta" in page.text and "model.objective.name" not in page.text


def test_equal_configurations_are_said_to_be(finished, compare):
    assert "Nothing: the configurations are the same." in compare(finished("a"), finished("b")).text


def test_metrics_have_a_row_each_and_a_column_for_each_run(finished, compare, read_table, tmp_path):
    page = compare(finished("a", {"mig": {"value": 0.5, "unit": "share"}}), finished("b"))
    assert [h.get("scope") for h in page.all("th")][:3] == ["col"] * 3
    assert "20.00 ± 0.10" in page.text and "negative ELBO" in page.text
    table = read_table(tmp_path / "page" / "metrics.csv")
    assert table["metric"] == ("negative_elbo", "negative_elbo", "mig") and table["run"] == ("a", "b", "a")
    assert table["value"] == ("20.0", "20.0", "0.5") and table["standard_error"] == ("0.1", "0.1", "")


@pytest.mark.parametrize(("value", "expected"), [(20.29, "b"), (20.27, None)])
def test_best_is_better_by_two_standard_errors_of_the_difference(best_of, value, expected):
    # sqrt(0.1^2 + 0.1^2) = 0.1414: two of them are 0.2828.
    assert best_of(nats(value), nats(20.0)) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("mig", "a"), ("negative_elbo", "b"), ("rate", None), ("unheard_of", None)]
)
def test_best_is_the_higher_or_the_lower_as_the_metric_says(best_of, name, expected):
    assert best_of(nats(30.0), nats(20.0), name) == expected


def test_none_is_best_without_errors(best_of):
    assert best_of(nats(30.0), {"value": 20.0, "unit": "nats/example"}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"fingerprint": "00" * 32},
        {"num_samples": 7},
        {"num_examples": 7},
        {"settings": {"likelihood": {"name": "Normal"}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_none_is_best_where_the_metric_means_two_things(best_of, changes):
    assert best_of(nats(30.0), nats(20.0), **changes) is None


def test_the_best_is_marked_on_the_page(finished, compare, read_table, tmp_path):
    page = compare(finished("a"), finished("b", {"negative_elbo": nats(15.0)}))
    assert page.text.count("✓ best") == 1 and "b has the lowest negative ELBO, 15.00 ± 0.10 nats" in page.text
    assert read_table(tmp_path / "page" / "metrics.csv")["is_best"] == ("False", "True")


def test_runs_on_different_data_are_said_to_be(finished, compare):
    page = compare(finished("a"), finished("b", fingerprint="1234567890"), finished("c"))
    assert "measured on different data" in page.text
    assert "fingerprint 9f9f9f9f (a and c); digits, fingerprint 12345678 (b)" in page.text
    assert "their negative ELBO cannot be compared" in page.text and "✓ best" not in page.text
    assert any(attributes.get("role") == "note" for _, attributes in page.tags)


def test_different_extractors_and_numbers_of_samples_are_said_to_be(finished, compare):
    values = [
        {"frechet_distance": nats(3.0, extractor=extractor, sha256=sha), "precision": nats(0.5, num_samples=number)}
        for extractor, sha, number in (("lenet", "aabb", 100), ("lenet", "ccdd", 1000))
    ]
    page = compare(*(finished(name, v, num_samples=5) for name, v in zip("ab", values, strict=True)))
    assert (
        "Fréchet distance was measured with different extractors of features: lenet aabb (a); lenet ccdd" in page.text
    )
    assert "Precision was measured with different numbers of samples: 100 (a); 1,000 (b)." in page.text


def test_runs_on_the_same_data_need_no_remark(finished, compare):
    assert not any(attributes.get("role") == "note" for _, attributes in compare(finished("a"), finished("b")).tags)


def test_pictures_of_the_runs_lie_side_by_side(finished, compare, tmp_path):
    runs = [finished("a"), finished("b")]
    (runs[1] / "figures" / "reconstructions.png").unlink()
    page = compare(*runs)
    ids = {figure["id"] for figure in page.all("figure")}
    assert ids == {"metrics_of_runs", "learning_curves", "reconstructions_1_a"}
    assert "No such picture beside b" in page.text
    for name in ids:
        for file in (f"{name}.png", f"dark/{name}.png", f"{name}.csv"):
            assert (tmp_path / "page" / "figures" / file).is_file()


def test_curves_are_drawn_of_terms_that_two_runs_share(finished, compare, read_table, tmp_path):
    def history(**terms):
        return [{"epoch": i, "train": terms, "validation": terms} for i in (1, 2)]

    page = compare(
        finished("a", history=history(loss=3.0, distortion=2.0, only_here=1.0)),
        finished("b", history=history(loss=4.0, distortion=3.0)),
    )
    (curves,) = [image["alt"] for image in page.all("img") if image["alt"].startswith("Line")]
    assert curves == "Line charts of loss and distortion over the epochs of 2 runs."
    table = read_table(tmp_path / "page" / "figures" / "learning_curves.csv")
    assert table["run"] == ("a",) * 4 + ("b",) * 4 and table["only_here"] == ("1.0",) * 4 + ("",) * 4


def test_runs_that_share_little_have_a_page_too(finished, compare):
    metrics = {"metrics": {}, "data_fingerprint": None}
    page = compare(finished("a", history=[], **metrics), finished("b" * 99, history=[], **metrics))
    assert {figure["id"][:15] for figure in page.all("figure")} == {"reconstructions"}


def test_names_of_runs_are_made_unique():
    assert unique_names(["runs/a", "runs/b"]) == ["a", "b"]
    assert unique_names(["x/runs/a", "y/runs/a", "x/runs/b"]) == ["x/runs/a", "y/runs/a", "b"]
    assert unique_names(["/a", "/x/a"]) == ["//a", "x/a"]


def test_words_of_the_user_are_escaped(finished, compare):
    evil = "<script>alert(1)"
    page = compare(finished(evil, settings={evil: "$x_y$"}), finished("b$_$"))
    assert not page.all("script") and evil in page.text


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["a", "nowhere"], "experiment.json"),
        (["a", "unmeasured"], "metrics.json"),
        (["a", "./a"], "twice"),
        (["a", "b", "--output", "a"], "--output"),
        (["a", "--output", "page"], "--output"),
    ],
)
def test_mistakes_get_one_sentence(finished, tmp_path, monkeypatch, capsys, arguments, word):
    finished("a"), finished("b")
    (finished("unmeasured") / "metrics.json").unlink()
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", *arguments]) == 2
    error = capsys.readouterr().err
    assert word in error and "Traceback" not in error
    assert not (tmp_path / "page").exists() and not (tmp_path / "runs").exists()


def test_the_command_compares_from_files_alone(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(run_directory, "load_model", None)
    monkeypatch.setattr(run_directory, "open_splits", None)
    monkeypatch.chdir(tmp_path)
    finished("a"), finished("b")
    assert cli.main(["report", "a", "b"]) == 0
    assert (tmp_path / "runs" / "comparison" / "report.html").is_file()
    assert not (tmp_path / "a" / "report.html").exists()


@pytest.mark.slow
def test_browser_shows_the_page_on_a_phone(finished, tmp_path, browse):
    objectives = [{"objective": {"name": "A" * 60, "beta": float(i)}} for i in range(4)]
    runs = [finished(f"a_run_with_a_long_name_{i}", settings=s) for i, s in enumerate(objectives)]
    page = run_directory.report_runs(run_directory.finished_runs(runs), tmp_path / "page")
    seen = browse(page)
    assert seen["console"] == [] and seen["requests"] == [] and seen["width"] <= 360
    assert len(seen["images"]) == 2 + len(runs)
    for image in seen["images"]:
        size = Image.open(tmp_path / "page" / "figures" / f"{image['figure']}.png").size
        assert tuple(image["natural"]) == size and int(image["stated"][1]) == size[0] // 2
