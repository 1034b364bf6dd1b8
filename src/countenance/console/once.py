"""A mark in a form that makes something there should be one of: sent again, it makes nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from countenance.console.request import BadForm

FORM_ONCE: Final = "form_once"
_NONCE_BYTES: Final = 16
_CONFLICT: Final = 409


class SentBefore(BadForm):
    """The same form came before: a page was reloaded, or a button pressed twice."""

    status = _CONFLICT


def new_mark(number: str) -> str:
    """For one form of one page of this session."""
    nonce = secrets.token_hex(_NONCE_BYTES)
    return f"{nonce}.{_signed(nonce, number)}"


def require_mark(text: str, number: str) -> str:
    """The mark, if a page of this session has it.

    Raises:
        BadForm: it has none, or one that we did not make.
    """
    nonce, _, signature = text.partition(".")
    if not hmac.compare_digest(signature.encode(), _signed(nonce, number).encode()):
        raise BadForm("the form was not made by a page of this session: reload the page")
    return nonce


def _signed(nonce: str, number: str) -> str:
    return hmac.new(number.encode(), b"form sent once\n" + nonce.encode(), hashlib.sha256).hexdigest()
