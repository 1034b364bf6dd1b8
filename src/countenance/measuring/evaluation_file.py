"""An evaluation as a file: read strictly, written in its one canonical form (docs/spec/evaluation.md)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from countenance.errors import InvalidEvaluation
from countenance.measuring.evaluation_shape import EVALUATION
from countenance.measuring.json_shape import WrongShape
from countenance.transparency.canonical import EntryInvalid, canonical_json

MOST_BYTES = 8 * 2**20
"""Of a file: far over what sixty-four groups and a thousand points of a curve take."""


def load_evaluation(path: Path) -> dict[str, Any]:
    """The evaluation in a file, checked.

    Raises:
        InvalidEvaluation: the file cannot be read or is over MOST_BYTES; as `parse_evaluation`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidEvaluation(f"`{path}` cannot be read: {error.strerror}") from None
    return parse_evaluation(content)


def parse_evaluation(content: bytes) -> dict[str, Any]:
    """The evaluation that the bytes of a file hold, checked.

    Raises:
        InvalidEvaluation: over MOST_BYTES, not UTF-8, not JSON, a name twice in an object, NaN or infinity;
            as `check_evaluation`.
    """
    if len(content) > MOST_BYTES:
        raise InvalidEvaluation(f"an evaluation is at most {MOST_BYTES:,} bytes")
    try:
        value = json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise InvalidEvaluation("an evaluation is not so deep") from None
    except ValueError as error:
        raise InvalidEvaluation(f"an evaluation is JSON: {error}") from None
    check_evaluation(value)
    return dict(value)


def check_evaluation(evaluation: Any) -> None:
    """That a value is an evaluation as its format says, with the members it needs and no others.

    Raises:
        InvalidEvaluation: it is not; the message names the first member that is wrong.
    """
    try:
        EVALUATION(evaluation, "")
    except WrongShape as error:
        raise InvalidEvaluation(f"no evaluation: {error}") from None


def canonical_evaluation(evaluation: dict[str, Any]) -> bytes:
    """The one encoding of an evaluation (RFC 8785): what is signed, and what `sha256sum` of the file gives.

    Raises:
        InvalidEvaluation: as `check_evaluation`.
    """
    check_evaluation(evaluation)
    try:
        return canonical_json(evaluation)
    except EntryInvalid as error:
        raise InvalidEvaluation(f"no evaluation: {error}") from None


def evaluation_digest(evaluation: dict[str, Any]) -> str:
    """SHA-256, hexadecimal, of the canonical form. Raises as `canonical_evaluation`."""
    return hashlib.sha256(canonical_evaluation(evaluation)).hexdigest()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return value


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")
