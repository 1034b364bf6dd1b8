"""`countenance policy packs` and `show`: what packs there are, and what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import click

from countenance.cli.policy_sources import PolicySource, database_options, open_policies
from countenance.cli.tables import as_json_option, print_facts, print_json, print_rows, to_words
from countenance.operations.governance.policy import pack_state, to_detail
from countenance.policy.packs import Manifest, Pack
from countenance.policy.rules import Rule

NO_REVIEW_BRIEFLY = "legal review: none"
NO_REVIEW = (
    f"{NO_REVIEW_BRIEFLY}. No lawyer has reviewed it, and it does not make anybody comply with any law"
)


@click.command()
@database_options
@as_json_option
def packs(as_json: bool, **given: Any) -> None:
    """List the rule packs that are here.

    State is always (in force for whom it binds, with no activation), enforce, shadow (watched: what it would
    refuse stands in the log), ended (its rules have), available (not in use), or refused: a folder of
    DATA_DIR/packs that is no pack to be used, with the reason. Where no server was set up the packs are those
    that come with the program.

    Example: countenance policy packs --json
    """
    today = datetime.now(UTC).date()
    with open_policies(given) as source:
        rows = [_row(source, pack, today) for _, pack in sorted(source.packs.items())]
        refused = [
            {
                "Pack": name,
                "State": "refused",
                "InUse": name in source.active,
                "Problem": error.problem,
                "Remedy": error.remedy,
            }
            for name, error in sorted(source.refused.items())
        ]
    if as_json:
        print_json([*rows, *refused])
        return
    for row in rows:
        since, until = row.get("InForceFrom"), row.get("InForceUntil")
        days = f"{since or 'ever'} to {until or 'on'}" if since or until else "no days of its own"
        click.secho(f"{row['Pack']:20} {row['Version']:6} {row['State']:10} {days}", bold=True)
        for words in (row["Title"], f"{row['Jurisdiction']}; binds {row['Binds']}", NO_REVIEW_BRIEFLY):
            click.echo(f"    {words}")
    for row in refused:
        click.secho(f"{to_words(row['Pack']):20} {'':6} {row['State']}", bold=True)
        click.echo(to_words(f"    {row['Problem']}: {row['Remedy']}"))
        if row["InUse"]:
            click.echo(
                f"    in use, and calls fail for want of it: `countenance policy deactivate {row['Pack']}`"
            )


@click.command()
@click.argument("pack")
@database_options
@as_json_option
def show(pack: str, as_json: bool, **given: Any) -> None:
    """Show PACK: what it refuses, what it makes a duty, its sources, and what no software can check.

    Example: countenance policy show us-wa-43.386
    """
    today = datetime.now(UTC).date()
    with open_policies(given) as source:
        source.require([pack])
        found = source.packs[pack]
        row, manifest = _row(source, found, today), found.manifest
    rules, duties = _rules(found.rules, today), _rules(found.obligations, today)
    if as_json:
        lists = {
            name: list(getattr(manifest, name.lower())) for name in ("Sources", "Gates", "Obliges", "Paper")
        }
        print_json(row | lists | {"Rules": rules, "Obligations": duties})
        return
    told_below = {"Profiles", "Purposes", "Gates", "Obliges", "Paper"}
    print_facts({name: value for name, value in row.items() if name not in told_below}, as_json=False)
    click.secho(NO_REVIEW, fg="yellow")
    for title, lines in (
        ("Refuses", manifest.gates),
        ("Makes a duty", manifest.obliges),
        ("Stays on paper: yours to see to", manifest.paper),
        ("Sources", [_source(source) for source in manifest.sources]),
    ):
        if lines:
            click.secho(f"\n{title}", bold=True)
        for line in lines:
            click.echo(f"  {line}")
    for title, listed in (("Rules", rules), ("Duties", duties)):
        if listed:
            click.secho(f"\n{title}", bold=True)
            print_rows(listed, as_json=False, columns=("RuleId", "State", "Message", "Remedy", "Citation"))


def binds(manifest: Manifest) -> str:
    """Whom a pack binds, in words."""
    told = []
    if manifest.profiles:
        told.append(f"accounts of {', '.join(manifest.profiles)}")
    if manifest.purposes:
        told.append(f"calls for {', '.join(manifest.purposes)}")
    return "; ".join(told) or "everybody"


def _source(told: Mapping[str, str]) -> str:
    """A source in a line: what is cited, and what of it."""
    cite, note = told.get("cite", ""), told.get("note", "")
    return f"{cite}: {note}" if cite and note else cite or " ".join(told.values())


def _row(source: PolicySource, pack: Pack, today: date) -> dict[str, Any]:
    active = source.active.get(pack.pack_id)
    row: dict[str, Any] = dict(to_detail(pack, active, pack_state(pack, active, pack.state(today))))
    row["Binds"] = binds(pack.manifest)
    if active is not None:
        row |= {"ActivatedBy": active.activated_by, "ActivatedAt": active.activated_at}
    return row


def _rules(rules: Iterable[Rule], today: date) -> list[dict[str, Any]]:
    return [
        {
            "RuleId": rule.rule_id,
            "State": rule.state(today),
            "Message": rule.message,
            "Remedy": rule.remedy,
            "Citation": rule.cite,
            "Obligation": rule.obligation or None,
        }
        for rule in rules
    ]
