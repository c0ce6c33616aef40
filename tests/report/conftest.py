"""What the tests of reports share: a report's arguments, sections, finished runs, and how to read a page."""

import base64
import csv
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

from tfvae.likelihoods import Bernoulli
from tfvae.models import VAE
from tfvae.networks import MLP
from tfvae.objectives import ELBO
from tfvae.posteriors import DiagonalNormal
from tfvae.priors import StandardNormal
from tfvae.report.figures.curves import curves
from tfvae.report.section import Animation, Section

TERMS = {"loss": 30.0, "distortion": 20.0, "rate": 10.0, "negative_elbo": 30.0}


@pytest.fixture(scope="session")
def report_arguments():
    """Makes the arguments of `write_report`, and of `sections` with them, for N images [H, W, C] and L latents."""

    def make(num_examples=24, shape=(8, 8, 1), latent_size=3, num_epochs=3, labels=None, **replaced):
        rates = [2.0, 0.001, *[0.5] * latent_size][:latent_size]
        arguments = {
            "model": untrained(shape, latent_size),
            "batch": {
                "x": np.random.default_rng(0).random((num_examples, *shape)).astype("float32"),
                "label": np.arange(num_examples) % 4 if labels is None else labels,
            },
            "class_names": ("ant", "bee", "cat", "<script>alert(1)</script>"),
            "experiment": {"seed": 7, "model": {"name": "VAE", "posterior": {"latent_size": latent_size}}},
            "history": [epoch(i + 1) for i in range(num_epochs)],
            "metrics": metrics(rates),
            "data": {
                "name": "digits",
                "splits": {"train": {"num_examples": 1149}, "test": {"num_examples": num_examples}},
                "image_shape": list(shape),
                "fingerprint": "9f" * 32,
            },
        }
        return {**arguments, **replaced}

    return make


def untrained(shape, latent_size):
    model = VAE(
        encoder=MLP([16]),
        posterior=DiagonalNormal(latent_size),
        prior=StandardNormal(),
        decoder=MLP([16]),
        likelihood=Bernoulli(),
        objective=ELBO(),
    )
    model.build((None, *shape))
    return model


def epoch(number):
    validation = {name: value + 1 for name, value in TERMS.items()}
    return {"epoch": number, "step": 22 * number, "seconds": 30.0, "train": dict(TERMS), "validation": validation}


def metrics(rates, collapsed=False):
    return {
        "split": "test",
        "num_examples": 360,
        "num_samples": 5000,
        "collapsed": collapsed,
        "verdict": "2 of 3 latent dimensions are active.",
        "metrics": {
            "negative_log_likelihood": {
                "value": 20.1234,
                "standard_error": 0.2345,
                "monte_carlo_standard_error": 0.031,
                "unit": "nats/example",
            },
            "active_units": {"value": 2, "unit": "dimensions"},
            "rate_per_dimension": {"value": rates, "unit": "nats/example"},
        },
    }


@pytest.fixture
def chart():
    """Makes a `Section` of a line through three points."""

    def make(name="errors", numbers=None):
        points = {"x": [1, 2, 3], "y": [0.5, 0.25, 0.125]}
        figure = curves({"model": points}, "epochs", "error")
        return Section(name, "Errors", figure, f"A line: {name}.", "Good: it falls.", numbers or points)

    return make


@pytest.fixture
def moving():
    """Makes a `Section` of an animation of 5 frames, grey or in colour."""

    def make(name="walk", shape=(8, 12), seconds=0.1):
        frames = np.random.default_rng(0).integers(0, 256, (5, *shape)).astype("uint8")
        numbers = {"frame": range(5), "mean": frames.reshape(5, -1).mean(1)}
        return Section(name, "Walk", Animation(frames, seconds), f"Five frames: {name}.", "Good: calm.", numbers)

    return make


@pytest.fixture
def study(chart, moving):
    """The arguments of `write_study`."""
    return {
        "name": "latent-walk",
        "title": "Latent walk",
        "headline": "A walk takes <3 steps.",
        "sections": [chart(), moving()],
        "numbers": {"steps": {"value": 2.5, "unit": "steps", "standard_error": 0.25}, "list": {"value": [1.0, 2.0]}},
        "experiment": {"model": {"name": "VAE"}, "data": {"name": "digits"}},
        "options": {"betas": (1, 4)},
        "seconds": 61.0,
    }


@pytest.fixture
def finished(tmp_path):
    """Makes the folder of a finished run, as far as a comparison reads it."""

    def make(name="a", values=None, settings=None, history=None, fingerprint="9f" * 32, **measured):
        directory = tmp_path / name
        (directory / "figures" / "dark").mkdir(parents=True)
        found = {"negative_elbo": {"value": 20.0, "standard_error": 0.1, "unit": "nats/example"}, **(values or {})}
        model = {"name": "VAE", "likelihood": {"name": "Bernoulli"}, **(settings or {})}
        files = {
            "experiment.json": {"model": model, "data": {"name": "digits"}},
            "metrics.json": {"split": "test", "num_examples": 360, "metrics": found, "data_fingerprint": fingerprint}
            | measured,
            "data.json": {"name": "digits", "fingerprint": fingerprint},
        }
        for file, content in files.items():
            (directory / file).write_text(json.dumps(content))
        rows = [epoch(i + 1) for i in range(3)] if history is None else history
        (directory / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        for place in ("", "dark"):
            Image.new("RGB", (1000, 300)).save(directory / "figures" / place / "reconstructions.png")
        (directory / "figures" / "reconstructions.csv").write_text("place\n0\n")
        return directory

    return make


# Pages.


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text, self.source = [], "", path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data.replace("\N{NO-BREAK SPACE}", " ")

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="session")
def read():
    """Reads a page: its `Page`."""
    return Page


@pytest.fixture(scope="session")
def decode():
    """Opens the image in a data URL."""
    return lambda url: Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


@pytest.fixture(scope="session")
def read_table():
    """Reads a CSV file: {column: texts}."""

    def of(path):
        with open(path, newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        return dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))

    return of


# The browser.

CHROMIUM = shutil.which("chromium")
PROBE = """<script>
addEventListener("load", () => parent.postMessage(JSON.stringify({
  images: [...document.images].map(image => ({
    figure: image.closest("figure").id, natural: [image.naturalWidth, image.naturalHeight],
    stated: [image.width, image.getAttribute("width")], kind: image.currentSrc.slice(5, 14),
  })),
  requests: performance.getEntriesByType("resource").map(e => e.name).filter(name => !name.startsWith("data:")),
  width: document.documentElement.scrollWidth,
}), "*"));
</script>"""
FRAME = """<iframe src="probed.html" style="width: 360px; height: 800px; border: 0"></iframe>
<script>addEventListener("message", event => { document.body.textContent = event.data; });</script>"""


@pytest.fixture
def browse(tmp_path):
    """Shows a page to headless chromium 360 pixels wide: what it sees, {"images", "requests", "width", "console"}."""
    if CHROMIUM is None:
        pytest.skip("needs the browser `chromium`")

    def of(page, *flags):
        _, console = _chromium(page, tmp_path, flags)
        probed = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', PROBE, page.read_text(encoding="utf-8"))
        (tmp_path / "probed.html").write_text(probed, encoding="utf-8")
        (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
        document, _ = _chromium(tmp_path / "frame.html", tmp_path, flags)
        return json.loads(html.unescape(re.search(r"\{.*\}", document).group())) | {"console": console}

    return of


def _chromium(page, tmp_path, flags):
    """The document that headless chromium makes of a page, and what it wrote on its console."""
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    options += (
        " --disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=10000 --dump-dom"
    )
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [CHROMIUM, *options.split(), *flags, profile, f"file://{page}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return result.stdout, re.findall(r".*CONSOLE.*", result.stderr)
