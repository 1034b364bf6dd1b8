"""`countenance policy rules`: everything that decides, in one table."""

from __future__ import annotations

from typing import Any

import click

from countenance.cli.policy_packs import NO_REVIEW_BRIEFLY
from countenance.cli.policy_sources import (
    database_options,
    open_policies,
    pack_option,
)
from countenance.cli.tables import as_json_option, print_json, print_rows
from countenance.policy.decision import review_of


@click.command()
@pack_option
@database_options
@as_json_option
def rules(names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """List every rule and duty that is in force or watched here. Refused calls name them by these ids.

    Example: countenance policy rules --pack us-wa-43.386
    """
    with open_policies(given) as source:
        source.require(names)
        engine = source.engine(names)
    rows = [
        {
            "RuleId": rule.rule_id,
            "Pack": rule.pack,
            "LegalReview": review_of(rule.pack),
            "State": engine.state_of(rule.rule_id),
            "Does": "duty" if rule.obligation else "forbids" if rule.is_forbid else "allows",
            "Message": rule.message,
            "Remedy": rule.remedy,
            "Citation": rule.cite,
            "Obligation": rule.obligation or None,
        }
        for rule in (*engine.rules.values(), *engine.duties.values())
    ]
    if as_json:
        print_json({"Rules": rows, "PolicyDigest": engine.digest})
        return
    print_rows(rows, as_json=False, columns=("RuleId", "Pack", "State", "Does", "Message", "Remedy"))
    click.echo(f"every pack but `core`: {NO_REVIEW_BRIEFLY}")
    click.echo(f"policy digest {engine.digest}, as entries of the log have it")
