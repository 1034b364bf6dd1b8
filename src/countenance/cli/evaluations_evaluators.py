"""`countenance evaluations evaluators`: whose signatures on evaluations count."""

from __future__ import annotations

from typing import Any

import click

from countenance.assurance.evaluation_records import Evaluator
from countenance.assurance.evaluators import list_evaluators, revoke_evaluator, trust_evaluator
from countenance.cli.governed import (
    deciding_officer,
    officer_option,
    open_governed,
    reason_option,
    where_options,
)
from countenance.cli.tables import as_json_option, print_facts, print_rows

_COLUMNS = ("Name", "Status", "Independent", "TrustedBy", "TrustedAt", "Evaluator")


@click.group()
def evaluators() -> None:
    """Whose signatures on evaluations count, by an officer's decision.

    Example: countenance evaluations evaluators list
    """


@evaluators.command("trust")
@click.argument("name")
@click.argument("vkey")
@click.option(
    "--independent/--own",
    "independent",
    default=None,
    help="somebody who is not the operator of this server, or the operator",
)
@reason_option
@officer_option
@where_options
@as_json_option
def trust(
    name: str,
    vkey: str,
    *,
    independent: bool | None,
    reason: str,
    officer: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Have evaluations count that the holder of VKEY signs. It is an entry of the log.

    VKEY is what `countenance evaluations sign` prints, got from its holder by a way that you trust.

    Example: countenance evaluations evaluators trust "our own" VKEY --own --reason "made on this machine"
    """
    if independent is None:
        raise click.UsageError("say whose key it is: --independent or --own")
    with open_governed(given) as governed:
        by = deciding_officer(governed.governance.officers, officer)
        with governed.database.transaction() as connection:
            trust_evaluator(connection, vkey, name=name, independent=independent, reason=reason, by=by)
    print_facts({"Name": name, "Status": "TRUSTED", "Independent": independent, "By": by}, as_json=as_json)


@evaluators.command("list")
@where_options
@as_json_option
def list_(*, as_json: bool, **given: Any) -> None:
    """List those who are or were trusted.

    Example: countenance evaluations evaluators list --json
    """
    with open_governed(given) as governed, governed.database.read() as connection:
        rows = [_row(found) for found in list_evaluators(connection)]
    print_rows(rows, as_json=as_json, nothing="nobody yet", columns=_COLUMNS)


@evaluators.command("revoke")
@click.argument("name")
@reason_option
@officer_option
@where_options
@as_json_option
def revoke(name: str, *, reason: str, officer: str | None, as_json: bool, **given: Any) -> None:
    """Have nothing count any more that NAME signed, from this moment on and for good.

    Example: countenance evaluations evaluators revoke "our own" --reason "the key was copied"
    """
    with open_governed(given) as governed:
        by = deciding_officer(governed.governance.officers, officer)
        with governed.database.transaction() as connection:
            revoke_evaluator(connection, name, reason=reason, by=by)
    print_facts({"Name": name, "Status": "REVOKED", "By": by}, as_json=as_json)


def _row(found: Evaluator) -> dict[str, Any]:
    return {
        "Name": found.name,
        "Status": "TRUSTED" if found.revoked_at is None else "REVOKED",
        "Independent": found.independent,
        "Reason": found.reason,
        "TrustedBy": found.trusted_by,
        "TrustedAt": found.trusted_at,
        "RevokedAt": found.revoked_at,
        "RevokedBy": found.revoked_by,
        "RevokedBecause": found.revoked_because,
        "Evaluator": found.vkey,
    }
