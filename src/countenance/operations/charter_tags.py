"""A charter asked for at CreateCollection, in tags: unmodified clients of Amazon's API can send those.

    countenance:purposes         names, separated by spaces; the key's own purpose must be among them
    countenance:kind             consented, enrolled, watch_list or reference
    countenance:legal-basis      in words
    countenance:face-cap         most faces
    countenance:retention-days   a face is deleted when it is older
    countenance:minors           allowed or refused
    countenance:vault-days       a sealed picture of each enrolled face is kept for so many days
    countenance:basis            own: templates are kept in a rotation of the collection's own; or model

What is not said comes from the charter of the key's purpose. These tags make the charter; they are not kept
as tags, and cannot be set later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, cast

from countenance.errors import InvalidParameterException
from countenance.facts import CHARTER_KINDS, Charter

PREFIX: Final = "countenance:"
_KEYS: Final = (
    "purposes",
    "kind",
    "legal-basis",
    "face-cap",
    "retention-days",
    "minors",
    "vault-days",
    "basis",
)
_MOST_FACES = 2**53 - 1  # the largest number that an entry of the log can hold
_MOST_DAYS = 36_500
_MOST_VAULT_DAYS = 366


def split_tags(tags: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The tags of the charter, without their prefix, and all others.

    Raises:
        InvalidParameterException: a key with our prefix that means nothing.
    """
    ours = {key.removeprefix(PREFIX): value for key, value in tags.items() if key.startswith(PREFIX)}
    for key in ours:
        if key not in _KEYS:
            known = ", ".join(PREFIX + each for each in _KEYS)
            raise InvalidParameterException(
                f"tag key `{PREFIX}{key}` is no part of a charter; there are {known}"
            )
    return ours, {key: value for key, value in tags.items() if not key.startswith(PREFIX)}


def charter_from(tags: Mapping[str, str], default: Charter) -> Charter:
    """The charter that the tags ask for, on top of `default`.

    Raises:
        InvalidParameterException: a value that cannot be.
    """
    ours, _ = split_tags(tags)
    charter = default
    if "purposes" in ours:
        purposes = tuple(dict.fromkeys(ours["purposes"].split()))
        if not purposes:
            raise InvalidParameterException(f"`{PREFIX}purposes` names no purpose")
        charter = replace(charter, purposes=purposes)
    if "kind" in ours:
        if ours["kind"] not in CHARTER_KINDS:
            raise InvalidParameterException(
                f"`{PREFIX}kind` is `{ours['kind']}`; it may be {', '.join(CHARTER_KINDS)}"
            )
        charter = replace(charter, kind=cast("None", ours["kind"]))  # type: ignore[arg-type]  # looked at above
    if "legal-basis" in ours:
        charter = replace(charter, legal_basis=ours["legal-basis"].strip())
    if "face-cap" in ours:
        charter = replace(charter, face_cap=_whole(ours["face-cap"], "face-cap", _MOST_FACES))
    if "retention-days" in ours:
        charter = replace(
            charter, retention_days=_whole(ours["retention-days"], "retention-days", _MOST_DAYS)
        )
    if "minors" in ours:
        if ours["minors"] not in {"allowed", "refused"}:
            raise InvalidParameterException(
                f"`{PREFIX}minors` is `{ours['minors']}`; it may be allowed or refused"
            )
        charter = replace(charter, minors_allowed=ours["minors"] == "allowed")
    return charter


def vault_days_from(tags: Mapping[str, str]) -> int | None:
    """For how long pictures of faces are to be kept; None for not at all: no purpose keeps any by itself.

    Raises:
        InvalidParameterException: a value that cannot be.
    """
    ours, _ = split_tags(tags)
    return _whole(ours["vault-days"], "vault-days", _MOST_VAULT_DAYS) if "vault-days" in ours else None


def has_own_basis(tags: Mapping[str, str]) -> bool:
    """Whether templates are to be in a basis of the collection's own: not unless it is said.

    Raises:
        InvalidParameterException: a value that cannot be.
    """
    ours, _ = split_tags(tags)
    basis = ours.get("basis", "model")
    if basis not in {"own", "model"}:
        raise InvalidParameterException(f"`{PREFIX}basis` is `{basis}`; it may be own or model")
    return basis == "own"


def _whole(text: str, key: str, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise InvalidParameterException(
            f"`{PREFIX}{key}` is `{text}`; it must be a whole number of 1 to {most}"
        )
    return int(text)
