"""`countenance accounts records` and `train`: statements that rules ask for."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from countenance.accounts import Actor
from countenance.cli.governed import (
    deciding_officer,
    machine_user,
    officer_option,
    open_governed,
    parse_id,
    parse_until,
    where_options,
)
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.facts import RECORD_KINDS

_account = click.argument("account_id", metavar="ACCOUNT")


class _WithKinds(click.Command):
    """The help of `put` has the closed list of kinds."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Kinds"):
            formatter.write_dl(sorted(RECORD_KINDS.items()))


@click.group()
def records() -> None:
    """What an account has on file: notices, policies, reports, orders. Rules ask for kinds of them.

    A record is the account's statement that something exists, and where; nobody here has read it. It stands
    in the log as such.

    Example: countenance accounts records put 123456789012 notice https://museum.example/faces
    """


@records.command("put", cls=_WithKinds)
@_account
@click.argument("kind")
@click.argument("reference")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PATH",
    help="the document: its SHA-256 is recorded, and nothing else of it",
)
@click.option("--until", metavar="DATE", callback=parse_until, help="the last day on which it counts")
@click.option("--by", metavar="NAME", help="who states it; without: the machine's user, by number")
@where_options
@as_json_option
def put(
    account_id: str,
    kind: str,
    reference: str,
    *,
    file: Path | None,
    until: datetime | None,
    by: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Put something of a KIND on file for ACCOUNT; REFERENCE says where it can be read.

    \b
    countenance accounts records put 123456789012 notice https://museum.example/faces --until 2027-12-31
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    if kind not in RECORD_KINDS:
        raise click.BadParameter(
            f"`{kind}` is none; there are {', '.join(sorted(RECORD_KINDS))}", param_hint="KIND"
        )
    if not re.search(r"\S", reference) or len(reference) > 1024:
        raise click.BadParameter("it is 1 to 1024 characters, and not blank", param_hint="REFERENCE")
    digest = None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()
    with open_governed(given) as governed:
        record_id = governed.governance.on_file.put(
            account_id, kind, reference, digest=digest, valid_until=until, actor=Actor(by or machine_user())
        )
    print_facts(
        {
            "RecordId": str(record_id),
            "AccountId": account_id,
            "Kind": kind,
            "Reference": reference.strip(),
            "Digest": digest,
            "ValidUntil": until,
        },
        as_json=as_json,
    )


@records.command("list")
@_account
@where_options
@as_json_option
def list_(account_id: str, as_json: bool, **given: Any) -> None:
    """List what ACCOUNT has on file, whether or not it is in date.

    Example: countenance accounts records list 123456789012
    """
    with open_governed(given) as governed:
        governed.accounts.require_account(account_id)
        rows = [
            {
                "RecordId": str(record.record_id),
                "Kind": record.kind,
                "Reference": record.reference,
                "Digest": record.digest,
                "RecordedBy": record.recorded_by,
                "RecordedAt": record.recorded_at,
                "ValidUntil": record.valid_until,
            }
            for record in governed.governance.on_file.list(account_id)
        ]
    print_rows(rows, as_json=as_json, columns=("RecordId", "Kind", "Reference", "RecordedBy", "ValidUntil"))


@records.command("withdraw")
@_account
@click.argument("record_id", metavar="RECORD")
@click.option("--by", metavar="NAME", help="who withdraws it; without: the machine's user, by number")
@where_options
@as_json_option
def withdraw(account_id: str, record_id: str, by: str | None, as_json: bool, **given: Any) -> None:
    """Take RECORD of ACCOUNT off file: rules that ask for it refuse from the next call on.

    Example: countenance accounts records withdraw 123456789012 cc5a3315-c2c0-494c-bc0a-f82211d9ac08
    """
    found = parse_id(record_id, "a record")
    with open_governed(given) as governed:
        governed.governance.on_file.withdraw(account_id, found, actor=Actor(by or machine_user()))
    print_facts({"RecordId": str(found), "AccountId": account_id, "Status": "WITHDRAWN"}, as_json=as_json)


@click.command("train")
@_account
@click.argument("operator")
@click.option(
    "--until", required=True, metavar="DATE", callback=parse_until, help="when it has to be renewed"
)
@officer_option
@where_options
@as_json_option
def train(
    account_id: str, operator: str, until: datetime, officer: str | None, as_json: bool, **given: Any
) -> None:
    """Record that OPERATOR of ACCOUNT was trained. OPERATOR is the name that their access keys have.

    Example: countenance accounts train 123456789012 "Guy Gisborne" --until 2027-11-26
    """
    if not operator.strip() or len(operator) > 128:
        raise click.BadParameter("an operator's name is 1 to 128 characters", param_hint="OPERATOR")
    with open_governed(given) as governed:
        name = deciding_officer(governed.governance.officers, officer)
        governed.governance.on_file.train(account_id, operator, valid_until=until, actor=Actor(name))
        known = {key.operator for key in governed.accounts.list_access_keys(account_id)}
    print_facts(
        {"AccountId": account_id, "Operator": operator, "ValidUntil": until, "By": name}, as_json=as_json
    )
    if operator not in known:
        click.echo(f"note: no access key of this account is for `{operator}` yet", err=True)
