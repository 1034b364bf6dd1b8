"""`countenance calibrate` at work: photos, templates, the fit, the file, the record."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from countenance.assurance.calibration_document import OperatorCalibration
from countenance.assurance.calibrations import MOST_APART, Calibrations, furthest_apart
from countenance.cli.governed import deciding_officer, open_governed
from countenance.cli.labelled_photos import load_photos, look_at, read_files, without_label_errors
from countenance.cli.progress import install_progress
from countenance.cli.tables import print_facts, print_rows
from countenance.errors import SetupError
from countenance.measuring.calibrating import Change, calibrate, changes
from countenance.measuring.embedding import FaceChoice
from countenance.settings import Settings
from countenance.store.files import write_whole
from countenance.vision.install import PackStore
from countenance.vision.manifest import PackManifest
from countenance.vision.pipeline_digest import pipeline_digest


@dataclass(frozen=True, slots=True)
class Asked:
    """One run; `pack` may be empty: the default one."""

    dataset: Path
    pack: str
    label_errors: Path | None
    no_cache: bool = False
    threads: int | None = None


def fit(asked: Asked, settings: Settings, *, made_at: datetime) -> tuple[PackManifest, OperatorCalibration]:
    """The pack and what the photos say of it.

    Raises:
        SetupError: the data set or the set-up is wrong.
        TooFewTrials: too few people to say anything.
    """
    data, errors = without_label_errors(load_photos(asked.dataset), asked.label_errors)
    with install_progress() as progress:
        store = PackStore(settings.cache_dir, settings.models)
        pack = store.default_pack(asked.pack, progress=progress)
    threads = asked.threads or os.cpu_count() or 1
    material = read_files(data, errors, threads=threads)
    # Of the largest faces, which are those that the service takes.
    seen = look_at(
        pack,
        material,
        settings,
        face=FaceChoice.LARGEST,
        threads=threads,
        keeps_templates=not asked.no_cache,
    )
    samples = seen.samples[FaceChoice.LARGEST]
    return pack.manifest, calibrate(pack.manifest, material, samples, made_at=made_at)


def write(file: Path, document: OperatorCalibration) -> None:
    """The file, canonical.

    Raises:
        SetupError: it cannot be written.
    """
    try:
        write_whole(file, document.to_bytes())
    except OSError as error:
        raise SetupError(
            f"`{file}` cannot be written ({error.strerror})",
            remedy="give --out a file that you may write to",
        ) from None


def show(manifest: PackManifest, document: OperatorCalibration, file: Path, *, as_json: bool) -> None:
    """What the calibration would change."""
    own, new = manifest.calibration, document.calibration
    difference = furthest_apart(own, new)
    rows = [_row(change) for change in changes(own, new)]
    facts: dict[str, Any] = {
        "Pack": manifest.name,
        "File": str(file),
        "Digest": document.digest,
        "People": document.subjects,
        "Photos": document.samples,
        "FailuresToEnrol": document.failures_to_enrol,
        "Trials": new.trials,
        "EffectiveTrials": document.effective_trials,
        "PacksOwnTrials": own.trials,
        "CountedToFalseMatchRate": document.counted_to_fmr,
        "ExtrapolatedFromSimilarity": _similarity(new),
        "PacksOwnExtrapolatedFromSimilarity": _similarity(own),
        "FurthestApart": round(difference.factor, 2),
    }
    if as_json:
        print_facts(facts | {"Changes": rows}, as_json=True)
        return
    print_facts(facts, as_json=False)
    print_rows(rows, as_json=False)
    if any(change.is_weaker for change in changes(own, new)):
        click.echo(
            "where Weaker is yes, faces less alike than before meet the threshold of a rule or a caller"
        )
    if difference.factor > MOST_APART:
        click.echo(
            f"at cosine {difference.cosine:.3f} the two are a factor of {difference.factor:.1f} apart: it "
            "will not be put in force without --accept-difference"
        )


def put_in_force(
    manifest: PackManifest,
    document: OperatorCalibration,
    *,
    officer: str | None,
    reason: str,
    accept_difference: bool,
    given: dict[str, Any],
) -> int:
    """Record it as an officer's decision; its version."""
    with open_governed(given) as governed:
        by = deciding_officer(governed.governance.officers, officer)
        return Calibrations(governed.database, pipeline_digest=pipeline_digest()).use(
            document,
            own=manifest.calibration,
            pack_digest=manifest.digest,
            by=by,
            reason=reason,
            accept_difference=accept_difference,
        )


def _similarity(calibration: Any) -> float:
    return float(calibration.similarity_of(calibration.extrapolated_from))


def _row(change: Change) -> dict[str, Any]:
    return {
        "Similarity": f"{change.similarity:g}",
        "PacksOwnCosine": f"{change.own:.4f}{' (model)' if change.own_is_extrapolated else ''}",
        "NewCosine": f"{change.new:.4f}{' (model)' if change.new_is_extrapolated else ''}",
        "Interval": "not stated"
        if change.interval is None
        else f"{change.interval[0]:.1e} to {change.interval[1]:.1e}",
        "Weaker": change.is_weaker,
    }
