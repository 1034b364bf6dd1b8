"""One pack on one data set: the evaluation as docs/spec/evaluation.md has it."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from countenance import __version__
from countenance.errors import SetupError
from countenance.evaluation.cohort_labels import cohorts_of
from countenance.evaluation.figures import figures_of
from countenance.evaluation.figures_cohorts import CohortColumn
from countenance.evaluation.figures_shapes import refused, share_of_people, similarity_at
from countenance.evaluation.protocol import Protocol
from countenance.measuring.calibration_in_use import CalibrationInUse, calibration_of_pack
from countenance.measuring.data_sets import DataSet
from countenance.measuring.detecting import detection_figures
from countenance.measuring.embedding import Embedded, FaceChoice
from countenance.measuring.evaluation_shape import FORMAT
from countenance.measuring.label_errors import LabelErrors
from countenance.measuring.pad_scores import WHOSE_DETECTOR, attack_figures
from countenance.measuring.photos import Amiss, count_duplicates, data_digest
from countenance.similarity import Calibration
from countenance.vision.manifest import PackManifest
from countenance.vision.pipeline_digest import pipeline_digest

_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Material:
    """What is measured on.

    Attributes:
        data: photos that are known to be labelled wrongly are left out already.
        digests: SHA-256 of each of its photos and then of its attacks, None where it cannot be read.
        errors: of its labels.
    """

    data: DataSet
    digests: tuple[bytes | None, ...]
    errors: LabelErrors

    @property
    def doubles(self) -> tuple[tuple[int, int], ...]:
        """Pairs of subjects who are one person, by number."""
        number = {name: index for index, name in enumerate(self.data.people)}
        return tuple((number[a], number[b]) for a, b in self.errors.doubles if a in number and b in number)


def evaluation_of(
    manifest: PackManifest,
    material: Material,
    embedded: Embedded,
    *,
    protocol: Protocol,
    made_at: datetime,
    calibration: CalibrationInUse | None = None,
    pad_threshold: float | None = None,
) -> dict[str, Any]:
    """Every figure of a pack, as JSON values; nobody is named in them.

    Args:
        calibration: what a Similarity means; None for the pack's own.
        pad_threshold: of the data set's `pad_score`, inclusive; None: no attack detection is evaluated.

    Raises:
        SetupError: no photo has a template, and no attack detection is to be evaluated: there is nothing.
    """
    in_use = calibration_of_pack(manifest) if calibration is None else calibration
    data, reasons = material.data, embedded.reasons(FaceChoice(protocol.face))
    attacks = {} if pad_threshold is None else {"attack_detection": attack_figures(data, pad_threshold)}
    figures = {**_figures(material, embedded, in_use.calibration, protocol, is_all=not attacks), **attacks}
    figures["failure_to_enrol"]["by_reason"] = [
        {"reason": reason.value, "samples": reasons[reason]} for reason in Amiss if reasons[reason]
    ]
    if (detection := detection_figures(data, embedded.looks, protocol)) is not None:
        figures["detection"] = detection
    return {
        "format": FORMAT,
        "made_at": made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "program": {"version": __version__, "pipeline_digest": pipeline_digest()},
        "machine": machine(),
        "pack": pack_member(manifest),
        "calibration": calibration_member(
            in_use.calibration, measured_on=in_use.measured_on, origin=in_use.origin
        ),
        "data": data_member(material),
        "protocol": protocol.to_dict(),
        **figures,
        "notes": [*notes(material, reasons), *([WHOSE_DETECTOR] if attacks else [])],
    }


def _figures(
    material: Material, embedded: Embedded, calibration: Calibration, protocol: Protocol, *, is_all: bool
) -> dict[str, Any]:
    """What is measured of templates.

    Args:
        is_all: nothing else is measured, so that without a template there is nothing.
    """
    choice, data = FaceChoice(protocol.face), material.data
    samples = embedded.samples[choice]
    if samples.enrolled.any():
        return figures_of(
            samples,
            calibration=calibration,
            protocol=protocol,
            cohorts=cohort_columns(data),
            pairs=data.pairs,
            doubles=material.doubles,
        )
    told = ", ".join(f"{count} {reason}" for reason, count in embedded.reasons(choice).most_common())
    none = f"none of {len(data.photos)} photos has a template ({told})"
    if is_all:
        raise SetupError(f"nothing to evaluate: {none}", remedy="give photos with faces, as JPEG or PNG")
    return {
        "failure_to_enrol": share_of_people(~samples.enrolled, samples.subjects),
        "verification": refused(none),
    }


def pack_member(manifest: PackManifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "face_model_version": manifest.face_model_version,
        "digest": manifest.digest,
        "licence": manifest.licence,
        "use": manifest.use,
    }


def calibration_member(calibration: Calibration, *, measured_on: str, origin: str = "pack") -> dict[str, Any]:
    """The calibration in force.

    Args:
        origin: `pack`, or `operator` for one made from the operator's own photos.
    """
    return {
        "origin": origin,
        "digest": calibration.digest,
        "measured_on": measured_on,
        "trials": calibration.trials,
        "extrapolated_from_similarity": similarity_at(calibration, calibration.extrapolated_from),
    }


def data_member(material: Material) -> dict[str, Any]:
    data = material.data
    photos = np.bincount(data.subjects)
    duplicates = count_duplicates(data.photos, material.digests)
    member: dict[str, Any] = {
        "name": _as_name(data.name),
        "kind": data.kind,
        "digest": data_digest(data, material.digests),
        "samples": len(data.photos),
        "subjects": len(photos),
        "subjects_with_two": int(np.count_nonzero(photos >= 2)),
        "duplicates": {
            "within_subjects": duplicates.within_subjects,
            "across_subjects": duplicates.across_subjects,
        },
        "label_errors": [
            {"samples_or_subjects": count, "reason": reason} for count, reason in material.errors.reasons
        ],
        "cohort_columns": list(data.cohort_columns),
    }
    if data.cohort_columns:
        member["labels_by"] = data.labels_by
    sessions = {photo.session for photo in data.photos if photo.session}
    if sessions:
        member["sessions"] = len(sessions)
    if data.attacks:
        species = Counter(photo.species for photo in data.attacks)
        member["attacks"] = [{"species": name, "samples": count} for name, count in sorted(species.items())]
    return member


def _as_name(name: str) -> str:
    """What the format takes: a folder's name may be no text, and that of `/` is empty."""
    return name.encode("utf-8", "replace").decode()[:_LONGEST_NAME] or "unnamed"


def cohort_columns(data: DataSet) -> list[CohortColumn]:
    """Groups of the subjects, one object a column."""
    return [
        CohortColumn(column, data.labels_by, cohorts_of(data.subjects, data.labels_of(column)))
        for column in data.cohort_columns
    ]


def machine() -> str:
    """Where this runs, in words: how fast it was is read beside it."""
    return (
        f"{os.cpu_count()}-core {platform.machine()} {platform.system()}, Python "
        f"{platform.python_version()}, ONNX Runtime {version('onnxruntime')}"
    )


def notes(material: Material, reasons: Counter[Amiss]) -> list[str]:
    """What a reader must know of what was left out."""
    data, errors = material.data, material.errors
    found: list[str] = []
    unreadable = reasons[Amiss.MISSING] + reasons[Amiss.UNREADABLE]
    if unreadable:
        found.append(f"{_count(unreadable, 'photo')} could not be read and count as failures to enrol")
    duplicates = count_duplicates(data.photos, material.digests)
    if duplicates.within_subjects:
        found.append(
            f"{_count(duplicates.within_subjects, 'photo')} of the same subject are copies of another, byte "
            "for byte: their mated trials are easier than life"
        )
    if duplicates.across_subjects:
        found.append(
            f"{_count(duplicates.across_subjects, 'photo')} are labelled as two subjects, byte for byte the "
            "same: one of the labels is wrong, and the trials are in all the same"
        )
    if errors.doubles:
        found.append(
            f"{_count(len(errors.doubles), 'pair')} of subjects listed as one person are never compared; the "
            "second of two is left out of searches and groups"
        )
    if errors.wrong:
        found.append(f"{_count(len(errors.wrong), 'photo')} listed as wrongly labelled are left out")
    if errors.elsewhere:
        found.append(f"{_count(errors.elsewhere, 'listed label error')} are of nobody in this data set")
    found += _passed_over(data)
    if data.attacks:
        found.append(f"{_count(len(data.attacks), 'presentation attack')} are listed and in no comparison")
    return found


def _passed_over(data: DataSet) -> Sequence[str]:
    if not data.passed_over:
        return ()
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(data.passed_over.items()))
    return (f"{_count(sum(data.passed_over.values()), 'file')} were passed over: {kinds}",)


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
