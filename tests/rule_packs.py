"""Rule packs for tests: small signed folders that forbid one thing each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from countenance.policy.packs import Pack, digest_of, load_pack, signed_text
from countenance.transparency.note import Signer

ISSUER = Signer.from_seed("packs.example", bytes(range(32)))
VKEY = str(ISSUER.verifier)
HARMLESS = [{"name": "nothing", "call": {"operation": "rekognition:ListCollections"}, "breaks": []}]
_CALL = {"operation": "rekognition:SearchFacesByImage", "threshold": 80}


def rule(pack: str, rule_id: str, condition: str = "context.thresholdBp < 9500", **annotations: str) -> str:
    """A forbid of searches; with its condition."""
    said = {"id": rule_id, "message": "the threshold is {threshold}", "remedy": "raise it"} | annotations
    head = "\n".join(f"@{name}({json.dumps(words)})" for name, words in said.items())
    return f"""{head}
forbid (principal in Pack::"{pack}", action in Action::"search", resource)
when {{ context has thresholdBp && {condition} }};
"""


def write_pack(
    folder: Path,
    name: str,
    *,
    policies: str | None = None,
    obligations: str = "",
    tests: Any = None,
    signer: Signer = ISSUER,
    **manifest: Any,
) -> Path:
    """The folder of a pack whose one rule, `NAME-1`, forbids searches below 95."""
    rule_id = f"{name.upper()}-1"
    told = {
        "id": name,
        "version": "1.0",
        "title": f"The rules of {name}",
        "issuer": "nobody",
        "jurisdiction": "Nowhere",
        "kind": "house",
        "legal_review": "none",
        "in_force": {"from": "2026-01-01"},
        "binds": {},
        "sources": [{"title": "a source", "url": "https://example.com"}],
        "gates": ["low thresholds"],
        "obliges": [],
        "paper": ["the rest"],
    } | manifest
    cases = (
        (HARMLESS if policies or obligations else [{"name": "below", "call": _CALL, "breaks": [rule_id]}])
        if tests is None
        else tests
    )
    files = {
        "manifest.json": json.dumps(told).encode(),
        "policies.cedar": (rule(name, rule_id) if policies is None else policies).encode(),
        "obligations.cedar": obligations.encode(),
        "tests.json": json.dumps(cases).encode(),
    }
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    for file, data in files.items():
        (path / file).write_bytes(data)
    text = signed_text(name, told["version"], digest_of(files))
    (path / "pack.sig").write_text(f"{text}\n{signer.sign(text)}")
    return path


def make_pack(folder: Path, name: str, **given: Any) -> Pack:
    """The same, read back."""
    return load_pack(write_pack(folder, name, **given), [ISSUER.verifier])
