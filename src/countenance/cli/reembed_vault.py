"""`countenance reembed vault`: pictures of enrolled faces, kept sealed for a time."""

from __future__ import annotations

from typing import Any

import click

from countenance.cli.reembedded import Reembedded, collection_options, open_reembedded
from countenance.cli.tables import as_json_option, print_facts
from countenance.gallery.vault_expiry import expire_vault
from countenance.gallery.vaults import LONGEST_DAYS
from countenance.store import UnitOfWork


@click.group()
def vault() -> None:
    """Keep pictures of enrolled faces, sealed, for a time: for a change of model without the photographs.

    Off unless it is opened: pictures are more than a collection keeps by its charter. A crop is sealed as
    templates are, gone with its face, and deleted when its time is over. Opening and closing it stand in the
    account's log. A collection may also be made with one: the tag `countenance:vault-days`.

    \b
    countenance reembed vault open staff --days 30
    countenance reembed vault show staff
    countenance reembed vault close staff
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@vault.command("open")
@collection_options
@click.option(
    "--days",
    "days",
    type=click.IntRange(1, LONGEST_DAYS),
    required=True,
    help="from a face's enrolment to the end",
)
@as_json_option
def open_(name: str, account_id: str | None, days: int, *, as_json: bool, **given: Any) -> None:
    """Keep a crop of each face that is enrolled into COLLECTION from now on, for DAYS days.

    Of a vault that is open: keep them for so many days instead. Fewer hold for what is kept already, more do
    not.

    Example: countenance reembed vault open staff --days 30
    """
    with open_reembedded(name, account_id, given) as opened:
        with UnitOfWork(opened.governed.database) as uow:
            opened.gallery.vaults.open(uow, opened.collection, kept_days=days)
            opened.record(uow.connection, "OpenVault", f"crops of enrolled faces are kept for {days} days")
            uow.commit()
        _print(opened, as_json=as_json)


@vault.command("close")
@collection_options
@as_json_option
def close(name: str, account_id: str | None, *, as_json: bool, **given: Any) -> None:
    """Keep no crops of COLLECTION any more, and delete those that are kept.

    Example: countenance reembed vault close staff
    """
    with open_reembedded(name, account_id, given) as opened:
        with UnitOfWork(opened.governed.database) as uow:
            opened.gallery.vaults.close(uow, opened.collection)
            opened.record(uow.connection, "CloseVault", "no crops of enrolled faces are kept any more")
            uow.commit()
        expire_vault(opened.governed.database, opened.gallery.vaults, opened.audit, opened.collection)
        _print(opened, as_json=as_json)


@vault.command("show")
@collection_options
@as_json_option
def show(name: str, account_id: str | None, *, as_json: bool, **given: Any) -> None:
    """Say whether COLLECTION keeps crops, for how long, and how many there are.

    Example: countenance reembed vault show staff
    """
    with open_reembedded(name, account_id, given) as opened:
        _print(opened, as_json=as_json)


def _print(opened: Reembedded, *, as_json: bool) -> None:
    found = opened.gallery.vaults.find(opened.collection)
    facts = {
        "CollectionId": opened.collection.name,
        "Vault": "closed" if found is None else "open",
        "Days": None if found is None else found.kept_days,
        "OpenedAt": None if found is None else found.opened_at,
        "Crops": 0 if found is None else found.crops,
    }
    print_facts(facts, as_json=as_json)
