"""A collection that a command is about, by its name, and whose it is where that does not tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from countenance.errors import ResourceNotFoundException
from countenance.gallery import Collection, Gallery
from countenance.types import AccountId

_Command = TypeVar("_Command", bound=Callable[..., Any])


def collection_argument(command: _Command) -> _Command:
    """COLLECTION and --account, as `name` and `account_id`."""
    account = click.option(
        "--account",
        "account_id",
        metavar="ID",
        help="whose; may be left out where only one has one of that name",
    )
    return click.argument("name", metavar="COLLECTION")(account(command))


def find_collection(gallery: Gallery, name: str, account_id: str | None, *, region: str) -> Collection:
    """The collection of that name in the region.

    Raises:
        ResourceNotFoundException: there is none.
        UsageError: several accounts have one.
    """
    if account_id is not None:
        return gallery.require_collection(AccountId(account_id), region, name)
    found = gallery.find_named(region, name)
    if not found:
        raise ResourceNotFoundException(f"there is no collection `{name}` in the region `{region}`")
    if len(found) > 1:
        accounts = ", ".join(collection.account_id for collection in found)
        raise click.UsageError(
            f"several accounts have a collection `{name}`: say whose, with --account: {accounts}"
        )
    return found[0]
