"""The names of independent tests' keys among the key store's secrets."""

from __future__ import annotations

import uuid
from typing import Final

KEY_PREFIX: Final = "independent-test-"
"""How they all begin: no backup has such a key."""


def key_name(test_id: uuid.UUID) -> str:
    """Of the key of one test."""
    return f"{KEY_PREFIX}{test_id}"
