"""Pages escape what they are given, and fail where they were given nothing."""

import jinja2
import pytest

from countenance.measuring import pages
from countenance.measuring.pages import render_page


@pytest.fixture
def template(monkeypatch):
    """Renders a text as a template of ours would be."""
    templates = {}
    environment = pages._environment().overlay(loader=jinja2.DictLoader(templates))
    monkeypatch.setattr(pages, "_environment", lambda: environment)

    def render(text, **values):
        templates["page"] = text
        return render_page("page", **values)

    return render


def test_values_are_escaped_and_made_visible(template):
    assert template("{{ name }}", name="<b>\u202ex</b>") == "&lt;b&gt;⟨U+202E⟩x&lt;/b&gt;"
    assert template('<a title="{{ name }}">', name='" onclick="x') == '<a title="&#34; onclick=&#34;x">'


def test_a_value_is_no_template(template):
    assert template("{{ name }}", name="{{ 7*7 }}") == "{{ 7*7 }}"


def test_what_is_missing_is_an_error(template):
    """A page with a hole in it would be read as if nothing were missing."""
    with pytest.raises(jinja2.UndefinedError):
        template("{{ nothing }}")
    with pytest.raises(jinja2.UndefinedError):
        template("{% if nothing %}x{% endif %}")


def test_every_page_gets_its_style_and_its_policy(template):
    page = template("{{ style }}|{{ policy }}")
    assert page.count("style-src &#39;sha256-") == 1
    assert "unsafe" not in page
