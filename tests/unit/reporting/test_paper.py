"""A draft is facts with sources and blanks with questions, and what somebody wrote stays text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from countenance.reporting.pages import render_page
from countenance.reporting.paper import DRAFT, Blank, Fact, Paper, Section, to_json, to_markdown
from countenance.settings import Settings
from html_page import Page

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = "<script>alert(1)</script> [x](javascript:1) # `a` *b*\n# Heading\u202e"


def paper(*items) -> Paper:
    return Paper("Title", "a law", "2026-11-27 19:00 UTC", ("note",), (Section("One", items),))


@pytest.mark.parametrize(
    ("text", "source"), [("", "table `face`"), ("  ", "table `face`"), ("so", ""), ("so", " ")]
)
def test_a_fact_without_words_or_source_cannot_be_made(text, source):
    """Nothing gets into a paper of which nobody can say where it is from."""
    with pytest.raises(AssertionError):
        Fact(text, source)


def test_every_section_of_the_text_is_marked_as_a_draft():
    """Whoever tears out a page has the mark with it."""
    made = Paper("T", "l", "now", (), tuple(Section(str(n), (Blank("Why?"),)) for n in range(5)))
    assert to_markdown(made).count(DRAFT[:20]) == 5
    assert to_json(made)["blanks"] == 5


def test_blanks_are_left_empty():
    """A program that answers them would invent."""
    (section,) = to_json(paper(Blank("Who is it?")))["sections"]
    assert section["items"] == [{"question": "Who is it?", "answer": None}]


def test_what_somebody_wrote_is_text_in_markdown():
    """A name can neither begin a heading nor hold a link or a tag."""
    text = to_markdown(paper(Fact(HOSTILE, HOSTILE)))
    assert "<script" not in re.sub(r"\\.", "", text)
    assert "](" not in re.sub(r"\\.", "", text)
    assert len([line for line in text.splitlines() if line.startswith("#")]) == 2
    assert "\u202e" not in text


def test_what_somebody_wrote_is_text_on_the_page():
    """The page has no script, and its policy would run none."""
    page = Page(render_page("paper.html.j2", paper=paper(Fact(HOSTILE, "x"), Blank(HOSTILE)), draft=DRAFT))
    assert page.unclosed == []
    assert page.of("script") == []
    (policy,) = [each["content"] for each in page.of("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none'")


def test_every_table_that_is_named_as_a_source_is_there():
    """A source that does not exist is an invented fact."""
    migrations = (ROOT / "src/countenance/store/migrations").glob("*.sql")
    tables = {name for path in migrations for name in re.findall(r"create table (\w+)", path.read_text())}
    named = set()
    for path in (ROOT / "src/countenance/reporting").glob("*.py"):
        for told in re.findall(r"tables? ((?:`\w+`(?:, )?)+)", path.read_text()):
            named |= set(re.findall(r"`(\w+)`", told))
    assert len(named) > 12
    assert named <= tables


def test_every_setting_that_is_named_as_a_source_is_one():
    """Likewise."""
    text = "".join(path.read_text() for path in (ROOT / "src/countenance/reporting").glob("*.py"))
    named = {
        name
        for told in re.findall(r"settings? ((?:`\w+`(?:, )?)+)", text)
        for name in re.findall(r"`(\w+)`", told)
    }
    assert {"database_url", "tls_cert"} <= named <= set(Settings.__slots__)
