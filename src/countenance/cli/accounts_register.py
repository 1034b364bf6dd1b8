"""`countenance accounts create`, `list`, `profile` and `forget`."""

from __future__ import annotations

from typing import Any, cast

import click

from countenance.accounts import Account
from countenance.cli.governed import open_governed, where_options
from countenance.cli.installation import open_accounts
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.facts import PROFILES, Profile
from countenance.settings import Settings

_database = settings_options("data_dir", "database_url")
_NOT_FOR_IT = (
    "note: Countenance is not for immigration enforcement: every call of this account is refused (AUP-006)"
)


@click.command("create")
@click.argument("name")
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="general",
    show_default=True,
    help="what kind of organisation it is: it decides which purposes and rules are for it",
)
@_database
@as_json_option
def create(name: str, profile: str, as_json: bool, **given: Any) -> None:
    """Make an account called NAME.

    Before it can work with faces an officer of the organisation accepts the terms (`countenance terms
    accept`), a purpose is approved (`countenance purposes request`), and it has a key for that purpose
    (`countenance accounts keys create`).

    Example: countenance accounts create "City Museum" --profile public_body
    """
    if not name.strip() or len(name) > 256:
        raise click.BadParameter("an account's name is 1 to 256 characters", param_hint="NAME")
    with open_accounts(Settings.from_env(**given), may_create=True) as register:
        account = register.create_account(name.strip(), profile=cast("Profile", profile))
    print_facts(_row(account), as_json=as_json)
    _note(profile)


@click.command("list")
@_database
@as_json_option
def list_(as_json: bool, **given: Any) -> None:
    """List the accounts.

    Standing is the account's own; EffectiveStanding is with what suspensions of its suppliers, and of who
    acts for it, carry down to it.

    Example: countenance accounts list --json
    """
    with open_accounts(Settings.from_env(**given)) as register:
        rows = [_row(account) for account in register.list_accounts()]
    print_rows(rows, as_json=as_json)


@click.command("profile")
@click.argument("account_id", metavar="ACCOUNT")
@click.argument("profile", type=click.Choice(PROFILES))
@where_options
@as_json_option
def profile(account_id: str, profile: str, as_json: bool, **given: Any) -> None:
    """Say what kind of organisation ACCOUNT is, from its next call on.

    Purposes that are not for the new profile can be used no more, approved or not.

    Example: countenance accounts profile 123456789012 law_enforcement
    """
    with open_governed(given) as governed:
        governed.accounts.change_profile(account_id, cast("Profile", profile))
        account = governed.accounts.require_account(account_id)
    print_facts(_row(account), as_json=as_json)
    _note(profile)


@click.command("forget")
@click.argument("account_id", metavar="ACCOUNT")
@click.option("--yes", is_flag=True, help="do not ask")
@_database
@as_json_option
def forget(account_id: str, yes: bool, as_json: bool, **given: Any) -> None:
    """Make the log forget ACCOUNT, for good.

    Destroys the key that says whose the account's entries are and what their commitments open to. The
    entries stay in the log, and every proof goes on to verify. An account that calls again gets other
    pseudonyms.

    Example: countenance accounts forget 123456789012
    """
    if not yes:
        click.confirm(f"nobody will ever be able to read the log of account {account_id}: go on?", abort=True)
    with open_accounts(Settings.from_env(**given)) as register:
        register.forget_in_log(account_id)
    print_facts({"AccountId": account_id, "InLog": "FORGOTTEN"}, as_json=as_json)


def _row(account: Account) -> dict[str, Any]:
    return {
        "AccountId": account.account_id,
        "Name": account.name,
        "Standing": account.standing,
        "EffectiveStanding": account.effective_standing,
        "Profile": account.profile,
        "IsHouse": account.is_house,
    }


def _note(profile: str) -> None:
    if profile == "immigration_enforcement":
        click.echo(_NOT_FOR_IT, err=True)
