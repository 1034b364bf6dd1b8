"""`countenance calibration`: which calibration of a pack is in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from countenance.assurance.calibration_document import MOST_BYTES, parse_calibration
from countenance.assurance.calibrations import Calibrations
from countenance.cli.calibration_options import acceptance_option, why_option
from countenance.cli.governed import deciding_officer, officer_option, open_governed
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.vision.install import PackStore
from countenance.vision.packs import InstalledPack
from countenance.vision.pipeline_digest import pipeline_digest

_where = settings_options("data_dir", "database_url", "terms", "models", "cache_dir")


@click.group()
def calibration() -> None:
    """Which calibration says what a Similarity means: the pack's own, or one made of your photos.

    \b
    countenance calibrate staff-photos/
    countenance calibration use calibration.json --officer "Maria Lind" --reason "our own cameras"
    countenance calibration list
    countenance calibration revert standard --officer "Maria Lind" --reason "new cameras"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@calibration.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@why_option
@acceptance_option
@officer_option
@_where
@as_json_option
def use(
    file: Path,
    *,
    reason: str | None,
    accept_difference: bool,
    officer: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Put the calibration in FILE on record and in force, from the next call on. It is an entry of the log.

    Refused: a calibration of another pack than the one installed, of another version of the code that makes
    templates, or further from the pack's own than three times outside the intervals of both. WeakerAt says
    which of the similarities 80, 90 and 99 are met by faces less alike than with the pack's own.

    Example: countenance calibration use calibration.json --officer "Maria Lind" --reason "our own cameras"
    """
    from countenance.measuring.calibrating import changes  # SciPy, which --help need not wait for

    reason = _required(reason)
    document = parse_calibration(_read(file))
    with open_governed(given) as governed:
        by = deciding_officer(governed.governance.officers, officer)
        pack = _pack_of(governed.settings, document.face_model_version)
        version = Calibrations(governed.database, pipeline_digest=pipeline_digest()).use(
            document,
            own=pack.manifest.calibration,
            pack_digest=pack.manifest.digest,
            by=by,
            reason=reason,
            accept_difference=accept_difference,
        )
    weaker = [
        f"{change.similarity:g}"
        for change in changes(pack.manifest.calibration, document.calibration)
        if change.is_weaker
    ]
    print_facts(
        {
            "Pack": pack.manifest.name,
            "Version": version,
            "Digest": document.digest,
            "By": by,
            "WeakerAt": ", ".join(weaker) or None,
        },
        as_json=as_json,
    )


@calibration.command()
@click.argument("pack")
@why_option
@officer_option
@_where
@as_json_option
def revert(pack: str, *, reason: str | None, officer: str | None, as_json: bool, **given: Any) -> None:
    """Put PACK's own calibration in force again, from the next call on. Yours stays on record.

    Example: countenance calibration revert standard --officer "Maria Lind" --reason "new cameras"
    """
    reason = _required(reason)
    with open_governed(given) as governed:
        by = deciding_officer(governed.governance.officers, officer)
        manifest = PackStore(governed.settings.cache_dir, governed.settings.models).require_manifest(pack)
        Calibrations(governed.database, pipeline_digest=pipeline_digest()).revert(
            manifest.digest, manifest.face_model_version, by=by, reason=reason
        )
    print_facts({"Pack": pack, "InForce": "the pack's own", "By": by}, as_json=as_json)


@calibration.command(name="list")
@_where
@as_json_option
def list_choices(*, as_json: bool, **given: Any) -> None:
    """List every decision about calibrations, the last first: who, when, why, and what is in force now.

    A pack that is not listed has its own. So has one whose decision is of another version of the code that
    makes templates: calibrate it anew.

    Example: countenance calibration list --json
    """
    with open_governed(given) as governed:
        names = {
            manifest.digest: name
            for name, manifest in PackStore(governed.settings.cache_dir, governed.settings.models)
            .packs()
            .items()
        }
        choices = Calibrations(governed.database, pipeline_digest=pipeline_digest()).list()
    rows = [
        {
            "Pack": names.get(choice.of.pack_digest, f"unknown, {choice.of.pack_digest[:16]}"),
            "Version": choice.version if choice.version is not None else "the pack's own",
            "InForce": choice.is_last and choice.of.pipeline_digest == pipeline_digest(),
            "By": choice.by,
            "At": choice.at,
            "Reason": choice.reason,
            "AcceptedDifference": choice.accepted_difference,
            "Digest": choice.digest,
        }
        for choice in choices
    ]
    print_rows(rows, as_json=as_json, nothing="every pack has its own calibration")


def _required(reason: str | None) -> str:
    if reason is None:
        raise click.UsageError("say why, with --reason: it stays on record.")
    return reason


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise SetupError(
            f"`{file}` cannot be read ({error.strerror})", remedy="give a file that you may read"
        ) from None


def _pack_of(settings: Settings, face_model_version: str) -> InstalledPack:
    for pack in PackStore(settings.cache_dir, settings.models).installed_packs():
        if pack.manifest.face_model_version == face_model_version:
            return pack
    raise SetupError(
        f"no pack of face model `{face_model_version}` is installed here",
        remedy="see `countenance models list`, then `countenance models install NAME`",
    )
