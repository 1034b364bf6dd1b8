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


def look(page: Any, name: str, *, rules: tuple[str, ...] = ()) -> None:
    """Keep a picture, and let axe-core look; `rules`: at these alone."""
    if folder := os.environ.get("COUNTENANCE_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name or 'overview'}-{page.label}.png", full_page=True)
    found = Axe().run(page, options={"runOnly": list(rules)} if rules else WCAG)
    assert found.violations_count == 0, found.generate_report()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is wider than its window"


_TOWERS = """() => [...document.querySelectorAll("td, th")]
  .filter(each => each.clientHeight > 200 && each.clientWidth < 70 && each.textContent.trim().length > 40)
  .map(each => each.outerHTML.slice(0, 120))"""
DEPENDS_ON = {
    "dark": ("color-contrast", "link-in-text-block"),
    "phone": ("target-size", "scrollable-region-focusable"),
}
"""Rules whose outcome a scheme or a size can change; the rest hold wherever they hold."""


def look_everywhere(page: Any, name: str) -> None:
    """`look` at every size and in both schemes, of one page that is loaded once."""
    for size, scheme in VARIANTS:
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.label = f"{size}-{scheme}"
        look(page, name, rules=(*DEPENDS_ON.get(scheme, ()), *DEPENDS_ON.get(size, ())))
        assert page.evaluate(_TOWERS) == [], "words that are broken into letters, one below the other"


STOPS = "a[href], button:enabled, input:enabled:not([type=hidden]), select, textarea, summary, [tabindex='0']"
_WATCH = """wanted => {
  document.activeElement.blur();
  window.stopsHere = [];
  document.addEventListener("focusin", event => {
    const style = getComputedStyle(event.target);
    stopsHere.push([event.target, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0]);
  });
  const parts = {"datetime-local": 8};  // day, month, year, hour, minute and what opens the calendar
  return [...document.querySelectorAll(wanted)].filter(each => each.checkVisibility())
    .reduce((sum, each) => sum + (parts[each.type] ?? 1), 0);
}"""
_MISSED = """wanted => {
  const been = new Set(stopsHere.map(([element]) => element));
  const groups = new Set([...been].filter(each => each.type === "radio").map(each => each.name));
  const isBeside = each => each.type === "radio" && groups.has(each.name);  // arrows go through a group
  const show = each => each.outerHTML.slice(0, 120);
  const isAfter = (one, other) => one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
  return {
    missed: [...document.querySelectorAll(wanted)]
      .filter(each => each.checkVisibility() && !been.has(each) && !isBeside(each)).map(show),
    unseen: stopsHere.filter(([, isSeen]) => !isSeen).map(([element]) => show(element)),
    backwards: stopsHere.slice(1)  // but from the end to the beginning
      .filter(([element], place) => element !== stopsHere[0][0] && !isAfter(stopsHere[place][0], element))
      .map(([element]) => show(element)),
  };
}"""


def reached_by_keys(page: Any, name: str) -> None:
    """Tab goes to everything that can be done, in the order that it is read, and where it is can be seen."""
    for _ in range(page.evaluate(_WATCH, STOPS)):
        page.keyboard.press("Tab")
    found = page.evaluate(_MISSED, STOPS)
    assert {what: each for what, each in found.items() if each} == {}, name
