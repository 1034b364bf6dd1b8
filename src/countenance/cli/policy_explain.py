"""`countenance policy explain`: what would be decided about a call, and by which rules."""

from __future__ import annotations

import json
from typing import IO, Any

import click

from countenance.cli.policy_packs import NO_REVIEW_BRIEFLY
from countenance.cli.policy_sources import database_options, open_policies, pack_option
from countenance.cli.tables import as_json_option, print_json, to_words
from countenance.operations.governance.policy import to_broken
from countenance.policy import AccessRequest, Decision, PolicyEngine, Verdict
from countenance.policy.call_file import parse_call

_EXAMPLE = {
    "operation": "rekognition:SearchFacesByImage",
    "account": {"profile": "business", "purposes": ["access-control"], "records": ["notice"]},
    "operator": "front-desk",
    "purpose": "access-control",
    "claims": {"consent": "form 12", "age": "adult", "source": "own_camera"},
    "threshold": 95,
    "candidates": 3,
    "collection": {
        "id": "staff",
        "purposes": ["access-control"],
        "kind": "enrolled",
        "legal_basis": "consent of the staff",
        "face_cap": 500,
        "face_count": 120,
        "retention_days": 365,
        "minors_allowed": False,
    },
    "model": {
        "version": "7.0",
        "use": "any",
        "evaluation": {
            "groups": 2,
            "worst_group_tpr": 98.5,
            "worst_group_fmr": 0.00001,
            "worst_group_fpir": 0.001,
            "gallery": 1000,
        },
    },
    "calls_last_hour": 12,
    "at": "2026-11-26T12:00:00Z",
}
_MOST_BYTES = 1 << 20


@click.command()
@click.argument("call", metavar="CALL.json", type=click.File("rb"), required=False)
@pack_option
@click.option("--example", is_flag=True, help="print a CALL.json to begin with")
@database_options
@as_json_option
def explain(
    call: IO[bytes] | None, names: tuple[str, ...], *, example: bool, as_json: bool, **given: Any
) -> None:
    """Say what would be decided about the call in CALL.json (- for standard input), and by which rules.

    By the core rules, the packs in use here, and those named with --pack; where no server was set up, by the
    core rules and the packs named. Every member of CALL.json but `operation` may be left out: a figure is
    then the operation's default, and the account is a lawful one that has the purpose.

    \b
    countenance policy explain --example > call.json
    countenance policy explain call.json --pack us-wa-43.386
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    if example:
        click.echo(json.dumps(_EXAMPLE, indent=2))
        return
    if call is None:
        raise click.UsageError("give a CALL.json, or - for standard input; --example prints one")
    request = _parse(call)
    with open_policies(given) as source:
        source.require(names)
        engine = source.engine(names)
    verdict = engine.decide(request)
    if as_json:
        print_json(_members(engine, request, verdict))
    else:
        _print(engine, request, verdict)


def _parse(call: IO[bytes]) -> AccessRequest:
    data = call.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise click.BadParameter(f"it is longer than {_MOST_BYTES} bytes", param_hint="CALL.json")
    try:
        return parse_call(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(
            f"{error} (`countenance policy explain --example` prints one that can be read)",
            param_hint="CALL.json",
        ) from None


def _members(engine: PolicyEngine, request: AccessRequest, verdict: Verdict) -> dict[str, Any]:
    return {
        "Decision": verdict.decision.value,
        "BrokenRules": [to_broken(rule) for rule in verdict.broken],
        "Obligations": list(verdict.obligations),
        "Shadow": list(verdict.shadow),
        "Packs": sorted(engine.packs_for(request)),
        "Errors": list(verdict.errors),
        "PolicyDigest": verdict.policy_digest,
    }


def _print(engine: PolicyEngine, request: AccessRequest, verdict: Verdict) -> None:
    is_allowed = verdict.decision is Decision.ALLOW
    click.secho(f"{verdict.decision.value} {request.action}", fg="green" if is_allowed else "red", bold=True)
    binding = ", ".join(f"{name} ({NO_REVIEW_BRIEFLY})" for name in sorted(engine.packs_for(request)))
    click.echo(f"by the core rules{f' and the packs that bind it: {binding}' if binding else ''}")
    for rule in verdict.broken:
        click.echo(f"  {to_words(rule)}")
    if not is_allowed and not verdict.broken:
        click.echo(f"  {to_words(verdict.message)}")
    for error in verdict.errors:
        click.echo(f"  could not be evaluated: {to_words(error)}")
    for duty in verdict.obligations:
        click.echo(f"  owes {duty}")
    for rule in engine.explain(verdict.shadow, request):
        click.echo(f"  would break, once in force: {to_words(rule)}")
