"""The page: self-contained, complete, safe, and readable by a real browser."""

import json

import numpy as np
import pytest
from PIL import Image

from tfvae.report import write_report, write_study

NAMES = {
    "reconstructions",
    "prior_samples",
    "interpolations",
    "traversals",
    "latent_map",
    "learning_curves",
    "rates",
}


@pytest.fixture
def write(read):
    """Writes a report and reads its page."""
    return lambda directory, arguments: read(write_report(directory, **arguments))


@pytest.fixture(scope="module")
def directory(tmp_path_factory, report_arguments):
    """A folder with an ordinary report."""
    directory = tmp_path_factory.mktemp("report")
    write_report(directory, **report_arguments())
    return directory


@pytest.fixture
def page(directory, read):
    return read(directory / "report.html")


def test_page_loads_nothing_from_elsewhere(directory, page):
    links = [a[key] for _, a in page.tags for key in ("src", "srcset", "href", "data", "action") if key in a]
    assert links and all(link.startswith("data:") for link in links)
    assert not page.all("script")
    assert "url(" not in page.source and "@import" not in page.text


def test_every_figure_is_in_the_page_and_beside_it(directory, page):
    assert {figure["id"] for figure in page.all("figure")} == NAMES
    files = {str(path.relative_to(directory / "figures")) for path in (directory / "figures").rglob("*.*")}
    assert files == {f"{name}.{kind}" for name in NAMES for kind in ("png", "csv")} | {f"dark/{n}.png" for n in NAMES}


def test_figures_decode_in_the_proportions_that_the_page_states(page, decode):
    images = page.all("img")
    for image, dark in zip(images, page.all("source"), strict=True):
        width, height = decode(image["src"]).size
        assert width == 1000 and decode(dark["srcset"]).size == (width, height)
        assert height / width == pytest.approx(int(image["height"]) / int(image["width"]), abs=0.01)


def test_dark_page_has_a_figure_of_its_own(page, decode):
    light, dark = (
        np.asarray(decode(p).convert("L")) for p in (page.all("img")[-1]["src"], page.all("source")[-1]["srcset"])
    )
    assert light[0, 0] == 255 and dark[0, 0] < 50


ROWS = {  # of the report of 24 images of 8x8 pixels, 3 latents, 3 epochs of 2 splits
    "learning_curves": 6,
    "reconstructions": 20,
    "prior_samples": 40,
    "interpolations": 5 * 8,
    "traversals": 3 * 7,
    "latent_map": 24,
    "rates": 3,
}


@pytest.mark.parametrize("name", ROWS)
def test_numbers_of_a_figure_have_a_row_for_each_thing_drawn(directory, read_table, name):
    assert {len(column) for column in read_table(directory / "figures" / f"{name}.csv").values()} == {ROWS[name]}


def test_numbers_are_those_that_were_drawn(tmp_path, read_table, report_arguments):
    arguments = report_arguments()
    write_report(tmp_path, **arguments)
    tables = {name: read_table(tmp_path / "figures" / f"{name}.csv") for name in NAMES}
    assert [float(rate) for rate in tables["rates"]["rate"]] == [2.0, 0.001, 0.5]
    assert tables["learning_curves"]["loss"] == ("30.0", "31.0") * 3
    assert tables["learning_curves"]["split"] == ("train", "validation") * 3
    assert tables["traversals"]["dimension"][::7] == ("0", "2", "1")  # by their rates
    index = [int(i) for i in tables["reconstructions"]["index"]]
    assert [int(label) for label in tables["reconstructions"]["label"]] == [i % 4 for i in index]
    assert tables["interpolations"]["first_index"][::8] == tables["reconstructions"]["index"][:10:2]
    x, rebuilt = arguments["batch"]["x"], arguments["model"].reconstruct(arguments["batch"]["x"])
    expected = np.mean((x - rebuilt) ** 2, axis=(1, 2, 3))[index]
    errors = [float(error) for error in tables["reconstructions"]["squared_error"]]
    np.testing.assert_allclose(errors, expected, rtol=1e-5)  # float32 rounding


def test_the_index_of_an_example_is_its_place_in_the_test_set(tmp_path, read_table, report_arguments):
    arguments = report_arguments(num_examples=6, labels=np.array([1, 1, 0, 0, 2, 1]))
    arguments["batch"]["index"] = np.array([7, 3, 20, 1, 0, 9])
    write_report(tmp_path, **arguments)
    assert read_table(tmp_path / "figures" / "reconstructions.csv")["index"] == ("20", "7", "0", "1", "3", "9")
    assert read_table(tmp_path / "figures" / "latent_map.csv")["index"] == ("7", "3", "20", "1", "0", "9")


def test_restoration_is_drawn_beside_the_damaged_images(tmp_path, report_arguments, write, read_table):
    arguments = report_arguments()
    levels = {"levels": [0.1, 0.3], "standard_error": [0.1, 0.2], "unit": "dB"}
    arguments["metrics"]["metrics"] |= {
        "denoising_psnr": {"value": [21.0, 15.0], **levels},
        "denoising_damaged_psnr": {"value": [20.0, 10.0], **levels},
        "imputation_damaged_psnr": {"value": [20.0, 10.0], **levels},  # nothing of the model's to compare
    }
    page = write(tmp_path, arguments)
    assert {figure["id"] for figure in page.all("figure")} == NAMES | {"denoising"}
    table = read_table(tmp_path / "figures" / "denoising.csv")
    assert table["line"] == ("model", "model", "noisy image", "noisy image")
    assert table["psnr"] == ("21.0", "15.0", "20.0", "10.0")


def test_many_metrics_come_in_groups(tmp_path, report_arguments, write):
    arguments = report_arguments()
    assert not any(a.get("class") == "kind" for a in write(tmp_path, arguments).all("details"))
    names = ("mig", "sap", "irs", "precision", "recall", "probe_accuracy", "rate", "my_own", "negative_elbo")
    arguments["metrics"]["metrics"] |= {name: {"value": 0.5, "unit": "share"} for name in names}
    page = write(tmp_path, arguments)
    order = ["Likelihood and rec", "negative ELBO", "Latent space", "rate", "Disentanglement", "MIG", "Samples"]
    order += ["precision", "Use of the codes", "Other", "my own"]
    assert ["open" in a for a in page.all("details") if a.get("class") == "kind"] == [True] + [False] * 5
    place = page.text.index("Metrics")
    for text in order:  # each after the one before
        place = page.text.index(text, place)


def test_studies_of_a_run_are_on_its_page(tmp_path, report_arguments, write, study):
    write_study(tmp_path / "studies" / "latent-walk", **study)
    page = write(tmp_path, report_arguments())
    ids = [figure["id"] for figure in page.all("figure")]
    assert set(ids) == NAMES | {"latent-walk-errors", "latent-walk-walk"} and len(ids) == len(set(ids))
    assert "Study: Latent walk" in page.text and "A walk takes <3 steps." in page.text
    assert "2.50 ± 0.25 steps" in page.text


def test_a_study_whose_picture_was_deleted_is_shown_without_it(tmp_path, report_arguments, write, study):
    write_study(tmp_path / "studies" / "latent-walk", **study)
    (tmp_path / "studies" / "latent-walk" / "figures" / "errors.png").unlink()
    ids = {figure["id"] for figure in write(tmp_path, report_arguments()).all("figure")}
    assert ids == NAMES | {"latent-walk-walk"}


def test_every_figure_has_an_alternative_text(page):
    texts = [image["alt"] for image in page.all("img")]
    assert len(set(texts)) == len(NAMES) and all(len(text) > 30 for text in texts)


def test_metrics_appear_with_their_errors_and_units(page):
    text = page.text
    assert "20.12 ± 0.23 nats per example" in text
    assert "Monte Carlo standard error 0.031" in text
    assert "2 dimensions" in text
    assert "rate per dimension" not in text


def test_what_was_left_out_is_said_with_its_reason(tmp_path, report_arguments, write):
    arguments = report_arguments()
    assert "not measured, and why" not in write(tmp_path, arguments).text
    arguments["metrics"]["left_out"] = {"factors": "The data knows no factors."}
    text = write(tmp_path, arguments).text
    assert "not measured, and why" in text and "The data knows no factors." in text


def test_first_sentence_says_what_was_trained_on_what(page):
    assert (
        "A VAE with 3 latent dimensions was trained on the data set digits (1,149 images) for 3 epochs (1 min 30 s); "
        "on 360 test images its negative log likelihood is 20.12 ± 0.23 nats per example."
    ) in page.text


def test_configuration_and_versions_are_listed(page):
    text = page.text
    assert "model.posterior.latent_size" in text and "9f" * 32 in text and "tensorflow-probability" in text


def test_words_of_the_user_are_escaped(tmp_path, report_arguments, write):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    arguments = report_arguments(experiment={"model": {"name": evil}, evil: evil})
    arguments["data"]["name"] = arguments["metrics"]["verdict"] = evil
    arguments["metrics"]["metrics"][evil] = {"value": 1.0, "unit": evil}
    page = write(tmp_path, arguments)
    assert not page.all("script") and len(page.all("img")) == len(NAMES)
    assert evil in page.text


def test_collapse_stands_above_everything_else(tmp_path, report_arguments, write):
    arguments = report_arguments()
    arguments["metrics"].update(collapsed=True, verdict="0 of 3 latent dimensions are active.")
    page = write(tmp_path, arguments)
    position = page.text.index("Posterior collapse")
    assert position < page.text.index("0 of 3 latent") < page.text.index("was trained on")
    assert any(a.get("role") == "alert" for _, a in page.tags)


def test_a_sound_model_raises_no_alarm(page):
    assert "Posterior collapse" not in page.text and "2 of 3 latent dimensions are active." in page.text


@pytest.mark.parametrize(
    "case",
    [
        {"num_epochs": 1},
        {"num_examples": 2},
        {"latent_size": 1},
        {"latent_size": 2, "shape": (6, 10, 3)},
        {"shape": (40, 40, 2), "num_examples": 5},
        {"class_names": ()},
        {"class_names": ("a very long name " * 20,) * 4},
        {"labels": np.zeros(24, int)},
        {"labels": np.arange(24)},
    ],
    ids=lambda case: ",".join(case),
)
@pytest.mark.filterwarnings("error")
def test_unusual_runs_have_all_figures(tmp_path, report_arguments, case, write):
    page = write(tmp_path, report_arguments(**case))
    assert {figure["id"] for figure in page.all("figure")} == NAMES


def test_history_may_lack_validation(tmp_path, report_arguments, write):
    arguments = report_arguments()
    for row in arguments["history"]:
        del row["validation"]
    texts = [image["alt"] for image in write(tmp_path, arguments).all("img")]
    assert any("The loss ends at train 30 nats per example." in text for text in texts)


def test_figures_without_anything_to_show_are_left_out(tmp_path, report_arguments, write):
    arguments = report_arguments(num_examples=1, history=[])
    del arguments["metrics"]["metrics"]["rate_per_dimension"]
    page = write(tmp_path, arguments)
    assert {figure["id"] for figure in page.all("figure")} == NAMES - {"interpolations", "learning_curves", "rates"}


def test_writing_again_replaces_the_page(tmp_path, report_arguments, write):
    write(tmp_path, report_arguments())
    arguments = report_arguments(data={**report_arguments()["data"], "name": "shapes"})
    assert "shapes" in write(tmp_path, arguments).text


@pytest.mark.slow
def test_browser_shows_the_page_on_a_phone(tmp_path, report_arguments, study, browse):
    write_study(tmp_path / "studies" / "latent-walk", **study)
    seen = browse(write_report(tmp_path, **report_arguments()))
    assert seen["console"] == [] and seen["requests"] == [] and seen["width"] <= 360
    entries = json.loads((tmp_path / "studies" / "latent-walk" / "study.json").read_text())["figures"]
    files = {name: tmp_path / "figures" / f"{name}.png" for name in NAMES}
    files |= {f"latent-walk-{e['name']}": tmp_path / f"studies/latent-walk/figures/{e['name']}.png" for e in entries}
    assert {image["figure"] for image in seen["images"]} == files.keys()
    for image in seen["images"]:
        size = Image.open(files[image["figure"]]).size
        assert tuple(image["natural"]) == size
        assert int(image["stated"][1]) == (size[0] if image["kind"] == "image/gif" else size[0] // 2)
