"""`countenance purposes list` and `show`: the catalogue. Needs no running server."""

from __future__ import annotations

from typing import Any

import click

from countenance.cli.catalogue import NOT_FOR, parse_purpose, require_purpose
from countenance.cli.tables import as_json_option, print_facts, print_json, print_rows
from countenance.operations.governance.purposes import to_summary
from countenance.policy.purposes import REQUIREMENTS, Purpose, load_purposes


@click.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """List the catalogue of purposes.

    Example: countenance purposes list --json
    """
    rows = [to_members(purpose) for purpose in load_purposes().values()]
    print_rows(
        rows,
        as_json=as_json,
        columns=("Name", "Title", "Risk", "Approvals", "MinimumThreshold", "MaximumCandidates", "Requires"),
    )
    if not as_json:
        click.echo(NOT_FOR)


@click.command("show")
@click.argument("name", callback=parse_purpose)
@as_json_option
def show(name: str, as_json: bool) -> None:
    """Show the purpose NAME: its bounds, for whom it is, and what a call under it needs.

    Example: countenance purposes show access-control
    """
    purpose = require_purpose(name)
    if as_json:
        print_json(to_members(purpose))
        return
    facts = to_members(purpose) | {"RetentionDays": purpose.retention_days or "as the charter says"}
    print_facts({key: value for key, value in facts.items() if key != "Requires"}, as_json=False)
    for need in sorted(purpose.requires):
        click.echo(f"{'needs':18} {REQUIREMENTS[need]}")


def to_members(purpose: Purpose) -> dict[str, Any]:
    """As ListPurposes names them, and what a charter made under it says."""
    return {
        **to_summary(purpose),
        "RetentionDays": purpose.retention_days,
        "CharterKind": purpose.kind,
        "LegalBasis": purpose.legal_basis,
    }
