"""What a page says was done, carried in an address: signed by the session, so that nobody else writes it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

TEXT: Final = "told"
MARK: Final = "mark"
_MARK_CHARACTERS: Final = 32


def with_told(where: str, text: str, *, number: str) -> str:
    """The address of a page of ours that then says `text`, in this session alone; `where` has no fragment."""
    query = urlencode({TEXT: text, MARK: _mark(text, number)})
    return f"{where}{'&' if '?' in where else '?'}{query}"


def read_told(asked: Mapping[str, str], *, number: str) -> str:
    """What `with_told` put there for this session; empty for what anybody else wrote."""
    text = asked.get(TEXT, "")
    is_ours = hmac.compare_digest(asked.get(MARK, "").encode(), _mark(text, number).encode())
    return text if is_ours else ""


def _mark(text: str, number: str) -> str:
    whole = hmac.new(number.encode(), b"told in the session\n" + text.encode(), hashlib.sha256).hexdigest()
    return whole[:_MARK_CHARACTERS]
