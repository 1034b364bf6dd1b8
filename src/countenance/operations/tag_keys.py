"""Which tags a caller may set."""

from __future__ import annotations

from collections.abc import Mapping

from countenance.errors import InvalidParameterException


def refuse_reserved_keys(tags: Mapping[str, str]) -> None:
    """`aws:` in any case belongs to AWS, and tools rely on nobody else using it.

    Raises:
        InvalidParameterException: a key begins with it.
    """
    for key in tags:
        if key.lower().startswith("aws:"):
            raise InvalidParameterException(f"tag key `{key}` begins with the reserved prefix `aws:`")
