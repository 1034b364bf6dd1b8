from __future__ import annotations

import base64
import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.transparency.note import (
    COSIGNATURE,
    ED25519,
    MAX_SIGNATURES,
    Note,
    NoteInvalid,
    Signature,
    Signer,
    Verifier,
    decode_base64,
)

LOG = Signer.from_seed("example.com/log", bytes(range(32)))
WITNESS = Signer.from_seed("witness.example/w1", bytes(range(32, 64)), COSIGNATURE)
STRANGER = Signer.from_seed("example.com/log", bytes(32))
TEXT = "example.com/log\n300\nyjk9Apa+xeC43KuYO9H7fRRh9RLnJny4ljGtJv1m2Eg=\n"

# golang.org/x/mod/sumdb/note opened this note, and wrote the log's line of it out of the same seed.
LOG_VKEY = "example.com/log+d455c521+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS_VKEY = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
LOG_LINE = (
    "— example.com/log 1FXFITdDQzyOwhlG908+SUc0DN6p14IZ08ClW8ASq5qsHDL5L4nrvJnhCAttKoIxT8urI80JKqWI44OlWlLHI"
    "jMeSAc=\n"
)
WITNESS_LINE = (
    "— witness.example/w1 IDJKvgAAAABlU/EAQycHOQUXV3+G+i142fFZ+fL1j0jghcE/WWfeGnakc2vFdOroVm5xYk3umbPW1LuvFI"
    "cpZja7mEOXAjnWHuJsAQ==\n"
)
NOTE = f"{TEXT}\n{LOG_LINE}{WITNESS_LINE}"

NAMES = st.text(min_size=1, max_size=20).filter(
    lambda name: not any(c <= " " or c == "+" or c.isspace() or "\ud800" <= c <= "\udfff" for c in name)
)
SIGNATURES = st.builds(
    Signature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)
)
TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]) | st.just("\n")).map(
    lambda text: text + "\n"
)


def is_refused(note: str) -> bool:
    try:
        Note.parse(note)
    except NoteInvalid:
        return True
    return False


def with_line(line: str) -> str:
    return f"{TEXT}\n{line}"


def test_notes_are_as_another_implementation_writes_and_opens_them():
    """Ed25519 has no chance in it: the same seed and text give the same line anywhere."""
    assert str(LOG.verifier) == LOG_VKEY
    assert str(WITNESS.verifier) == WITNESS_VKEY
    assert LOG.sign(TEXT) == LOG_LINE
    assert WITNESS.sign(TEXT, now=1_700_000_000) == WITNESS_LINE
    note = Note.parse(NOTE)
    assert note.text == TEXT
    assert str(note) == NOTE
    assert note.signed_by([LOG.verifier, WITNESS.verifier]) == [LOG.verifier, WITNESS.verifier]


def test_a_witness_line_tells_its_time():
    """When a witness saw a tree is part of what it says."""
    signature = Note.parse(NOTE).find_signature(WITNESS.verifier)
    assert signature is not None
    assert signature.timestamp_s == 1_700_000_000
    assert Signature.parse(WITNESS.sign(TEXT)).timestamp_s == pytest.approx(time.time(), abs=60)


def test_a_plain_signature_has_no_time():
    """Eight bytes of a signature are not a time."""
    with pytest.raises(NoteInvalid, match="without a time"):
        _ = Signature.parse(LOG_LINE).timestamp_s


def test_a_line_that_is_not_there_is_not_found():
    """The other side of finding one."""
    assert Note.parse(NOTE).find_signature(STRANGER.verifier) is None


@pytest.mark.parametrize("place", [0, 7, 8, 40, 71])
def test_a_cosignature_with_a_changed_byte_is_none(place: int):
    """The time is signed as well as the text."""
    value = bytearray(Signature.parse(WITNESS_LINE).value)
    value[place] ^= 1
    assert not WITNESS.verifier.verify(TEXT, bytes(value))


def test_a_cosignature_is_over_its_text_and_nothing_else():
    """A plain signature by the same key is none, nor is one cut short or of a time beyond 63 bits."""
    value = Signature.parse(WITNESS_LINE).value
    assert WITNESS.verifier.verify(TEXT, value)
    assert not WITNESS.verifier.verify("other\n" + TEXT, value)
    assert not WITNESS.verifier.verify(TEXT, WITNESS.sign_bytes(TEXT.encode()))
    late = 2**63
    signed = WITNESS.sign_bytes(f"cosignature/v1\ntime {late}\n{TEXT}".encode())
    assert not WITNESS.verifier.verify(TEXT, late.to_bytes(8, "big") + signed)
    assert not any(WITNESS.verifier.verify(TEXT, value[:length]) for length in range(len(value)))


@pytest.mark.parametrize("now", [-1, 2**63])
def test_no_cosignature_is_made_at_a_time_that_cannot_be_written(now: int):
    """63 bits of seconds since 1970."""
    with pytest.raises(NoteInvalid, match="no time"):
        WITNESS.sign(TEXT, now=now)


def test_lines_of_unknown_keys_say_nothing():
    """Anybody can add a line, even under the log's name; it neither counts nor harms."""
    note = Note.parse(with_line(STRANGER.sign(TEXT) + LOG_LINE))
    assert note.signed_by([LOG.verifier]) == [LOG.verifier]
    assert note.signed_by([WITNESS.verifier]) == []
    assert note.signed_by([]) == []


def test_a_key_counts_once_however_often_it_is_named_or_signs():
    """A quorum is one of keys, not of lines."""
    note = Note.parse(with_line(LOG_LINE + WITNESS.sign(TEXT, now=1) + WITNESS.sign(TEXT, now=2)))
    assert note.signed_by([WITNESS.verifier, WITNESS.verifier]) == [WITNESS.verifier]


@pytest.mark.parametrize("order", [1, -1])
def test_a_bad_line_of_a_known_key_spoils_the_note(order: int):
    """Also behind a good line of the same key: nothing here can be believed."""
    forged = Signature("example.com/log", LOG.verifier.key_hash, bytes(64))
    note = Note.parse(with_line("".join([LOG_LINE, str(forged)][::order])))
    with pytest.raises(NoteInvalid, match="not over this text"):
        note.signed_by([LOG.verifier])


def test_a_signature_over_another_text_is_refused():
    """The point of signing."""
    with pytest.raises(NoteInvalid):
        Note.parse(NOTE.replace("300", "301")).signed_by([LOG.verifier])


def test_a_text_may_hold_empty_lines():
    """The last empty line divides."""
    text = "one\n\ntwo\n\n"
    note = Note.parse(f"{text}\n{LOG.sign(text)}")
    assert note.text == text
    assert note.signed_by([LOG.verifier]) == [LOG.verifier]


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        TEXT,
        TEXT + LOG_LINE,
        f"{TEXT}\n",
        f"\n{LOG_LINE}",
        with_line(LOG_LINE[:-1]),
        with_line(LOG_LINE + "\n"),
        with_line(LOG_LINE + "x"),
        with_line(LOG_LINE + "x\n"),
        with_line(LOG_LINE[2:]),
        with_line(LOG_LINE.replace("—", "-")),
        with_line(LOG_LINE.replace("— ", "—  ")),
        with_line(LOG_LINE.replace("log ", "log  ")),
        with_line(LOG_LINE.replace("log ", "log\u00a0x ")),
        with_line(LOG_LINE.replace("log ", "log+x ")),
        with_line(LOG_LINE.replace("Ac=", "Ac")),
        with_line(LOG_LINE.replace("Ac=", "Ad=")),
        with_line(LOG_LINE.replace("Ac=", "A c=")),
        with_line(LOG_LINE.replace("+", "-")),
        with_line(LOG_LINE.replace("\n", " \n")),
        with_line(LOG_LINE.replace("\n", "\r\n")),
        with_line("— a AAAAAA==\n"),
        with_line("— a\n"),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("300", "3\t0"),
        NOTE.replace("300", "3\x000"),
        NOTE.replace("300", "3\ud8000"),
    ],
)
def test_what_is_not_quite_a_note_is_refused(note: str):
    """What two readers could read in two ways is read by none."""
    assert is_refused(note)


def test_a_note_has_at_most_64_lines():
    """A stranger's note must not keep us busy; the specification asks for 16."""
    assert len(Note.parse(with_line(LOG_LINE * MAX_SIGNATURES)).signatures) == MAX_SIGNATURES
    assert is_refused(with_line(LOG_LINE * (MAX_SIGNATURES + 1)))
    assert is_refused(with_line(LOG_LINE * (MAX_SIGNATURES + 2)))


@pytest.mark.parametrize("text", ["", "x", "x\ty\n", "x\r\n", "\ud800\n"])
def test_only_a_notes_text_is_signed(text: str):
    """A signer that signs anything signs too much."""
    with pytest.raises(NoteInvalid):
        LOG.sign(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "a\u2003b", "a\x1fb", "a\x01", "\ud800"])
@pytest.mark.parametrize("algorithm", [ED25519, COSIGNATURE])
def test_a_name_that_a_line_cannot_carry_is_refused(name: str, algorithm: int):
    """It would be read back as something else."""
    with pytest.raises(NoteInvalid):
        Signer.generate(name, algorithm)


@pytest.mark.parametrize("algorithm", [0, 2, 5, 6, 255])
def test_other_algorithms_are_refused(algorithm: int):
    """We verify what we know."""
    with pytest.raises(NoteInvalid, match="algorithm"):
        Verifier("a", algorithm, bytes(32))


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a",
        "a+b",
        LOG_VKEY + "\n",
        " " + LOG_VKEY,
        LOG_VKEY[:-1],
        LOG_VKEY[:-4],
        LOG_VKEY.replace("example", "elpmaxe"),
        LOG_VKEY.replace("+d455c521", "+D455C521"),
        LOG_VKEY.replace("+d455c521", "+d455c522"),
        LOG_VKEY.replace("+d455c521", ""),
        "a+00000000+",
        "a+00000000+AQ==",
    ],
)
def test_a_malformed_verifier_key_is_refused(vkey: str):
    """A key is what everything else rests on."""
    with pytest.raises(NoteInvalid):
        Verifier.parse(vkey)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33), bytes(64)])
def test_a_seed_has_32_bytes(seed: bytes):
    """Anything else is a damaged file."""
    with pytest.raises(NoteInvalid, match="32 bytes"):
        Signer.from_seed("a", seed)


@pytest.mark.parametrize("algorithm", [ED25519, COSIGNATURE])
def test_a_key_survives_being_written_down(algorithm: int):
    """Its seed gives the signer again, its vkey the verifier."""
    signer = Signer.generate("example.com/log", algorithm)
    assert Signer.from_seed("example.com/log", signer.seed, algorithm).verifier == signer.verifier
    assert Verifier.parse(str(signer.verifier)) == signer.verifier


def test_a_signer_does_not_show_its_key():
    """It may end up in a message."""
    assert repr(LOG.seed) not in repr(LOG)
    assert LOG.seed.hex() not in repr(LOG)


def test_plain_bytes_are_signed_and_verified():
    """The exchange of a key is signed by both keys, of whatever algorithm."""
    for signer in (LOG, WITNESS):
        assert signer.verifier.verify_bytes(b"data", signer.sign_bytes(b"data"))
        assert not signer.verifier.verify_bytes(b"Data", signer.sign_bytes(b"data"))
        assert not signer.verifier.verify_bytes(b"data", signer.sign_bytes(b"data")[:-1])


@pytest.mark.parametrize("key", [bytes(32), b"\xff" * 32, b"\x01" + bytes(31)])
def test_a_degenerate_key_verifies_no_made_up_signature(key: bytes):
    """Whatever the library does with it, it must not raise."""
    assert not Verifier("a", ED25519, key).verify(TEXT, b"\xff" * 64)


@given(TEXTS, st.lists(SIGNATURES, min_size=1, max_size=5))
def test_a_written_note_is_read_back(text: str, signatures: list[Signature]):
    """Text and lines, whatever the characters."""
    note = Note(text, tuple(signatures))
    assert Note.parse(str(note)) == note


@given(NAMES, st.sampled_from([ED25519, COSIGNATURE]), st.binary(min_size=32, max_size=32))
def test_a_written_verifier_key_is_read_back(name: str, algorithm: int, key: bytes):
    """For every name a key can have."""
    verifier = Verifier(name, algorithm, key)
    assert Verifier.parse(str(verifier)) == verifier


@given(st.text() | st.text(alphabet="\n— aA=+/\u00a0\ud800").map(lambda drawn: f"x\n\n— {drawn}\n"))
def test_whatever_is_read_as_a_note_is_written_the_same(drawn: str):
    """Parsing raises one error or loses nothing."""
    try:
        note = Note.parse(drawn)
    except NoteInvalid:
        return
    assert str(note) == drawn


@given(st.text() | st.text(alphabet="+aA0=\n").map(lambda drawn: f"a+{drawn}"))
def test_whatever_is_read_as_a_key_or_line_is_written_the_same(drawn: str):
    """Likewise of its parts."""
    for parse in (Verifier.parse, Signature.parse):
        with contextlib.suppress(NoteInvalid):
            assert str(parse(drawn)) == drawn


@given(st.text(alphabet="AQgw=+/ \n-_é", max_size=12))
def test_bytes_have_one_base64(drawn: str):
    """Another spelling would be another note with the same meaning."""
    with contextlib.suppress(ValueError):
        assert base64.b64encode(decode_base64(drawn)).decode() == drawn
