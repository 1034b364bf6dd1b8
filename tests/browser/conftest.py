"""A browser for the tests of a module, and whose pages they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seen_pages import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def house(service) -> str:
    return service.client("countenance").get_caller_identity()["AccountId"]
