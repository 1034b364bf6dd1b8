"""Which calibration an evaluation is of: the pack's own, or an operator's, given as its file.

The gate binds an evaluation to the digest of the calibration in force. No database is opened here: whoever
has an operator's calibration in force gives its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from countenance.assurance.calibration_document import MOST_BYTES, OperatorCalibration, parse_calibration
from countenance.errors import InvalidParameterException, SetupError
from countenance.similarity import Calibration
from countenance.vision.manifest import PackManifest
from countenance.vision.pipeline_digest import pipeline_digest

_MAKE_ONE = "make one for this pack with `countenance calibrate`"


@dataclass(frozen=True, slots=True)
class CalibrationInUse:
    """What a Similarity means throughout an evaluation.

    Attributes:
        origin: whose it is.
        measured_on: what its trials were, in words.
    """

    calibration: Calibration
    origin: Literal["pack", "operator"]
    measured_on: str


def calibration_of_pack(manifest: PackManifest) -> CalibrationInUse:
    """The one that the pack states."""
    return CalibrationInUse(manifest.calibration, "pack", manifest.measured_on)


def load_calibration(file: Path, manifest: PackManifest) -> CalibrationInUse:
    """An operator's, of docs/spec/calibration.md.

    Raises:
        SetupError: it cannot be read, is no calibration, or is not of this pack and of the code that makes
            templates here.
    """
    try:
        with file.open("rb") as opened:
            document = parse_calibration(opened.read(MOST_BYTES + 1))
    except OSError as error:
        raise SetupError(
            f"`{file}` cannot be read ({error.strerror})",
            remedy="give --calibration a file of `countenance calibrate`",
        ) from None
    except InvalidParameterException as error:
        raise SetupError(f"`{file}`: {error}", remedy=_MAKE_ONE) from None
    _require_of_this_program(file, document, manifest)
    return CalibrationInUse(
        document.calibration,
        "operator",
        f"{document.data_name}: {document.samples:,} photos of {document.subjects:,} people",
    )


def _require_of_this_program(file: Path, document: OperatorCalibration, manifest: PackManifest) -> None:
    """# INVARIANT: as `assurance.calibrations` has it: what it would not put in force is not evaluated."""
    if document.pack_digest != manifest.digest:
        raise SetupError(
            f"`{file}` is of the pack {document.pack_digest[:16]}… ({document.pack_name}), and "
            f"`{manifest.name}` is {manifest.digest[:16]}…",
            remedy=f"give --pack the one that it is of, or {_MAKE_ONE}",
        )
    if document.pipeline_digest != pipeline_digest():
        raise SetupError(
            f"`{file}` was made by another version of the code that makes templates "
            f"(Countenance {document.program_version})",
            remedy=_MAKE_ONE,
        )
