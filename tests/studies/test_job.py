"""The study job: its options, its sources, what it leaves in its folder, and that it goes on where it stopped."""

import importlib
import inspect
import json

import pytest

from tfvae import cli, jobs
from tfvae.errors import ConfigError
from tfvae.studies import STUDIES
from tfvae.studies.job import open_source, options_of, run_study, title

TINY = ["training.epochs=1", "data.num_examples=120"]


def run(name, source, directory, overrides=()):
    with jobs.Interruption() as interruption:
        return run_study(name, source, directory, list(overrides), interruption)


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """The folder of a study of a model that it trained."""
    directory = tmp_path_factory.mktemp("study")
    run("reconstruction", None, directory, TINY)
    return directory


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_a_module_with_a_default_and_options(name):
    module = importlib.import_module(f"tfvae.studies.{name.replace('-', '_')}")
    experiment, trained = open_source(None, [], module)
    assert experiment.training.epochs > 0 and trained is None
    parameters = list(inspect.signature(module.run).parameters.values())
    assert parameters[0].name == "bench"
    assert all(p.kind == p.KEYWORD_ONLY and p.default is not p.empty for p in parameters[1:])


def test_a_study_leaves_numbers_figures_and_a_page(studied):
    study = json.loads((studied / "study.json").read_text())
    assert study["study"] == "reconstruction" and study["headline"] and study["numbers"]
    for figure in study["figures"]:
        assert (studied / "figures" / f"{figure['name']}.png").stat().st_size > 0
        assert len((studied / "figures" / f"{figure['name']}.csv").read_text().splitlines()) > 1
    assert study["headline"] in (studied / "report.html").read_text()


def test_what_was_trained_is_not_trained_again(studied):
    before = (studied / "runs" / "base" / "training.json").stat().st_mtime_ns
    numbers = json.loads((studied / "study.json").read_text())["numbers"]
    assert run("reconstruction", None, studied, TINY).numbers == numbers
    assert (studied / "runs" / "base" / "training.json").stat().st_mtime_ns == before


def test_a_trained_run_is_studied_as_it_is(studied, tmp_path):
    findings = run("reconstruction", studied / "runs" / "base", tmp_path)
    assert not (tmp_path / "runs").exists()
    assert findings.numbers == json.loads((studied / "study.json").read_text())["numbers"]


def test_nothing_of_a_trained_run_can_be_set(studied, tmp_path):
    with pytest.raises(ConfigError, match="is a trained run, of which nothing can be set"):
        run("reconstruction", studied / "runs" / "base", tmp_path, ["training.epochs=2"])


def test_options_are_values_of_toml():
    def study(bench, *, betas=(1.0,), name="a"):
        """A study."""

    assert options_of(study, ["study.betas=[0.5, 2]", "study.name=b"]) == {"betas": [0.5, 2], "name": "b"}


def test_an_unknown_option_names_the_known_ones():
    def study(bench, *, betas=(1.0,)):
        """A study."""

    with pytest.raises(ConfigError, match=r"no option `study.beta`. Its options and defaults: study.betas=\(1.0,\)"):
        options_of(study, ["study.beta=1"])


def test_titles_are_words():
    assert title("kl-weight") == "KL weight" and title("latent-space") == "Latent space"


def test_the_command_writes_where_it_is_told(tmp_path, monkeypatch, studied):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["study", "reconstruction", str(studied / "runs" / "base"), "--output", "here"]) == 0
    assert (tmp_path / "here" / "report.html").exists()
    assert cli.main(["study", "reconstruction", str(studied / "runs" / "base")]) == 0
    assert (studied / "runs" / "base" / "studies" / "reconstruction" / "report.html").exists()


def test_the_command_refuses_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["study", "reconstruction", "none.toml"]) == 2
    assert "No configuration file none.toml." in capsys.readouterr().err
    with pytest.raises(SystemExit) as error:
        cli.main(["study", "recon"])
    assert error.value.code == 2


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("wrong", ["model.name=VEA", "model.posterior.name=Normal", "model.posterior.latent_size=0"])
def test_every_study_tries_the_parts_before_any_work(name, wrong, tmp_path):
    with pytest.raises(ConfigError, match=r"VEA|Normal|latent_size"):
        run(name, None, tmp_path, [wrong])
    assert not any(tmp_path.iterdir())
