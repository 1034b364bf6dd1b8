"""The collections that an import goes into."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.errors import SetupError
from countenance.importing.server import Refused, Server


def require_collections(server: Server, names: Sequence[str], *, may_create: bool, is_dry: bool) -> None:
    """See that they are there, and make those that are not if that is asked for.

    # INVARIANT: a dry run makes nothing.

    Raises:
        SetupError: one is not there, or cannot be made.
        Busy, Unreachable
    """
    missing = [name for name in dict.fromkeys(names) if not _is_there(server, name)]
    told = ", ".join(f"`{name}`" for name in missing)
    if missing and is_dry:
        raise SetupError(
            f"there is no collection {told}, and a dry run makes none",
            remedy="make it (`aws rekognition create-collection`) and judge the photos against it, or import "
            "them with --create-collection and without --dry-run: --undo takes them back",
        )
    if missing and not may_create:
        raise SetupError(
            f"there is no collection {told}", remedy="make it (--create-collection), or name another"
        )
    for name in missing:
        try:
            server.call("create_collection", service="rekognition", CollectionId=name)
        except Refused as refused:
            raise SetupError(f"the collection `{name}` cannot be made: {refused}") from None


def _is_there(server: Server, name: str) -> bool:
    try:
        server.call("describe_collection", service="rekognition", CollectionId=name)
    except Refused as error:
        if error.code == "ResourceNotFoundException":
            return False
        raise SetupError(f"the server refuses: {error}", remedy="see what it says") from None
    return True
