"""`countenance policy activate`, `deactivate` and `trust`: an officer's decisions about packs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from countenance.cli.governed import deciding_officer, officer_option, open_governed, where_options
from countenance.cli.policy_packs import NO_REVIEW, binds
from countenance.cli.policy_sources import policies_of, register_of
from countenance.cli.tables import as_json_option, print_facts


@click.command()
@click.argument("pack")
@click.option(
    "--shadow", is_flag=True, help="only watch: what it would refuse stands in the log, as `shadow`"
)
@click.option(
    "--account", "accounts", metavar="ACCOUNT", multiple=True, help="for this account alone; may be repeated"
)
@officer_option
@where_options
@as_json_option
def activate(
    pack: str, *, shadow: bool, accounts: tuple[str, ...], officer: str | None, as_json: bool, **given: Any
) -> None:
    """Use PACK from the next call on. Which, and since when, is an entry of the log.

    A rule whose day has not come is only watched until then, and one whose day is over does nothing. Look
    first at what it would have refused: `countenance policy simulate`.

    Example: countenance policy activate us-wa-43.386 --shadow --officer "Maria Lind"
    """
    with open_governed(given) as governed:
        name = deciding_officer(governed.governance.officers, officer)
        for account_id in accounts:
            governed.accounts.require_account(account_id)
        register = register_of(governed.database, governed.settings)
        found = register.activate(
            pack,
            mode="shadow" if shadow else "enforce",
            accounts=accounts or None,
            by=name,
            build=policies_of(register).build,
        )
    state = found.state(datetime.now(UTC).date())
    print_facts(
        {
            "Pack": found.pack_id,
            "Version": found.manifest.version,
            "State": "shadow" if shadow else state,
            "Binds": binds(found.manifest),
            "Accounts": list(accounts) or None,
            "Digest": found.digest,
            "LegalReview": found.manifest.legal_review,
            "By": name,
        },
        as_json=as_json,
    )
    if not as_json:
        click.echo(NO_REVIEW)
        for line in found.manifest.paper:
            click.echo(f"yours to see to: {line}")


@click.command()
@click.argument("pack")
@officer_option
@where_options
@as_json_option
def deactivate(pack: str, officer: str | None, as_json: bool, **given: Any) -> None:
    """Use PACK no more, from the next call on.

    Example: countenance policy deactivate us-wa-43.386 --officer "Maria Lind"
    """
    with open_governed(given) as governed:
        name = deciding_officer(governed.governance.officers, officer)
        register_of(governed.database, governed.settings).deactivate(pack)
    print_facts({"Pack": pack, "State": "available", "By": name}, as_json=as_json)


@click.command()
@click.argument("vkey")
@officer_option
@where_options
@as_json_option
def trust(vkey: str, officer: str | None, as_json: bool, **given: Any) -> None:
    """Take packs that the holder of VKEY signs, from DATA_DIR/packs. It is an entry of the log.

    VKEY is a verifier key as C2SP's signed notes have it, got from its holder by a way that you trust.

    Example: countenance policy trust "museum.example/packs+1a2b3c4d+AbCd..." --officer "Maria Lind"
    """
    with open_governed(given) as governed:
        name = deciding_officer(governed.governance.officers, officer)
        register_of(governed.database, governed.settings).trust(vkey, by=name)
        folder = governed.settings.data_dir / "packs"
    print_facts({"Issuer": vkey, "Status": "TRUSTED", "By": name}, as_json=as_json)
    if not as_json:
        click.echo(f"put its packs into {folder}, a folder for each; then `countenance policy activate PACK`")
