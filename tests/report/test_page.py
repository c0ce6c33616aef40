"""The page: self-contained, complete, safe, and readable by a real browser."""

import base64
import html
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tfvae.report import write_report

NAMES = {
    "reconstructions",
    "prior_samples",
    "interpolations",
    "traversals",
    "latent_map",
    "learning_curves",
    "rates",
}
CHROMIUM = shutil.which("chromium")


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data.replace("\N{NO-BREAK SPACE}", " ")

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def write(directory, arguments):
    return Page(write_report(directory, **arguments).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def directory(tmp_path_factory, report_arguments):
    """A folder with an ordinary report."""
    directory = tmp_path_factory.mktemp("report")
    write(directory, report_arguments())
    return directory


@pytest.fixture
def page(directory):
    return Page((directory / "report.html").read_text(encoding="utf-8"))


def decode(url):
    return Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))


def test_page_loads_nothing_from_elsewhere(directory, page):
    links = [a[key] for _, a in page.tags for key in ("src", "srcset", "href", "data", "action") if key in a]
    assert links and all(link.startswith("data:") for link in links)
    assert not page.all("script")
    assert "url(" not in (directory / "report.html").read_text() and "@import" not in page.text


def test_every_figure_is_in_the_page_and_beside_it(directory, page):
    assert {figure["id"] for figure in page.all("figure")} == NAMES
    assert {path.stem for path in (directory / "figures").iterdir()} == NAMES
    assert not [path for path in directory.iterdir() if path.name.startswith(".")]


def test_figures_decode_in_the_proportions_that_the_page_states(page):
    images = page.all("img")
    for image, dark in zip(images, page.all("source"), strict=True):
        width, height = decode(image["src"]).size
        assert width == 1000 and decode(dark["srcset"]).size == (width, height)
        assert height / width == pytest.approx(int(image["height"]) / int(image["width"]), abs=0.01)


def test_dark_page_has_a_figure_of_its_own(page):
    light, dark = (
        np.asarray(decode(p).convert("L")) for p in (page.all("img")[-1]["src"], page.all("source")[-1]["srcset"])
    )
    assert light[0, 0] == 255 and dark[0, 0] < 50


def test_every_figure_has_an_alternative_text(page):
    texts = [image["alt"] for image in page.all("img")]
    assert len(set(texts)) == len(NAMES) and all(len(text) > 30 for text in texts)


def test_metrics_appear_with_their_errors_and_units(page):
    text = page.text
    assert "20.12 ± 0.23 nats per example" in text
    assert "Monte Carlo standard error 0.031" in text
    assert "2 dimensions" in text
    assert "rate per dimension" not in text


def test_first_sentence_says_what_was_trained_on_what(page):
    assert (
        "A VAE with 3 latent dimensions was trained on the data set digits (1,149 images) for 3 epochs (1 min 30 s); "
        "on 360 test images its negative log likelihood is 20.12 ± 0.23 nats per example."
    ) in page.text


def test_configuration_and_versions_are_listed(page):
    text = page.text
    assert "model.posterior.latent_size" in text and "9f" * 32 in text and "tensorflow-probability" in text


def test_words_of_the_user_are_escaped(tmp_path, report_arguments):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    arguments = report_arguments(experiment={"model": {"name": evil}, evil: evil})
    arguments["data"]["name"] = arguments["metrics"]["verdict"] = evil
    arguments["metrics"]["metrics"][evil] = {"value": 1.0, "unit": evil}
    page = write(tmp_path, arguments)
    assert not page.all("script") and len(page.all("img")) == len(NAMES)
    assert evil in page.text


def test_collapse_stands_above_everything_else(tmp_path, report_arguments):
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
def test_unusual_runs_have_all_figures(tmp_path, report_arguments, case):
    page = write(tmp_path, report_arguments(**case))
    assert {figure["id"] for figure in page.all("figure")} == NAMES


def test_history_may_lack_validation(tmp_path, report_arguments):
    arguments = report_arguments()
    for row in arguments["history"]:
        del row["validation"]
    texts = [image["alt"] for image in write(tmp_path, arguments).all("img")]
    assert any("The loss ends at train 30 nats per example." in text for text in texts)


def test_figures_without_anything_to_show_are_left_out(tmp_path, report_arguments):
    arguments = report_arguments(num_examples=1, history=[])
    del arguments["metrics"]["metrics"]["rate_per_dimension"]
    page = write(tmp_path, arguments)
    assert {figure["id"] for figure in page.all("figure")} == NAMES - {"interpolations", "learning_curves", "rates"}


def test_writing_again_replaces_the_page(tmp_path, report_arguments):
    write(tmp_path, report_arguments())
    arguments = report_arguments(data={**report_arguments()["data"], "name": "shapes"})
    assert "shapes" in write(tmp_path, arguments).text


PROBE = """<script>
addEventListener("load", () => parent.postMessage(JSON.stringify({
  sizes: [...document.images].map(image => [image.naturalWidth, image.naturalHeight]),
  requests: performance.getEntriesByType("resource").map(e => e.name).filter(name => !name.startsWith("data:")),
  width: document.documentElement.scrollWidth,
}), "*"));
</script>"""
FRAME = """<iframe src="probed.html" style="width: 360px; height: 800px; border: 0"></iframe>
<script>addEventListener("message", event => { document.body.textContent = event.data; });</script>"""


def browse(page, tmp_path):
    """What headless chromium makes of a page: its document, and what it wrote on its console."""
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    options += (
        " --disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=10000 --dump-dom"
    )
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *options.split(), profile, f"file://{page}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return result.stdout, re.findall(r".*CONSOLE.*", result.stderr)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs the browser `chromium`")
def test_browser_shows_the_page_on_a_phone(tmp_path, report_arguments):
    page = write_report(tmp_path, **report_arguments())
    _, console = browse(page, tmp_path)
    assert not console
    source = page.read_text(encoding="utf-8")
    probed = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', PROBE, source)
    (tmp_path / "probed.html").write_text(probed, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
    document, _ = browse(tmp_path / "frame.html", tmp_path)
    seen = json.loads(html.unescape(re.search(r"\{.*\}", document).group()))
    assert len(seen["sizes"]) == len(NAMES) and np.all(np.array(seen["sizes"]) > 0)
    assert seen["requests"] == []
    assert seen["width"] <= 360
