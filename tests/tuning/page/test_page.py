"""The page of a search: what it says of searches of all kinds, and that a browser shows it."""

import csv
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from tfvae.tuning.findings import read_findings
from tfvae.tuning.page import write_page
from tfvae.tuning.page.over_time import best_so_far
from tfvae.tuning.page.parameters import placed, short_names
from tfvae.tuning.page.responses import trend

LATENT, BETA, PRIOR = "model.posterior.latent_size", "model.objective.beta", "model.prior.name"
COMPONENTS = "model.prior.num_components"
NATS = "nats/example"
NLL = {"name": "negative_log_likelihood", "direction": "min", "unit": NATS}
RATE = {"name": "rate", "direction": "min", "unit": NATS}
DISTORTION = {"name": "distortion", "direction": "min", "unit": NATS}
MIG = {"name": "mig", "direction": "max", "unit": "share"}
EVERYTHING = (LATENT, BETA, PRIOR, COMPONENTS, "training.learning_rate", "training.optimizer.name",
              "data.batch_size", "model.encoder.hidden_sizes")  # fmt: skip
OF_ONE_OBJECTIVE = ["response", "map", "importance", "best_so_far", "rate_distortion", "learning_curves"]


class Page(HTMLParser):
    """Text, figures and images of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text, self.source = [], "", path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += f" {data}".replace("\N{NO-BREAK SPACE}", " ")

    @property
    def figures(self):
        return [attributes["id"] for tag, attributes in self.tags if tag == "figure"]


def columns(path):
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def score(row, name="negative_log_likelihood"):
    return (row["measured"] | row["scores"])[name]["value"]


@pytest.fixture
def show(make_search):
    """Writes a search and its page: (folder, `Page`)."""

    def of(**arguments):
        directory = make_search(**arguments)
        return directory, Page(write_page(directory))

    return of


def test_says_what_the_search_found(show):
    directory, page = show(failed=(5, 7), stopped=(9,))
    findings = read_findings(directory)
    best, default = findings.best, findings.trials[0]
    assert page.figures == OF_ONE_OBJECTIVE
    assert "20 trials over latent_size and beta: 18 completed and 2 failed, in 3 min 40 s" in page.text
    assert "327 trials per hour with 1 worker" in page.text  # 20 in 220 seconds
    assert f"The best is trial {best.name} with latent_size = {best.values[LATENT]}" in page.text
    assert f"{best.score('negative_log_likelihood'):.2f} ± 0.20 nats per example, " in page.text
    assert f"default configuration's {default.score('negative_log_likelihood'):.2f} ± 0.20 (trial 0000)" in page.text
    assert "Out of memory: lower `data.batch_size`." in page.text and "The loss was not finite" not in page.text


def test_the_default_is_said_to_be_beaten_only_beyond_two_errors(show):
    def equal_but_for(difference):
        def edit(rows):
            rows[0]["scores"]["negative_log_likelihood"]["value"] = 10.0 + difference
            rows[1]["scores"]["negative_log_likelihood"]["value"] = 10.0

        return edit

    sure = 2 * np.hypot(0.2, 0.2)  # both have an error of 0.2
    _, page = show(trials=3, edit=equal_but_for(sure + 0.01), best="0001")
    assert "better than the default configuration's 10.58" in page.text


def test_the_default_within_the_errors_is_said_to_be(show):
    def edit(rows):
        rows[0]["scores"]["negative_log_likelihood"]["value"] = 10.5
        rows[1]["scores"]["negative_log_likelihood"]["value"] = 10.0

    assert "within the errors of the default configuration's 10.50" in show(trials=3, edit=edit, best="0001")[1].text


def test_the_default_may_be_the_best_or_not_among_the_trials(show):
    assert "no other trial was better" in show(trials=1)[1].text


def test_a_default_that_was_not_run_is_said_not_to_be(show):
    assert "The default configuration was not among the trials." in show(trials=4, default=False)[1].text


def test_failures_are_counted_by_their_reason(show):
    _, page = show(trials=12, failed=(1, 3, 5, 4))
    table = page.text[page.text.index("What failed, and why") :]
    frequent = "Out of memory: lower `data.batch_size`. 3 0001, 0003, 0005"
    rare = "The loss was not finite in epoch 3, step 41: distortion. 1 0004"
    assert 0 < table.index(frequent) < table.index(rare)


@pytest.mark.parametrize("trials", [0, 3])
def test_without_a_completed_trial_there_is_no_figure_and_no_best(show, trials):
    _, page = show(trials=trials, failed=range(trials))
    assert page.figures == [] and "The best is" not in page.text
    assert ("No trial completed" if trials else "No trial has begun yet.") in page.text


def test_one_trial(show):
    _, page = show(trials=1, default=False)
    assert page.figures == ["response", "map", "best_so_far", "rate_distortion", "learning_curves"]
    assert "cannot be said from 1 completed trial" in page.text


def test_one_parameter_has_no_map_and_no_importance(show):
    _, page = show(trials=12, paths=(BETA,))
    assert page.figures == ["response", "best_so_far", "rate_distortion", "learning_curves"]


def test_a_model_without_a_rate_has_no_rate_distortion(show):
    def edit(rows):
        for row in rows:
            row["measured"] = {}

    assert "rate_distortion" not in show(trials=3, edit=edit)[1].figures


def test_without_histories_there_are_no_learning_curves(make_search):
    directory = make_search(trials=3)
    shutil.rmtree(directory / "runs")
    assert "learning_curves" not in Page(write_page(directory)).figures


@pytest.mark.slow
def test_two_hundred_trials_of_eight_parameters(show):
    directory, page = show(trials=200, paths=EVERYTHING, failed=range(3, 200, 17), stopped=range(5, 200, 9))
    assert page.figures == OF_ONE_OBJECTIVE
    found = columns(directory / "figures" / "importance.csv")
    mattered = {
        name
        for name, share, chance in zip(found["parameter"], found["share"], found["chance"], strict=True)
        if float(share) > float(chance)
    }
    # By the formula these three matter; the third so little that a search of another seed might miss it.
    assert {LATENT, BETA} <= mattered <= {LATENT, BETA, "training.learning_rate"}
    assert len(columns(directory / "trials.csv")["trial"]) == 200 and "All trials (200)" in page.text


def test_noise_is_not_explained(show):
    def edit(rows):
        for row, value in zip(rows, np.random.default_rng(1).normal(20, 1, len(rows)), strict=True):
            row["scores"]["negative_log_likelihood"]["value"] = value

    _, page = show(trials=20, edit=edit)
    assert "importance" not in page.figures and "no better than chance" in page.text


def test_several_objectives_have_a_front_and_figures_each(show):
    directory, page = show(trials=12, objectives=(NLL, MIG))
    assert page.figures[0] == "pareto_front" and {"response_mig", "map_mig", "best_so_far_mig"} <= set(page.figures)
    rows = [trial.row for trial in read_findings(directory).trials]
    front = [
        row["trial"]
        for row in rows
        if not any(
            score(other) <= score(row)
            and score(other, "mig") >= score(row, "mig")
            and (score(other) < score(row) or score(other, "mig") > score(row, "mig"))
            for other in rows
        )
    ]
    found = columns(directory / "figures" / "pareto_front.csv")
    assert [name for name, on in zip(found["trial"], found["on_front"], strict=True) if on == "True"] == front
    assert f"{len(front)} trials are on the Pareto front of negative log likelihood (lower is better)" in page.text


def test_rate_and_distortion_as_objectives_are_drawn_once(show):
    _, page = show(trials=6, objectives=(RATE, DISTORTION))
    assert "pareto_front" in page.figures and "rate_distortion" not in page.figures


def test_a_bound_decides_what_is_best_so_far(show):
    directory, page = show(trials=15, objectives=({**RATE, "distortion_at_most": 14.0},))
    rows = [trial.row for trial in read_findings(directory).trials]
    kept = [score(row, "rate") for row in rows if score(row, "distortion") <= 14.0]
    found = columns(directory / "figures" / "best_so_far.csv")["best_so_far"]
    assert 0 < len(kept) < 15 and float(found[-1]) == min(kept)
    assert "(distortion at most 14)" in page.text


def test_a_bound_that_no_trial_keeps_is_said(show):
    _, page = show(trials=4, objectives=({**RATE, "distortion_at_most": 1.0},))
    assert "No trial keeps to distortion at most 1." in page.text


def test_what_was_not_measured_does_not_keep_a_bound(make_search):
    def edit(rows):
        rows[0]["measured"].pop("distortion")

    findings = read_findings(make_search(trials=2, objectives=({**RATE, "distortion_at_most": 99.0},), edit=edit))
    assert [findings.keeps_bounds(trial) for trial in findings.trials] == [False, True]


def test_trials_of_an_earlier_search_do_not_count_for_the_speed(show):
    def edit(rows):
        for row in rows[:5]:
            row["origin"] = "earlier"

    _, page = show(trials=9, edit=edit, seconds=3600.0)
    assert "4 trials per hour" in page.text and "5 trials were taken over from an earlier search." in page.text


def test_a_condition_that_was_not_met_leaves_a_trial_out_of_a_panel(show):
    directory, _ = show(trials=9, paths=(BETA, PRIOR, COMPONENTS))
    found = columns(directory / "figures" / "response.csv")
    for prior, number in zip(found[PRIOR], found[COMPONENTS], strict=True):
        assert (number == "") == (prior == "StandardNormal")


def test_every_figure_has_a_text_for_those_who_cannot_see_it_and_a_dark_twin(show):
    directory, page = show(trials=9)
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == len(page.figures) and all(len(image["alt"]) > 20 for image in images)
    names = sorted(path.name for path in (directory / "figures").glob("*.png"))
    assert names == sorted(path.name for path in (directory / "figures" / "dark").glob("*.png"))
    assert sorted(path.stem for path in (directory / "figures").glob("*.csv")) == [name[:-4] for name in names]


def test_trials_csv_has_full_paths_and_full_precision(show):
    directory, _ = show(trials=3, failed=(2,))
    found, trials = columns(directory / "trials.csv"), read_findings(directory).trials
    assert found["status"] == ("completed", "completed", "failed") and found["message"][2].startswith("The loss")
    assert float(found[BETA][1]) == trials[1].values[BETA]
    assert float(found["negative_log_likelihood"][1]) == trials[1].score("negative_log_likelihood")
    assert found["negative_log_likelihood"][2] == ""


# The parts.


def test_names_are_as_short_as_they_are_unique():
    assert short_names(["model.prior.name", "model.prior.size", "model.encoder.size", "seed"]) == [
        "prior.name",
        "prior.size",
        "encoder.size",
        "seed",
    ]


def test_best_so_far_counts_only_what_may_be_best():
    scores, counts = np.array([3.0, 1.0, 2.0, 1.5]), np.array([False, False, True, True])
    np.testing.assert_array_equal(best_so_far(scores, counts, "min"), [np.nan, np.nan, 2.0, 1.5])
    np.testing.assert_array_equal(best_so_far(scores, counts, "max"), [np.nan, np.nan, 2.0, 2.0])


def test_trend_of_a_choice_is_the_median_of_its_trials(make_search):
    (parameter,) = placed(read_findings(make_search(trials=1, paths=(LATENT,))))
    places, scores = np.array([0, 0, 0, 1, 1, 3]), np.array([5.0, 1.0, 2.0, 8.0, 9.0, 7.0])
    ((left, right, low, middle, high),) = trend(parameter, places, scores)  # the others have fewer than three
    assert left < 0 < right and (low, middle, high) == (1.5, 2.0, 3.5)


def test_trend_of_a_range_parts_the_trials_evenly(make_search):
    (parameter,) = placed(read_findings(make_search(trials=1, paths=(BETA,))))
    places = np.arange(1.0, 9.0)
    found = trend(parameter, places, 10 * places)
    assert [row[:2] for row in found] == [(1.0, 4.0), (5.0, 8.0)] and [row[3] for row in found] == [25.0, 65.0]
    assert trend(parameter, places[:7], places[:7]) == []


def test_values_of_an_earlier_search_join_the_choices(make_search):
    def edit(rows):
        rows[0]["values"][LATENT] = 5

    (parameter,) = placed(read_findings(make_search(trials=1, paths=(LATENT,), edit=edit)))
    assert parameter.choices == (2, 4, 5, 8, 16, 32)


def test_a_page_can_be_written_again_as_the_search_goes_on(make_search):
    directory = make_search(trials=5)
    lines = (directory / "trials.jsonl").read_text().splitlines()
    (directory / "trials.jsonl").write_text("\n".join(lines[:2]) + "\n")
    assert "2 trials over" in Page(write_page(directory)).text
    (directory / "trials.jsonl").write_text("\n".join(lines) + "\n")
    assert "5 trials over" in Page(write_page(directory)).text


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_on_a_phone(show, scheme):
    playwright, chromium = pytest.importorskip("playwright.sync_api"), shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs the browser `chromium`")
    directory, _ = show(trials=20, paths=EVERYTHING, failed=(3, 4), stopped=(6,))
    said, asked = [], []
    with playwright.sync_playwright() as api:
        browser = api.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"file://{directory / 'report.html'}")
        images = page.evaluate("[...document.images].map(i => [i.naturalWidth, i.currentSrc.length, i.width])")
        width = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert said == [] and [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert width <= 360 and images and all(natural == 1000 and 0 < shown <= 336 for natural, _, shown in images)
