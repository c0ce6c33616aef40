"""HParams: what TensorBoard reads of a search, and what its tab shows in a real browser."""

import re
import shutil
import subprocess
import sys
import threading

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import api_pb2, metadata

from tfvae.tuning.findings import read_findings
from tfvae.tuning.hparams import write_hparams
from tfvae.tuning.hparams_columns import columns_of

LATENT, BETA, PRIOR = "model.posterior.latent_size", "model.objective.beta", "model.prior.name"
COMPONENTS, HIDDEN = "model.prior.num_components", "model.encoder.hidden_sizes"
PATHS = (LATENT, BETA, PRIOR, COMPONENTS, HIDDEN)
NAMES = ["latent_size", "beta", "prior.name", "num_components (0: off)", "hidden_sizes"]
METRICS = ["negative log likelihood", "negative ELBO", "rate", "distortion"]
CHROMIUM = shutil.which("chromium")
SECONDS = 60_000  # milliseconds that a page may take


def values_in(folder):
    """{tag: summary value} of the one event file of a folder."""
    (path,) = folder.glob("*tfevents*")
    events = EventFileLoader(str(path)).Load()
    return {value.tag: value for event in events for value in event.summary.value}


def session(folder):
    """(hyperparameters, status) of a trial."""
    found = values_in(folder)
    start = metadata.parse_session_start_info_plugin_data(content_of(found[metadata.SESSION_START_INFO_TAG]))
    end = metadata.parse_session_end_info_plugin_data(content_of(found[metadata.SESSION_END_INFO_TAG]))
    return {name: value_of(value) for name, value in start.hparams.items()}, end.status


def content_of(value):
    return value.metadata.plugin_data.content


def value_of(value):
    return getattr(value, value.WhichOneof("kind"))


def states(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(make_search):
    return write_hparams(make_search(trials=6, paths=PATHS, failed=(2,)))


def test_every_trial_has_its_values_its_scores_and_its_status(folder):
    findings = read_findings(folder.parent)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == [t.name for t in findings.trials]
    for trial in findings.trials:
        values, status = session(folder / trial.name)
        assert status == (api_pb2.STATUS_SUCCESS if trial.is_completed else api_pb2.STATUS_FAILURE)
        assert values[LATENT] == trial.values[LATENT] and values[BETA] == trial.values[BETA]
        found = values_in(folder / trial.name)
        assert ("negative_log_likelihood" in found) == trial.is_completed
        if trial.is_completed:
            stored = found["negative_log_likelihood"].tensor.float_val[0]
            assert stored == pytest.approx(trial.score("negative_log_likelihood"), rel=1e-6)  # float32


def test_a_parameter_that_a_trial_does_not_use_has_a_stand_in_outside_of_its_range(folder):
    findings = read_findings(folder.parent)
    used = {trial.name: COMPONENTS in trial.values for trial in findings.trials}
    assert set(used.values()) == {True, False}
    for trial in findings.trials:
        found = session(folder / trial.name)[0][COMPONENTS]
        assert found == (trial.values[COMPONENTS] if used[trial.name] else 0)


def test_the_experiment_names_every_parameter_with_its_domain_and_every_metric(folder):
    value = values_in(folder)[metadata.EXPERIMENT_TAG]
    experiment = metadata.parse_experiment_plugin_data(content_of(value))
    infos = {info.name: info for info in experiment.hparam_infos}
    assert [info.display_name for info in experiment.hparam_infos] == NAMES and list(infos) == list(PATHS)
    assert [v.number_value for v in infos[LATENT].domain_discrete.values] == [2, 4, 8, 16, 32]
    assert (infos[BETA].domain_interval.min_value, infos[BETA].domain_interval.max_value) == (0.25, 8.0)
    assert (infos[COMPONENTS].domain_interval.min_value, infos[COMPONENTS].domain_interval.max_value) == (0, 500)
    assert [v.string_value for v in infos[HIDDEN].domain_discrete.values] == ["[128, 128]", "[64]"]
    assert [info.display_name for info in experiment.metric_infos] == METRICS


def test_a_range_that_begins_at_zero_has_its_stand_in_below(make_search):
    search = make_search(trials=1, paths=(PRIOR, COMPONENTS))
    findings = read_findings(search)
    components = findings.parameters[1]._replace(low=0)
    column = columns_of(findings._replace(parameters=[components]))[0]
    assert column.stand_in == -1 and column.name == "num_components (-1: off)"


def test_writing_again_changes_nothing_but_what_is_new(folder):
    before, trials = states(folder), folder.parent / "trials.jsonl"
    write_hparams(folder.parent)
    assert states(folder) == before
    lines = trials.read_text().splitlines()
    trials.write_text("\n".join([*lines, lines[1].replace('"0001"', '"0006"')]) + "\n")
    write_hparams(folder.parent)
    after = states(folder)
    assert before.items() <= after.items() and {path.parent.name for path in after.keys() - before.keys()} == {"0006"}


def test_a_trial_whose_score_changed_has_one_file_still(folder):
    trials = folder.parent / "trials.jsonl"
    row = read_findings(folder.parent).trials[0]
    old = repr(row.row["scores"]["negative_log_likelihood"]["value"])
    trials.write_text(trials.read_text().replace(old, "17.5"))
    write_hparams(folder.parent)
    assert values_in(folder / row.name)["negative_log_likelihood"].tensor.float_val[0] == 17.5


def test_a_trial_that_is_gone_is_removed(folder):
    trials = folder.parent / "trials.jsonl"
    trials.write_text("\n".join(trials.read_text().splitlines()[:2]) + "\n")
    write_hparams(folder.parent)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["0000", "0001"]


def test_a_search_without_trials_has_columns_already(make_search):
    folder = write_hparams(make_search(trials=0))
    assert list(values_in(folder)) == [metadata.EXPERIMENT_TAG]


# The browser.


@pytest.fixture
def tensorboard(folder):
    """The address of a TensorBoard that shows the folder."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    try:
        lines = (re.search(r"http://127\.0\.0\.1:\d+/", line) for line in process.stderr)
        yield next(match.group() for match in lines if match)
    finally:
        watchdog.cancel()
        process.terminate()
        process.wait(20)


@pytest.fixture
def hparams_tab(tensorboard):
    """The HParams tab in a real browser."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs the browser `chromium`")
    with playwright.sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(SECONDS)
        page.goto(f"{tensorboard}#hparams")
        page.locator("tf-hparams-table-view").get_by_text("0000").first.wait_for()
        yield page
        browser.close()


@pytest.mark.slow
def test_the_tab_lists_every_trial_and_every_parameter(hparams_tab):
    table = hparams_tab.locator("tf-hparams-table-view")
    cells = [text.strip() for text in table.locator("vaadin-grid-cell-content").all_inner_texts()]
    assert [f"{number:04d}" for number in range(6)] == [text for text in cells if re.fullmatch(r"\d{4}", text)]
    assert set(NAMES + METRICS) <= set(cells)


@pytest.mark.slow
def test_a_failed_trial_is_found_by_its_status(hparams_tab):
    hparams_tab.locator("tf-hparams-query-pane").get_by_text("Success", exact=True).click()
    table = hparams_tab.locator("tf-hparams-table-view")
    table.get_by_text("0000").first.wait_for(state="hidden")
    assert table.get_by_text("0002").first.is_visible()


@pytest.mark.slow
def test_parallel_coordinates_have_an_axis_for_each_and_a_line_for_each_completed_trial(hparams_tab):
    hparams_tab.get_by_text("Parallel Coordinates View").click()
    plot = hparams_tab.locator("tf-hparams-parallel-coords-plot")
    plot.locator(".foreground path").first.wait_for(state="attached")
    axes = [set(axis.locator("text").all_text_contents()) for axis in plot.locator("g.axis").all()]
    assert len(axes) == len(NAMES + METRICS) and set(NAMES + METRICS) <= set().union(*axes)
    assert plot.locator(".foreground path").count() == 5  # six trials, of which one failed
