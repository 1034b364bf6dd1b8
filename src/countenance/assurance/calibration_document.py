"""A calibration file: what an operator's labelled photos say of a pack (docs/spec/calibration.md)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from countenance.errors import InvalidParameterException
from countenance.similarity import Calibration
from countenance.transparency.canonical import EntryInvalid, canonical_json, parse_time, to_time

FORMAT: Final = "countenance.calibration/1"
MOST_BYTES: Final = 262_144
_HEX_64 = re.compile(r"[0-9a-f]{64}").fullmatch
_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "program": frozenset({"version", "pipeline_digest"}),
    "pack": frozenset({"name", "face_model_version", "digest"}),
    "data": frozenset({"name", "digest", "samples", "subjects", "failures_to_enrol"}),
    "fit": frozenset({"effective_trials", "counted_to_fmr"}),
    "calibration": frozenset({
        "cosine", "neg_log10_fmr", "neg_log10_fmr_low", "neg_log10_fmr_high", "trials", "extrapolated_from",
        "digest",
    }),
}  # fmt: skip
_MOST_KNOTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCalibration:
    """A calibration with what it was fitted to. Nobody is named in it.

    Attributes:
        made_at: with its time zone.
        program_version: of Countenance.
        pipeline_digest: of the code that made the templates, SHA-256, hexadecimal.
        pack_digest: of the pack that made them, likewise.
        data_digest: of the photos and their labels, likewise.
        samples: photos; of them `failures_to_enrol` gave no template.
        effective_trials: with pairs of people weighted equally.
        counted_to_fmr: the lowest false match rate that was counted; below it is a model.
    """

    made_at: datetime
    program_version: str
    pipeline_digest: str
    pack_name: str
    face_model_version: str
    pack_digest: str
    data_name: str
    data_digest: str
    samples: int
    subjects: int
    failures_to_enrol: int
    effective_trials: float
    counted_to_fmr: float
    calibration: Calibration

    @property
    def digest(self) -> str:
        """Of the calibration's values: what calls name."""
        return self.calibration.digest

    def to_bytes(self) -> bytes:
        """The file: canonical JSON (RFC 8785)."""
        calibration = self.calibration
        return canonical_json(
            {
                "format": FORMAT,
                "made_at": to_time(self.made_at),
                "program": {"version": self.program_version, "pipeline_digest": self.pipeline_digest},
                "pack": {
                    "name": self.pack_name,
                    "face_model_version": self.face_model_version,
                    "digest": self.pack_digest,
                },
                "data": {
                    "name": self.data_name,
                    "digest": self.data_digest,
                    "samples": self.samples,
                    "subjects": self.subjects,
                    "failures_to_enrol": self.failures_to_enrol,
                },
                "fit": {"effective_trials": self.effective_trials, "counted_to_fmr": self.counted_to_fmr},
                "calibration": {
                    "cosine": list(calibration.cosine),
                    "neg_log10_fmr": list(calibration.neg_log10_fmr),
                    "neg_log10_fmr_low": list(calibration.neg_log10_fmr_low),
                    "neg_log10_fmr_high": list(calibration.neg_log10_fmr_high),
                    "trials": calibration.trials,
                    "extrapolated_from": calibration.extrapolated_from,
                    "digest": calibration.digest,
                },
            }
        )


def parse_calibration(data: bytes) -> OperatorCalibration:
    """What a calibration file says.

    Raises:
        InvalidParameterException: it is none, was changed by hand, or its rates do not fall as the cosine
            rises.
    """
    told = _parse(data)
    program, pack, sample, fit, values = (told[name] for name in _MEMBERS)
    try:
        calibration = Calibration(
            cosine=_numbers(values["cosine"]),
            neg_log10_fmr=_numbers(values["neg_log10_fmr"]),
            trials=_whole(values["trials"]),
            extrapolated_from=_number(values["extrapolated_from"]),
            neg_log10_fmr_low=_numbers(values["neg_log10_fmr_low"]),
            neg_log10_fmr_high=_numbers(values["neg_log10_fmr_high"]),
        )
        found = OperatorCalibration(
            made_at=parse_time(_text(told["made_at"])),
            program_version=_text(program["version"]),
            pipeline_digest=_digest(program["pipeline_digest"]),
            pack_name=_text(pack["name"]),
            face_model_version=_text(pack["face_model_version"]),
            pack_digest=_digest(pack["digest"]),
            data_name=_text(sample["name"]),
            data_digest=_digest(sample["digest"]),
            samples=_whole(sample["samples"]),
            subjects=_whole(sample["subjects"]),
            failures_to_enrol=_whole(sample["failures_to_enrol"]),
            effective_trials=_number(fit["effective_trials"]),
            counted_to_fmr=_number(fit["counted_to_fmr"]),
            calibration=calibration,
        )
    except ValueError as error:  # EntryInvalid is one
        raise _refused(str(error)) from None
    if found.effective_trials <= 0 or not 0 < found.counted_to_fmr < 1:
        raise _refused("trials are more than none, and a rate that was counted is between 0 and 1")
    if _digest(values["digest"]) != calibration.digest:
        raise _refused("its digest is not that of its values: somebody changed it")
    return found


def _parse(data: bytes) -> Mapping[str, Any]:
    if len(data) > MOST_BYTES:
        raise _refused(f"it is longer than {MOST_BYTES} bytes")
    try:
        told: Any = json.loads(data)
        is_canonical = isinstance(told, dict) and canonical_json(told) == data.rstrip(b"\n")
    except (ValueError, RecursionError):
        raise _refused("it is no JSON") from None
    if not is_canonical:
        raise _refused("it is no canonical JSON object (RFC 8785)")
    if told.get("format") != FORMAT:
        raise _refused(f"its format is not `{FORMAT}`")
    if told.keys() != {"format", "made_at", *_MEMBERS}:
        raise _refused("it lacks a member, or has one that its format does not know")
    for name, members in _MEMBERS.items():
        if not isinstance(told[name], dict) or told[name].keys() != members:
            raise _refused(f"its member `{name}` lacks one of {', '.join(sorted(members))}")
    return cast("Mapping[str, Any]", told)


def _refused(why: str) -> InvalidParameterException:
    return InvalidParameterException(f"that is no calibration file: {why}")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 256:
        raise EntryInvalid("a text is 1 to 256 characters")
    return value


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _HEX_64(value):
        raise EntryInvalid("a digest is 64 hexadecimal digits")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise EntryInvalid("a count is a whole number, 0 or more")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise EntryInvalid("a number is finite")
    return float(value)


def _numbers(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) > _MOST_KNOTS:
        raise EntryInvalid(f"knots are a list of up to {_MOST_KNOTS} numbers")
    return tuple(map(_number, values))
