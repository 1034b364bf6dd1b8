"""Rule packs: guidelines that governments, agencies and houses set, as signed folders that may only forbid.

<id>/manifest.json       what it is, from when, whom it binds, where it comes from, what stays on paper
<id>/policies.cedar      forbids, each bound to the pack: `forbid (principal in Pack::"<id>", ...)`
<id>/obligations.cedar   duties: permits that allow nothing, each with an @obligation
<id>/tests.json          calls, and the rules of the pack that each of them breaks
<id>/pack.sig            a signed note (C2SP) over id, version and digest, by the issuer

Nothing is taken of a pack before its signature verifies, and no pack is used whose own tests fail.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from countenance.errors import SetupError
from countenance.facts import PROFILES
from countenance.policy.rules import Rule, read_rules
from countenance.transparency.note import Note, NoteInvalid, Verifier

FILES: Final = ("manifest.json", "policies.cedar", "obligations.cedar", "tests.json")
SIGNATURE: Final = "pack.sig"
_HEADING = "countenance-pack/v1"
_MAX_FILE_BYTES = 1 << 20
_KINDS = ("law", "agency", "house", "profile", "standard")
_MEMBERS = {
    "id": str, "version": str, "title": str, "issuer": str, "jurisdiction": str, "kind": str,
    "legal_review": str, "in_force": dict, "binds": dict, "sources": list, "gates": list, "obliges": list,
    "paper": list,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a pack says of itself.

    Attributes:
        legal_review: always `none`: no lawyer has read it, and every place that shows it says so.
        since, until: days between which its rules are in force, where a rule does not say itself.
        profiles, purposes: whom it binds: accounts of these profiles and calls under these purposes;
            everybody where both are empty.
        always: in force without being activated.
        gates, obliges, paper: what it refuses, what it makes a duty, and what no software can check.
        note: what else a reader has to know.
    """

    pack: str
    version: str
    title: str
    issuer: str
    jurisdiction: str
    kind: str
    legal_review: str
    since: date | None
    until: date | None
    profiles: tuple[str, ...]
    purposes: tuple[str, ...]
    always: bool
    sources: tuple[Mapping[str, str], ...]
    gates: tuple[str, ...]
    obliges: tuple[str, ...]
    paper: tuple[str, ...]
    note: str

    def binds(self, profile: str, purpose: str | None) -> bool:
        if not self.profiles and not self.purposes:
            return True
        return profile in self.profiles or purpose in self.purposes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack whose signature was verified.

    Attributes:
        digest: SHA-256 over its four files, hexadecimal; in the log when it is activated, and in what every
            decision's policy digest is made of.
        signed_by: the name of the key.
    """

    manifest: Manifest
    rules: tuple[Rule, ...]
    obligations: tuple[Rule, ...]
    tests: tuple[Mapping[str, Any], ...]
    digest: str
    signed_by: str

    @property
    def pack_id(self) -> str:
        return self.manifest.pack

    def state(self, today: date) -> str:
        """`enforce` as soon as one of its rules is in force."""
        states = {rule.state(today) for rule in (*self.rules, *self.obligations)}
        return next((state for state in ("enforce", "shadow", "ended") if state in states), "enforce")


@dataclass(frozen=True, slots=True)
class Activation:
    """How a pack is used on this server.

    Attributes:
        mode: `enforce` or `shadow`: evaluated and reported, not enforced.
        accounts: whom it is for; None: for everybody whom it binds.
    """

    pack: str
    mode: str = "enforce"
    accounts: frozenset[str] | None = None


def shipped_packs() -> Traversable:
    """The folder of packs that come with the program."""
    return resources.files("countenance.policy").joinpath("packs")


def shipped_issuers() -> list[Verifier]:
    """Whose signatures on packs are trusted from the start."""
    text = shipped_packs().joinpath("issuers.txt").read_text("utf-8")
    return [Verifier.parse(line) for line in text.splitlines() if line and not line.startswith("#")]


def load_packs(folder: Traversable, issuers: Sequence[Verifier]) -> dict[str, Pack]:
    """Every pack of a folder, by id; what is no folder is passed over.

    Raises:
        SetupError: a damaged pack, or one that nobody trusted has signed.
    """
    packs = (load_pack(entry, issuers) for entry in _entries(folder) if entry.is_dir())
    return {pack.pack_id: pack for pack in packs}


def load_pack(folder: Traversable, issuers: Sequence[Verifier]) -> Pack:
    """One pack, its signature verified first.

    Raises:
        SetupError: a file is missing, too long or damaged; the signature is of nobody trusted; it permits.
    """
    name = folder.name
    remedy = f"get the pack `{name}` anew from its issuer"
    files = {file: _read(folder, file, remedy) for file in FILES}
    digest = digest_of(files)
    manifest = _parse_manifest(files["manifest.json"], name, remedy)
    signed_by = _verify(_read(folder, SIGNATURE, remedy), manifest, digest, issuers)
    try:
        texts = [files[file].decode() for file in ("policies.cedar", "obligations.cedar")]
    except UnicodeDecodeError as error:
        raise SetupError(f"the pack `{name}` is damaged: {error}", remedy=remedy) from None
    rules, obligations = (
        read_rules(text, pack=name, remedy=remedy, since=manifest.since, until=manifest.until)
        for text in texts
    )
    for rule in rules:
        if not rule.is_forbid:
            raise SetupError(
                f"`{rule.rule_id}` of the pack `{name}` permits: a pack may only forbid", remedy=remedy
            )
    for rule in obligations:
        if rule.is_forbid or not rule.obligation:
            raise SetupError(f"`{rule.rule_id}` of the pack `{name}` is no obligation", remedy=remedy)
    tests = _json(files["tests.json"], name, remedy)
    if not isinstance(tests, list) or not tests:
        raise SetupError(f"the pack `{name}` has no tests", remedy=remedy)
    return Pack(
        manifest=manifest,
        rules=tuple(rules),
        obligations=tuple(obligations),
        tests=tuple(tests),
        digest=digest,
        signed_by=signed_by,
    )


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the names, lengths and bytes of a pack's four files, hexadecimal."""
    whole = hashlib.sha256()
    for file in FILES:
        whole.update(f"{file} {len(files[file])}\n".encode() + files[file])
    return whole.hexdigest()


def signed_text(pack: str, version: str, digest: str) -> str:
    """What the issuer of a pack signs."""
    return f"{_HEADING}\n{pack}\n{version}\n{digest}\n"


def _entries(folder: Traversable) -> list[Traversable]:
    return sorted(folder.iterdir(), key=lambda entry: entry.name)


def _read(folder: Traversable, file: str, remedy: str) -> bytes:
    entry = folder.joinpath(file)
    try:
        if isinstance(entry, Path) and (entry.is_symlink() or (entry.exists() and not entry.is_file())):
            raise SetupError(f"`{file}` of the pack `{folder.name}` is no plain file", remedy=remedy)
        with entry.open("rb") as opened:
            data = opened.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SetupError(
            f"`{file}` of the pack `{folder.name}` cannot be read ({error.strerror})", remedy=remedy
        ) from None
    if len(data) > _MAX_FILE_BYTES:
        raise SetupError(
            f"`{file}` of the pack `{folder.name}` is longer than {_MAX_FILE_BYTES} bytes", remedy=remedy
        )
    return data


def _verify(note: bytes, manifest: Manifest, digest: str, issuers: Iterable[Verifier]) -> str:
    trusted = list(issuers)
    untrusted = SetupError(
        f"the pack `{manifest.pack}` carries no signature of an issuer that is trusted here",
        remedy="get it anew from its issuer, or trust the issuer's key (`countenance policy trust VKEY`)",
    )
    try:
        parsed = Note.parse(note.decode())
        signers = parsed.signed_by(trusted)
    except (NoteInvalid, UnicodeDecodeError):
        raise untrusted from None
    if not signers:
        raise untrusted
    if parsed.text != signed_text(manifest.pack, manifest.version, digest):
        raise SetupError(
            f"the pack `{manifest.pack}` was changed after it was signed",
            remedy="get it anew from its issuer",
        )
    return signers[0].name


def _parse_manifest(data: bytes, name: str, remedy: str) -> Manifest:
    told = _json(data, name, remedy)
    damaged = SetupError(f"the manifest of the pack `{name}` is damaged", remedy=remedy)
    if not isinstance(told, dict) or any(
        not isinstance(told.get(key), kind) for key, kind in _MEMBERS.items()
    ):
        raise damaged
    binds = {"profiles": [], "purposes": []} | told["binds"]
    if (
        any(not isinstance(listed, list) for listed in binds.values())
        or any(not isinstance(text, str) for listed in binds.values() for text in listed)
        or told["id"] != name
        or told["kind"] not in _KINDS
        or told["legal_review"] != "none"
        or not set(binds["profiles"]) <= set(PROFILES)
    ):
        raise damaged
    try:
        since, until = (
            date.fromisoformat(day) if (day := told["in_force"].get(bound)) else None
            for bound in ("from", "until")
        )
    except (TypeError, ValueError):
        raise damaged from None
    return Manifest(
        pack=name,
        version=told["version"],
        title=told["title"],
        issuer=told["issuer"],
        jurisdiction=told["jurisdiction"],
        kind=told["kind"],
        legal_review=told["legal_review"],
        since=since,
        until=until,
        profiles=tuple(binds["profiles"]),
        purposes=tuple(binds["purposes"]),
        always=told.get("always") is True,
        sources=tuple(told["sources"]),
        gates=tuple(told["gates"]),
        obliges=tuple(told["obliges"]),
        paper=tuple(told["paper"]),
        note=str(told.get("note", "")),
    )


def _json(data: bytes, name: str, remedy: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SetupError(f"the pack `{name}` is damaged: {error}", remedy=remedy) from None
