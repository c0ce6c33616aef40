"""Rendering: what a page shows, poured into the templates beside this file; images go inside as data URLs."""

import base64

import jinja2

from tfvae.storage import write_text

NAME = "report.html"


def write_page(directory, template, **values):
    """Writes `directory`/report.html from one of the templates, and returns its path."""
    write_text(directory / NAME, _environment().get_template(template).render(**values))
    return directory / NAME


def _environment():
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfvae.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_url"] = _data_url
    return environment


def _data_url(image):
    kind = "gif" if image.startswith(b"GIF") else "png"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
