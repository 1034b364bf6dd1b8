"""The catalogue of purposes, as callers name from it."""

from __future__ import annotations

from countenance.errors import InvalidParameterException
from countenance.policy.purposes import Purpose, load_purposes


def require_purpose(name: str) -> Purpose:
    """A purpose of the catalogue.

    Raises:
        InvalidParameterException: it is in none.
    """
    purpose = load_purposes().get(name)
    if purpose is None:
        raise InvalidParameterException(
            f"`{name}` is no purpose that Countenance is for; the catalogue is closed and has "
            f"{', '.join(load_purposes())}. None covers immigration enforcement, or identifying people at "
            "gatherings or by religion, politics or origin"
        )
    return purpose
