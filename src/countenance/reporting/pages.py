"""Pages that stand by themselves, with the looks of the evaluation's reports: no script, nothing loaded."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from countenance.measuring.visible import visible


def render_page(template: str, **values: Any) -> str:
    """The page that a template of ours makes of the values, every one of them escaped.

    Raises:
        jinja2.UndefinedError: the template asks for a value that was not given.
    """
    shared = resources.files("countenance.measuring").joinpath("templates", "page.css").read_text("utf-8")
    own = resources.files("countenance.reporting").joinpath("templates", "paper.css").read_text("utf-8")
    style = shared + own
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return _environment().get_template(template).render(style=Markup(style), policy=policy, **values)  # noqa: S704 - our own files


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("countenance.reporting", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
