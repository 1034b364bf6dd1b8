"""Pages as a browser shows them: sizes, what axe-core is asked, and pictures for whoever wants to look."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium")
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SIZES = {"wide": (1280, 900), "phone": (390, 844)}
VARIANTS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's, for as long as the context lasts."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )


@contextmanager
def opened_tab(browser: Any, size: str, scheme: str, *cookies: dict[str, str]) -> Iterator[Any]:
    """A tab of that size and colour scheme; whatever its console says fails the test."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    context.add_cookies(list(cookies))
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.label = f"{size}-{scheme}"
    yield page
    context.close()
    assert errors == []


def look(page: Any, name: str) -> None:
    """Keep a picture, and let axe-core look."""
    if folder := os.environ.get("COUNTENANCE_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name or 'overview'}-{page.label}.png", full_page=True)
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is wider than its window"
