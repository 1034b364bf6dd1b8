"""What the documents state of the code is true."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from countenance.cli.main import COMMANDS
from countenance.settings import ENVIRONMENT_PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_generated_pages_are_up_to_date():
    """The README's table of 75 operations and the settings page come from the code."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "generate_docs.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("setting", [setting.name for setting in fields(Settings)])
def test_every_setting_is_documented(setting):
    """Under its environment variable."""
    assert ENVIRONMENT_PREFIX + setting.upper() in (ROOT / "docs/operations/settings.md").read_text()


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_is_documented(command):
    """In the README or the operations pages."""
    text = "".join(page.read_text() for page in PAGES)
    assert f"countenance {command}" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    """Relative links only; the web is not asked."""
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_in_pages_compiles(page):
    """A snippet that is no Python is worse than none."""
    for snippet in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        compile(snippet, str(page), "exec")


@pytest.mark.parametrize("page", [ROOT / "docs" / "benchmarks.md"], ids=lambda page: page.name)
def test_no_block_of_measured_figures_is_empty(page):
    """A page that promises figures has them."""
    blocks = re.findall(r"<!-- measured: (\w+) -->\n(.*?)<!-- end -->", page.read_text(), re.DOTALL)
    assert {name for name, _ in blocks} >= {"accuracy", "peers", "http", "audit", "soak"}
    assert [name for name, block in blocks if not block.strip()] == []
