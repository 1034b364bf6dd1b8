"""Signed evaluations: a signed note over what was found and until when it counts (docs/spec/evaluation.md).

    countenance-evaluation/v1
    <SHA-256 of the evaluation's canonical form>
    <made_at>
    <expires>

    — evaluator.example/key AbCd…

As a file: the canonical form of {"evaluation": {…}, "note": "…"}. What is parsed here is from strangers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from countenance.assurance.criteria import Evidence, FiguresInvalid, parse_evidence
from countenance.facts import ModelDigests
from countenance.transparency.canonical import EntryInvalid, canonical_json
from countenance.transparency.note import ED25519, Note, NoteInvalid, Signature, Signer, Verifier

FORMAT: Final = "countenance.evaluation/1"
MAX_BYTES: Final = 4 << 20
"""Of a signed evaluation, as a file and on the wire."""
LONGEST: Final = timedelta(days=730)
USUAL: Final = timedelta(days=365)
_LABEL: Final = "countenance-evaluation/v1"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_MOST_LETTERS: Final = 128


class EvaluationInvalid(ValueError):
    """No evaluation that can count: says why, in words for whoever sent it."""


@dataclass(frozen=True, slots=True)
class SignedEvaluation:
    """An evaluation whose form, figures and dates are sound. Whose signature it has is asked of `signer_of`.

    Attributes:
        document: the evaluation's canonical form.
        digest: SHA-256 of it, hexadecimal.
        version: FaceModelVersion of the pack.
        digests: what it is an evaluation of.
        data_digest: of the photos and labels.
    """

    document: str
    note: Note
    digest: str
    pack_name: str
    version: str
    digests: ModelDigests
    data_digest: str
    made_at: datetime
    expires_at: datetime
    evidence: Evidence

    def signer_of(self, verifiers: list[Verifier]) -> Verifier:
        """The first of these keys that signed it.

        Raises:
            EvaluationInvalid: none did, or a line of theirs is no signature of this.
        """
        try:
            signed = self.note.signed_by(verifiers)
        except NoteInvalid as error:
            raise EvaluationInvalid(str(error)) from None
        if not signed:
            names = ", ".join(f"`{signature.name}`" for signature in self.note.signatures)
            raise EvaluationInvalid(f"it is signed by {names}, and no such key is trusted here")
        return signed[0]

    def is_within(self, now: datetime) -> bool:
        """Whether `now` lies in the time for which it was signed."""
        return self.made_at <= now < self.expires_at

    def to_bytes(self) -> bytes:
        """The file."""
        return to_file(self.document, str(self.note))


def to_file(document: str, note: str) -> bytes:
    """The file of a canonical document and its note."""
    return f'{{"evaluation":{document},"note":'.encode() + canonical_json(note) + b"}"


def sign_evaluation(
    evaluation: bytes, signer: Signer, *, now: datetime, lasts: timedelta = USUAL
) -> SignedEvaluation:
    """Sign what `countenance evaluate` wrote, in whatever layout.

    Args:
        lasts: how long it counts, from when it was made.

    Raises:
        EvaluationInvalid: it could not be recorded anywhere: format, digests, figures, dates.
    """
    if len(evaluation) > MAX_BYTES:
        raise EvaluationInvalid(f"it has {len(evaluation)} bytes, and may have {MAX_BYTES}")
    told = _parse(evaluation)
    document = _canonical(told)
    made_at = _time(told.get("made_at"), "made_at")
    text = _text_of(document, told["made_at"], _written(made_at + lasts))
    note = Note(text, (Signature.parse(signer.sign(text)),))
    return _read(told, document, note, now=now)


def parse_signed(data: bytes, *, now: datetime) -> SignedEvaluation:
    """Read a signed evaluation.

    Args:
        now: made later than this, it was made by a clock that is wrong, or this one is.

    Raises:
        EvaluationInvalid: says what is wrong with it.
    """
    if len(data) > MAX_BYTES:
        raise EvaluationInvalid(f"it has {len(data)} bytes, and may have {MAX_BYTES}")
    told = _parse(data)
    if told.keys() != {"evaluation", "note"}:
        raise EvaluationInvalid("a signed evaluation has the members `evaluation` and `note`, and no others")
    if _canonical(told).encode() != data:
        raise EvaluationInvalid("it is not canonical JSON (RFC 8785), or names a member twice")
    if not isinstance(told["evaluation"], dict) or not isinstance(told["note"], str):
        raise EvaluationInvalid("`evaluation` is an object and `note` a text")
    return read_stored(_canonical(told["evaluation"]), told["note"], now=now)


def read_stored(document: str, note: str, *, now: datetime | None = None) -> SignedEvaluation:
    """As `parse_signed`, of the two parts; without `now` no clock is asked.

    Raises:
        EvaluationInvalid: says what is wrong.
    """
    told = _parse(document.encode())
    if _canonical(told) != document:
        raise EvaluationInvalid("the evaluation is not canonical JSON (RFC 8785), or names a member twice")
    try:
        parsed = Note.parse(note)
    except NoteInvalid as error:
        raise EvaluationInvalid(f"its note is none: {error}") from None
    return _read(told, document, parsed, now=now)


def parse_evaluator(vkey: str) -> Verifier:
    """A key that can sign evaluations.

    Raises:
        EvaluationInvalid: it is none.
    """
    try:
        verifier = Verifier.parse(vkey)
    except NoteInvalid as error:
        raise EvaluationInvalid(f"it is no verifier key: {error}") from None
    if verifier.algorithm != ED25519:
        raise EvaluationInvalid("it is the key of a witness, which signs no evaluations")
    return verifier


def _read(told: Mapping[str, Any], document: str, note: Note, *, now: datetime | None) -> SignedEvaluation:
    if told.get("format") != FORMAT:
        raise EvaluationInvalid(f"its format is {json.dumps(told.get('format'))}, and not `{FORMAT}`")
    pack, program = _member(told, "pack"), _member(told, "program")
    calibration, data = _member(told, "calibration"), _member(told, "data")
    made_at = _time(told.get("made_at"), "made_at")
    if now is not None and made_at > now:
        raise EvaluationInvalid(
            f"it says that it was made at {told['made_at']}, which is to come: one of two clocks is wrong"
        )
    try:
        evidence = parse_evidence(told)
    except FiguresInvalid as error:
        raise EvaluationInvalid(str(error)) from None
    return SignedEvaluation(
        document=document,
        note=note,
        digest=hashlib.sha256(document.encode()).hexdigest(),
        pack_name=_name(pack, "name"),
        version=_name(pack, "face_model_version"),
        digests=ModelDigests(
            pack=_digest(pack, "digest"),
            calibration=_digest(calibration, "digest"),
            pipeline=_digest(program, "pipeline_digest"),
        ),
        data_digest=_digest(data, "digest"),
        made_at=made_at,
        expires_at=_expiry(note.text, document, told["made_at"], made_at),
        evidence=evidence,
    )


def _expiry(text: str, document: str, made: str, made_at: datetime) -> datetime:
    """Of a note that is over just this evaluation."""
    lines = text.split("\n")
    expires = lines[3] if len(lines) == 5 else ""
    if text != _text_of(document, made, expires):
        raise EvaluationInvalid("its note is over another evaluation, or over something else")
    expires_at = _time(expires, "the expiry")
    if not made_at < expires_at <= made_at + LONGEST:
        raise EvaluationInvalid(
            f"it is signed until {expires}: an evaluation counts for {LONGEST.days} days at most"
        )
    return expires_at


def _text_of(document: str, made: str, expires: str) -> str:
    return f"{_LABEL}\n{hashlib.sha256(document.encode()).hexdigest()}\n{made}\n{expires}\n"


def _parse(data: bytes) -> dict[str, Any]:
    try:
        told = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise EvaluationInvalid(f"it is no JSON: {error}") from None
    if not isinstance(told, dict):
        raise EvaluationInvalid("it is not an object")
    return told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is named twice")
    return members


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _canonical(told: Mapping[str, Any]) -> str:
    try:
        return canonical_json(told).decode()
    except EntryInvalid as error:
        raise EvaluationInvalid(str(error)) from None


def _member(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name)
    if not isinstance(value, dict):
        raise EvaluationInvalid(f"it has no `{name}`")
    return value


def _digest(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise EvaluationInvalid(f"`{name}` is no SHA-256 in 64 hexadecimal digits")
    return value


def _name(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_LETTERS or not value.isprintable():
        raise EvaluationInvalid(f"`{name}` of the pack is not 1 to {_MOST_LETTERS} printable characters")
    return value


def _time(text: Any, what: str) -> datetime:
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise EvaluationInvalid(f"{what} is no time: it looks like 2026-11-27T02:00:00Z")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise EvaluationInvalid(f"{what} is no time: it looks like 2026-11-27T02:00:00Z") from None


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
