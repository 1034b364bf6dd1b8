"""`countenance policy check`: whether packs are what they say, and do what they say."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from countenance.cli.policy_packs import NO_REVIEW_BRIEFLY
from countenance.cli.policy_sources import (
    PolicySource,
    database_options,
    open_policies,
    operations_by_service,
)
from countenance.cli.tables import as_json_option, print_json, to_words
from countenance.errors import SetupError
from countenance.gateway.obligations import DISCHARGES
from countenance.policy.engine import PolicyEngine
from countenance.policy.pack_tests import failed_tests
from countenance.policy.packs import Activation, Pack, load_pack
from countenance.transparency.note import NoteInvalid, Verifier


def _parse_issuers(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[Verifier, ...]:
    try:
        return tuple(Verifier.parse(value) for value in values)
    except NoteInvalid as error:
        raise click.BadParameter(f"that is no verifier key: {error}", ctx, param) from None


@click.command()
@click.argument(
    "folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--issuer",
    "issuers",
    metavar="VKEY",
    multiple=True,
    callback=_parse_issuers,
    help="take this key for trusted as well; may be repeated",
)
@database_options
@as_json_option
def check(folders: tuple[Path, ...], issuers: tuple[Verifier, ...], as_json: bool, **given: Any) -> None:
    """Check the packs in use, or the pack in each FOLDER; exit 1 if anything is wrong.

    Without FOLDER also each folder of DATA_DIR/packs that is no pack to be used.

    That the signature is of an issuer trusted here and over these bytes, that the pack may only forbid, that
    its rules fit the schema, that its own tests come out as it says, and (of a pack in use) that it is the
    one that was activated.

    \b
    countenance policy check
    countenance policy check packs/museum-house-rules --issuer "museum.example/packs+1a2b3c4d+AbCd..."
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    with open_policies(given) as source:
        trusted = [*source.issuers, *issuers]
        results = [_of_folder(folder, trusted) for folder in folders] if folders else _of_use(source)
    if as_json:
        print_json(results)
    else:
        _print(results)
    if any(result["Problems"] for result in results):
        sys.exit(1)


def _of_folder(folder: Path, issuers: Sequence[Verifier]) -> dict[str, Any]:
    folder = folder.resolve()  # a pack has the name of its folder, and `.` has none
    try:
        return _of_pack(load_pack(folder, issuers))
    except SetupError as error:
        return {"Pack": folder.name, "Problems": [error.problem]}


def _of_pack(pack: Pack) -> dict[str, Any]:
    return {
        "Pack": pack.pack_id,
        "Version": pack.manifest.version,
        "Digest": pack.digest,
        "SignedBy": pack.signed_by,
        "Tests": len(pack.tests),
        "LegalReview": pack.manifest.legal_review,
        "Problems": _problems(pack),
    }


def _of_use(source: PolicySource) -> list[dict[str, Any]]:
    """Of what is in use, and what is here and cannot be; without an installation of all that ship."""
    results: list[dict[str, Any]] = [
        {"Pack": name, "Problems": [error.problem]} for name, error in source.refused.items()
    ]
    for name, pack in sorted(source.packs.items()):
        active = source.active.get(name)
        if active is None and source.register is not None and not pack.manifest.always:
            continue
        result = _of_pack(pack)
        if active is not None and active.digest != pack.digest:
            result["Problems"].append(
                f"it is another one than was activated (digest {active.digest}): look at it, then "
                f"`countenance policy activate {name}`"
            )
        results.append(result)
    results.extend(
        {"Pack": name, "Problems": [f"it is in use and not here: `countenance policy deactivate {name}`"]}
        for name in source.active
        if name not in source.packs and name not in source.refused
    )
    if not any(result["Problems"] for result in results):
        try:
            source.engine()
        except SetupError as error:  # each is sound, and they do not go together
            results.append({"Pack": "all together", "Problems": [error.problem]})
    return results


def _problems(pack: Pack) -> list[str]:
    operations = operations_by_service()
    try:
        PolicyEngine.load(
            operations,
            packs={pack.pack_id: pack},
            activations=[Activation(pack.pack_id)],
            discharges=DISCHARGES,
        )
    except SetupError as error:
        bare = PolicyEngine.load(operations, packs={}, discharges=DISCHARGES)
        return [f"its test {failure}" for failure in failed_tests(bare, pack)] or [error.problem]
    return []


def _print(results: Sequence[dict[str, Any]]) -> None:
    for result in results:
        name = result["Pack"]
        if not result["Problems"]:
            told = f"{result['Tests']} tests, signed by {result['SignedBy']}, digest {result['Digest']}"
            click.echo(f"{name}: sound ({told}), {NO_REVIEW_BRIEFLY}")
        for problem in result["Problems"]:
            click.secho(to_words(f"{name}: {problem}"), fg="red")
    if not results:
        click.echo("no pack is in use")
