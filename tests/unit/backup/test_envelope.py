"""What a backup is wrapped in: who opens it, and what happens to one that was cut short or changed."""

from __future__ import annotations

import io
import os

import pytest

from countenance.backup.envelope import (
    EnvelopeDamaged,
    decrypted,
    encrypted,
    load_identities,
    make_identity,
    parse_recipient,
)
from countenance.errors import SetupError

CONTENT = os.urandom(200_000)


@pytest.fixture(scope="module")
def identities(tmp_path_factory):
    path = tmp_path_factory.mktemp("identity") / "own"
    make_identity(path)
    return load_identities(path)


@pytest.fixture(scope="module")
def sealed(identities):
    target = io.BytesIO()
    with encrypted(target, [identities[0].to_public()]) as sink:
        sink.write(CONTENT)
    return target.getvalue()


def opened(sealed, identities):
    with decrypted(io.BytesIO(sealed), identities, name="a.backup") as plain:
        return plain.read()


def test_what_is_sealed_opens(sealed, identities):
    """And is not there in clear."""
    assert opened(sealed, identities) == CONTENT
    assert CONTENT[:64] not in sealed


@pytest.mark.parametrize("part", [0, 0.0001, 0.001, 0.01, 0.3, 0.5, 0.9, 0.99999])
def test_one_that_was_cut_short_does_not_end_well(sealed, identities, part):
    """At its header, between and within its parts."""
    with pytest.raises(EnvelopeDamaged, match="cut short"):
        opened(sealed[: int(len(sealed) * part)], identities)


def test_a_cut_at_the_end_of_a_part_is_seen_too(sealed, identities):
    """Parts are whole then, and the last of them is not marked as such."""
    header = sealed.index(b"\n---")
    body = sealed.index(b"\n", header + 1) + 1 + 16
    for parts in (1, 2, 3):
        with pytest.raises(EnvelopeDamaged):
            opened(sealed[: body + parts * (65_536 + 16)], identities)


@pytest.mark.parametrize("part", [0.0, 0.0005, 0.2, 0.6, 0.99999])
def test_a_flipped_bit_is_seen(sealed, identities, part):
    """Wherever it is."""
    content = bytearray(sealed)
    content[int(len(sealed) * part)] ^= 0x10
    with pytest.raises(SetupError):
        opened(bytes(content), identities)


def test_somebody_elses_identity_opens_nothing(sealed, tmp_path):
    """And it is said that it is the identity, not the file."""
    make_identity(tmp_path / "other")
    with pytest.raises(SetupError, match="is not encrypted to this identity"):
        opened(sealed, load_identities(tmp_path / "other"))


def test_each_of_several_recipients_opens_it(tmp_path):
    """One may be in a safe."""
    recipients = [make_identity(tmp_path / name) for name in ("first", "second")]
    target = io.BytesIO()
    with encrypted(target, [parse_recipient(each) for each in recipients]) as sink:
        sink.write(b"both")
    for name in ("first", "second"):
        assert opened(target.getvalue(), load_identities(tmp_path / name)) == b"both"


def test_an_identity_with_a_passphrase_opens_with_it_alone(tmp_path):
    """Neither without one nor with another."""
    path = tmp_path / "locked"
    make_identity(path, passphrase="open sesame")
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"AGE-SECRET-KEY" not in path.read_bytes()
    assert len(load_identities(path, passphrase="open sesame")) == 1
    with pytest.raises(SetupError, match="has a passphrase"):
        load_identities(path)
    with pytest.raises(SetupError, match="does not open with this passphrase"):
        load_identities(path, passphrase="open barley")


def test_an_identity_is_never_overwritten(tmp_path):
    """What was encrypted to it would be lost."""
    make_identity(tmp_path / "own")
    before = (tmp_path / "own").read_bytes()
    with pytest.raises(SetupError, match="is there already"):
        make_identity(tmp_path / "own")
    assert (tmp_path / "own").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"nothing\n", b"AGE-SECRET-KEY-1NONSENSE\n"])
def test_what_is_no_identity_is_told(tmp_path, content):
    """By its file."""
    (tmp_path / "own").write_bytes(content)
    with pytest.raises(SetupError, match="holds no identity"):
        load_identities(tmp_path / "own")


def test_what_is_no_recipient_is_told():
    """An identity given for it as well, and it is not repeated."""
    with pytest.raises(SetupError, match="no recipient"):
        parse_recipient("age1nobody")


class FullDisk(io.RawIOBase):
    """Takes so much and no more."""

    def __init__(self, room):
        self._room = room

    def writable(self):
        return True

    def write(self, data):
        self._room -= len(data)
        if self._room < 0:
            raise OSError(28, "No space left on device")
        return len(data)


@pytest.mark.parametrize("room", [0, 1_000, 100_000])
def test_a_full_disk_is_told_as_such(identities, room):
    """Whoever writes is not left waiting."""
    with (
        pytest.raises(OSError, match="No space left"),
        encrypted(FullDisk(room), [identities[0].to_public()]) as sink,
    ):
        for _ in range(200):
            sink.write(CONTENT)


def test_who_stops_reading_is_not_waited_for(sealed, identities):
    """And no thread of ours stays behind a full pipe."""
    with (
        pytest.raises(RuntimeError, match="enough"),
        decrypted(io.BytesIO(sealed), identities, name="x") as plain,
    ):
        plain.read(10)
        raise RuntimeError("enough")
