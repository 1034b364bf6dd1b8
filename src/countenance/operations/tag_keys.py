"""Which tags a caller may set."""

from __future__ import annotations

from collections.abc import Mapping

from countenance.errors import InvalidParameterException
from countenance.operations.charter_tags import PREFIX


def refuse_reserved_keys(tags: Mapping[str, str]) -> None:
    """`aws:` in any case belongs to AWS, and tools rely on nobody else using it.

    Raises:
        InvalidParameterException: a key begins with it.
    """
    for key in tags:
        if key.lower().startswith("aws:"):
            raise InvalidParameterException(f"tag key `{key}` begins with the reserved prefix `aws:`")


def refuse_charter_keys(tags: Mapping[str, str]) -> None:
    """A charter is written with its collection, and not by tags later.

    Raises:
        InvalidParameterException: a key begins with our prefix.
    """
    for key in tags:
        if key.startswith(PREFIX):
            raise InvalidParameterException(
                f"tag key `{key}` is part of a charter, which is written when a collection is created; "
                "narrow it with PutCharter"
            )
