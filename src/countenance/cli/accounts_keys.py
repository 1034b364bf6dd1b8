"""`countenance accounts keys`: access keys, each of one account, one operator and one purpose."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from countenance.cli.catalogue import parse_purpose, require_purpose
from countenance.cli.governed import Governed, open_governed, where_options
from countenance.cli.tables import as_json_option, print_facts, print_rows


@click.group()
def keys() -> None:
    """Access keys: each belongs to one account, one operator and one purpose.

    Example: countenance accounts keys create 123456789012 --operator front-desk --purpose access-control
    """


@keys.command("create")
@click.argument("account_id", metavar="ACCOUNT")
@click.option(
    "--operator", default="unnamed", show_default=True, help="the person or programme that will use it"
)
@click.option(
    "--purpose",
    metavar="PURPOSE",
    callback=parse_purpose,
    help="what it is for (`countenance purposes list`)",
)
@where_options
@as_json_option
def create_key(account_id: str, operator: str, purpose: str | None, as_json: bool, **given: Any) -> None:
    """Make an access key for ACCOUNT. Its secret is shown this once.

    A key without a purpose moves no face by itself: it makes keys, and takes on for a while any purpose that
    is approved for the account, with what the call needs to say (AssumePurpose: docs/operations/terms.md). A
    key for a purpose makes keys and sessions for that purpose and those of low risk only.

    \b
    countenance accounts keys create 123456789012 --operator front-desk --purpose access-control
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    if not operator.strip() or len(operator) > 128:
        raise click.BadParameter("an operator's name is 1 to 128 characters", param_hint="--operator")
    with open_governed(given) as governed:
        key = governed.accounts.create_access_key(account_id, operator=operator.strip(), purpose=purpose)
        note = _note(governed, account_id, purpose)
    print_facts(
        {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret,
            "AccountId": key.account_id,
            "Operator": key.operator,
            "Purpose": key.purpose,
        },
        as_json=as_json,
    )
    if note:
        click.echo(f"note: {note}", err=True)


@keys.command("list")
@click.argument("account_id", metavar="ACCOUNT")
@where_options
@as_json_option
def list_keys(account_id: str, as_json: bool, **given: Any) -> None:
    """List the access keys of ACCOUNT, revoked ones as well.

    Example: countenance accounts keys list 123456789012
    """
    with open_governed(given) as governed:
        governed.accounts.require_account(account_id)
        rows = [
            {
                "AccessKeyId": key.access_key_id,
                "Operator": key.operator,
                "Status": "REVOKED" if key.is_revoked else "ACTIVE",
                "CreatedAt": key.created_at.isoformat(timespec="seconds"),
                "Purpose": key.purpose,
                "Officer": key.officer,
            }
            for key in governed.accounts.list_access_keys(account_id)
        ]
    print_rows(rows, as_json=as_json)


@keys.command("revoke")
@click.argument("access_key_id", metavar="KEY")
@where_options
@as_json_option
def revoke_key(access_key_id: str, as_json: bool, **given: Any) -> None:
    """Revoke the access key KEY and every session made from it, at once and for good.

    Here any key; over the network (RevokeAccessKey) an officer's key is revoked with a key of that officer.

    Example: countenance accounts keys revoke AKIAIOSFODNN7EXAMPLE
    """
    with open_governed(given) as governed:
        credential = governed.accounts.find_credential(access_key_id)
        if credential is None:
            raise click.BadParameter(f"there is no access key `{access_key_id}`")
        governed.accounts.revoke_access_key(credential.account_id, access_key_id)
    print_facts({"AccessKeyId": access_key_id, "Status": "REVOKED"}, as_json=as_json)


def _note(governed: Governed, account_id: str, purpose: str | None) -> str:
    """What keeps the key from moving a face, if anything does."""
    if purpose is None:
        return "the key has no purpose: it moves no face until its holder takes one on (AssumePurpose)"
    profile = governed.accounts.require_account(account_id).profile
    if profile not in require_purpose(purpose).profiles:
        return f"`{purpose}` is not for accounts of the profile {profile}: calls with this key are refused"
    now, grants = datetime.now(UTC), governed.governance.grants.list(account_id, status="approved")
    if not any(
        each.purpose == purpose and (each.expires_at is None or each.expires_at > now) for each in grants
    ):
        return (
            f"`{purpose}` is not approved for this account, and calls are refused until it is: ask with "
            f"`countenance purposes request {account_id} {purpose} --because TEXT`"
        )
    return ""
