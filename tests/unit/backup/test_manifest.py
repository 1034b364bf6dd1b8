"""What a backup says of itself is believed only under the log's own key."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from countenance.backup.manifest import Manifest, TableFacts, require_signed, sign
from countenance.errors import SetupError
from countenance.transparency.note import Signer

ORIGIN = "log.example/house"
KEY = Signer.from_seed(ORIGIN, b"\x01" * 32)
MANIFEST = Manifest(
    made_at="2026-11-26T18:37:02+00:00",
    made_by="1.0",
    origin=ORIGIN,
    log_keys=(str(KEY.verifier),),
    entries=7,
    checkpoint="",
    migrations=((1, "0001_initial.sql", "00"),),
    tables={"face": TableFacts(("face_id",), 3, "00")},
    sequences={"s": 4},
    files={"keys/master.key": "00"},
    tombstones=(2, "ab"),
    fingerprint="00",
)


def test_it_reads_as_it_was_written():
    """Every member of it."""
    assert Manifest.from_bytes(MANIFEST.to_bytes()) == MANIFEST


def test_a_signature_holds_for_its_manifest_alone():
    """One byte of difference is another backup."""
    content = MANIFEST.to_bytes()
    note = sign(content, ORIGIN, KEY)
    require_signed(content, note, [KEY.verifier], origin=ORIGIN)
    with pytest.raises(SetupError, match="of another backup"):
        require_signed(replace(MANIFEST, entries=8).to_bytes(), note, [KEY.verifier], origin=ORIGIN)


def test_somebody_elses_signature_is_told_with_both_names():
    """Whoever has the public recipient can encrypt to it."""
    content, other = MANIFEST.to_bytes(), Signer.from_seed("log.example/other", b"\x02" * 32)
    with pytest.raises(SetupError, match=r"signed by `log\.example/other` and not by `log\.example/house"):
        require_signed(content, sign(content, ORIGIN, other), [KEY.verifier], origin=ORIGIN)
    same_name = Signer.from_seed(ORIGIN, b"\x03" * 32)
    with pytest.raises(SetupError, match="signed by"):
        require_signed(content, sign(content, ORIGIN, same_name), [KEY.verifier], origin=ORIGIN)


def test_a_forged_signature_is_told():
    """Under the right key's name and hash."""
    content = MANIFEST.to_bytes()
    note = sign(content, ORIGIN, KEY)
    forged = note.replace(note[-20:-10], "AAAAAAAAAA")
    with pytest.raises(SetupError, match="forged"):
        require_signed(content, forged, [KEY.verifier], origin=ORIGIN)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff"])
def test_what_is_no_manifest_is_told(content):
    with pytest.raises(SetupError, match="manifest cannot be read"):
        Manifest.from_bytes(content)


def test_another_format_is_told_with_both_numbers():
    told = json.loads(MANIFEST.to_bytes()) | {"format": 2}
    with pytest.raises(SetupError, match="format 2 and this program reads 1"):
        Manifest.from_bytes(json.dumps(told).encode())
