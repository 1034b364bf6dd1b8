"""`countenance policy simulate`: what packs would have refused, from an export of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click

from countenance.cli.audit_export import parse_moment
from countenance.cli.policy_sources import (
    PolicySource,
    database_options,
    open_policies,
    operations_by_service,
    pack_option,
)
from countenance.cli.progress import install_progress
from countenance.cli.tables import as_json_option, print_json, print_rows
from countenance.gateway.obligations import DISCHARGES
from countenance.policy.packs import Pack
from countenance.policy.rules import Rule
from countenance.policy.simulation import UNSAID, Outcome, RuleOutcome, Simulation, engine_for


def _moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    try:
        return None if value is None else parse_moment(value, now=datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command()
@click.argument("log", metavar="LOG", type=click.File("rb"))
@pack_option
@click.option("--since", metavar="TIME", callback=_moment, help="judge calls that began then or later")
@database_options
@as_json_option
def simulate(
    log: IO[bytes], names: tuple[str, ...], *, since: datetime | None, as_json: bool, **given: Any
) -> None:
    """Count what packs would have refused of the calls in LOG (- for standard input), rule by rule.

    LOG is an export of the audit log as JSON lines. Without --pack: every pack that is here and not enforced.
    Rules are judged whatever their days. Entries hold nothing personal and say less than calls did: what
    that leaves open is told, and marked at the rules that look at it.

    \b
    countenance audit export --format jsonl --since 30d -o log.jsonl
    countenance policy simulate log.jsonl --pack us-wa-43.386
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    with open_policies(given) as source:
        chosen = {name: source.packs[name] for name in _chosen(source, names)}
    engine = engine_for(chosen, operations_by_service(), discharges=DISCHARGES)
    outcome = _read(log, Simulation(engine, since=since))
    if as_json:
        print_json(_members(outcome, chosen))
    else:
        _print(outcome, chosen)


def _chosen(source: PolicySource, names: tuple[str, ...]) -> list[str]:
    source.require(names)
    if names:
        return sorted(set(names))
    enforced = {name for name, active in source.active.items() if active.mode == "enforce"}
    chosen = [
        name
        for name, pack in sorted(source.packs.items())
        if name not in enforced and not pack.manifest.always
    ]
    if not chosen:
        raise click.UsageError("every pack that is here is in force: name one with --pack")
    return chosen


def _read(log: IO[bytes], simulation: Simulation) -> Outcome:
    name = getattr(log, "name", None)
    is_file = isinstance(name, str) and Path(name).is_file()
    with install_progress() as progress:
        progress.begin("reading", total_bytes=Path(name).stat().st_size if is_file and name else None)
        for number, line in enumerate(log, 1):
            simulation.read(line, number=number)
            progress.advance(len(line))
        progress.end()
    return simulation.outcome


def _members(outcome: Outcome, chosen: Mapping[str, Pack]) -> dict[str, Any]:
    days = {rule.rule_id: rule for pack in chosen.values() for rule in (*pack.rules, *pack.obligations)}
    return {
        "Packs": list(chosen),
        "Lines": outcome.lines,
        "Calls": outcome.calls,
        "Allowed": outcome.allowed,
        "WouldBeRefused": outcome.refused,
        "ByOperationAndPurpose": _by(outcome.by),
        "Malformed": outcome.malformed,
        "MalformedLines": [{"Line": line, "Problem": problem} for line, problem in outcome.malformed_lines],
        "Undecided": outcome.undecided,
        "UndecidedCalls": [{"EventId": event, "Problem": text} for event, text in outcome.undecided_calls],
        "RebuiltOtherwise": outcome.rebuilt_otherwise,
        "Rules": [_rule(found, days[found.rule.rule_id]) for found in _sorted(outcome)],
        "Unsaid": {name: how for name, (_, how) in UNSAID.items()},
    }


def _rule(found: RuleOutcome, days: Rule) -> dict[str, Any]:
    """`days`: the rule as its pack has it, with the days between which it is in force."""
    return {
        "RuleId": found.rule.rule_id,
        "Pack": found.rule.pack,
        "Obligation": found.rule.obligation or None,
        "Message": found.rule.message,
        "From": days.since and days.since.isoformat(),
        "Until": days.until and days.until.isoformat(),
        "CallsBound": found.bound,
        "WouldRefuse": found.refused,
        "RefusedAnyway": found.refused_already,
        "ByOperationAndPurpose": _by(found.by),
        "ExampleEventIds": list(found.examples),
        "RestsOnUnsaid": list(found.unsaid),
    }


def _by(counted: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"Operation": operation, "Purpose": purpose or None, "Calls": calls}
        for (operation, purpose), calls in counted.most_common()
    ]


def _sorted(outcome: Outcome) -> list[RuleOutcome]:
    """Those that would have refused most come first."""
    return sorted(
        outcome.rules.values(), key=lambda found: (-found.refused, found.rule.pack, found.rule.rule_id)
    )


def _print(outcome: Outcome, chosen: Mapping[str, Pack]) -> None:
    refused = outcome.calls - outcome.allowed
    click.echo(
        f"{outcome.calls} calls that got to the policy, out of {outcome.lines} lines: {outcome.allowed} were "
        f"allowed, {refused} refused. Of the {outcome.allowed}, {', '.join(chosen)} would have refused "
        f"{outcome.refused}"
    )
    rows = [
        {
            "Rule": found.rule.rule_id + "".join(" *" for _ in found.unsaid[:1]),
            "Pack": found.rule.pack,
            "Would refuse": f"{found.refused} of {found.bound}",
            "Refused anyway": found.refused_already,
            "By operation and purpose": [
                f"{each['Operation']} for {each['Purpose'] or 'no purpose'}: {each['Calls']}"
                for each in _by(found.by)
            ],
            "Examples": list(found.examples),
        }
        for found in _sorted(outcome)
        if found.refused or found.refused_already
    ]
    print_rows(rows, as_json=False, nothing="no rule would have refused anything")
    unsaid = {name for found in outcome.rules.values() for name in found.unsaid if found.bound}
    for name in sorted(unsaid):
        marked = ", ".join(
            id_ for id_, found in outcome.rules.items() if name in found.unsaid and found.bound
        )
        click.echo(f"* entries do not say {UNSAID[name][1]} ({marked})")
    if outcome.rebuilt_otherwise:
        click.echo(
            f"note: {outcome.rebuilt_otherwise} allowed calls are refused by the core rules as rebuilt: "
            "there what entries do not say matters, or the core rules were others then",
            err=True,
        )
    for event, problem in outcome.undecided_calls:
        click.echo(f"note: the call {event} could not be evaluated: {problem}", err=True)
    for line, problem in outcome.malformed_lines:
        click.echo(f"note: line {line} was left out: {problem}", err=True)
    if outcome.malformed > len(outcome.malformed_lines):
        click.echo(f"note: {outcome.malformed} lines were left out in all", err=True)
