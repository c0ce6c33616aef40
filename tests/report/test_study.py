"""A study: its JSON, its figures, its page."""

import json

import numpy as np
import pytest
from PIL import Image

from tfvae.report import write_study
from tfvae.report.study import plain


@pytest.fixture
def directory(tmp_path, study):
    write_study(tmp_path / "study", **study)
    return tmp_path / "study"


def test_the_json_says_what_was_found_and_how(directory):
    found = json.loads((directory / "study.json").read_text())
    assert list(found) == [
        "study", "title", "headline", "numbers", "options", "seconds", "versions", "experiment", "figures",
    ]  # fmt: skip
    assert found["study"] == "latent-walk" and found["options"] == {"betas": [1, 4]} and found["seconds"] == 61.0
    assert found["numbers"]["steps"] == {"value": 2.5, "unit": "steps", "standard_error": 0.25}
    assert [figure["name"] for figure in found["figures"]] == ["errors", "walk"]
    assert set(found["figures"][0]) == {"name", "title", "alt", "caption", "width", "height", "animated"}


def test_the_page_shows_headline_numbers_figures_and_configuration(directory, read):
    page = read(directory / "report.html")
    assert "A walk takes <3 steps." in page.text and "2.50 ± 0.25 steps" in page.text
    assert "betas" in page.text and "model.name" in page.text and "1 min 1 s" in page.text
    assert [figure["id"] for figure in page.all("figure")] == ["errors", "walk"]
    assert not page.all("script") and "Content-Security-Policy" in page.source


def test_an_animation_is_still_for_those_who_asked_for_it(directory, read, decode):
    page = read(directory / "report.html")
    still = [source for source in page.all("source") if "reduced-motion" in source["media"]]
    assert [source["media"] for source in still] == ["(prefers-reduced-motion: reduce)"]
    assert decode(still[0]["srcset"]).format == "PNG"
    (moving,) = [image for image in page.all("img") if image["src"].startswith("data:image/gif")]
    assert decode(moving["src"]).n_frames == 5 and moving["alt"] == "Five frames: walk."


def test_numbers_become_plain_and_never_nan(tmp_path, study):
    study["numbers"] = {"x": {"value": np.float32(0.5), "standard_error": float("nan"), "unit": "share"}}
    study["options"] = {"levels": np.array([1, 2])}
    page = write_study(tmp_path, **study)
    found = json.loads((tmp_path / "study.json").read_text())
    assert found["numbers"]["x"] == {"value": 0.5, "standard_error": None, "unit": "share"}
    assert found["options"] == {"levels": [1, 2]} and "0.5" in page.read_text(encoding="utf-8")


def test_plain_values_stay_what_they_are():
    assert plain({"a": (1, None, True), 2: [np.int64(3), float("inf")]}) == {"a": [1, None, True], "2": [3, None]}


def test_a_study_may_have_no_numbers_and_no_figures(tmp_path, study, read):
    page = read(write_study(tmp_path, **{**study, "sections": [], "numbers": {}}))
    assert not page.all("figure") and "Numbers" not in page.text


@pytest.mark.slow
@pytest.mark.parametrize(("flags", "kind"), [((), "image/gif"), (("--force-prefers-reduced-motion",), "image/png")])
def test_browser_shows_the_page_on_a_phone(directory, browse, flags, kind):
    seen = browse(directory / "report.html", *flags)
    assert seen["console"] == [] and seen["requests"] == [] and seen["width"] <= 360
    errors, walk = seen["images"]
    assert walk["kind"] == kind and errors["kind"] == "image/png"
    assert tuple(errors["natural"]) == Image.open(directory / "figures" / "errors.png").size
    assert tuple(walk["natural"]) == Image.open(directory / "figures" / "walk.png").size
    assert int(errors["stated"][1]) == errors["natural"][0] // 2 and int(walk["stated"][1]) == walk["natural"][0]
    assert errors["stated"][0] <= 336 and walk["stated"][0] == walk["natural"][0]  # in CSS pixels
