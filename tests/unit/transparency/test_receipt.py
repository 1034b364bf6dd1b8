from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.transparency.note import COSIGNATURE, Signer
from countenance.transparency.receipt import (
    Receipt,
    ReceiptInvalid,
    parse_receipt,
    sign_receipt,
    verify_receipt,
)

AT = datetime(2026, 11, 23, 3, 15, 13, 123_000, tzinfo=UTC)
SIGNER = Signer.from_seed("example.com/log/receipts", bytes(range(32)))
EVENT_ID = uuid.UUID("6c1b6b8a-7f0e-4c35-9d2a-0f5a1b2c3d4e")
LEAF_HASH = bytes(range(32))
TEXT = (
    "countenance-receipt/v1\n"
    "example.com/log\n"
    "6c1b6b8a-7f0e-4c35-9d2a-0f5a1b2c3d4e\n"
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    "2026-11-23T03:15:13.123Z\n"
    "2026-11-23T03:15:18.123Z\n"
)


def a_receipt(**changes) -> Receipt:
    values = {
        "origin": "example.com/log",
        "event_id": EVENT_ID,
        "leaf_hash": LEAF_HASH,
        "at": AT,
        "merge_by": AT + timedelta(seconds=5),
    }
    return Receipt(**(values | changes))


def signed(text: str, signer: Signer = SIGNER) -> str:
    return base64.b64encode(f"{text}\n{signer.sign(text)}".encode()).decode()


def test_a_receipt_is_six_lines():
    """As docs/spec/audit-log.md has them."""
    assert a_receipt().text == TEXT
    assert Receipt.parse(TEXT) == a_receipt()


def test_a_signed_receipt_is_one_line_and_verifies():
    """It travels in a header and is kept for years."""
    header = sign_receipt(a_receipt(), SIGNER)
    assert header.isascii()
    assert header.isprintable()
    assert header == signed(TEXT)
    assert verify_receipt(header, [SIGNER.verifier]) == a_receipt()
    receipt, note = parse_receipt(header)
    assert receipt == a_receipt()
    assert note.signed_by([SIGNER.verifier]) == [SIGNER.verifier]


def test_times_are_kept_in_utc_to_the_millisecond():
    """What is compared is what was signed."""
    at = AT.astimezone(timezone(timedelta(hours=2))) + timedelta(microseconds=999)
    receipt = a_receipt(at=at, merge_by=at + timedelta(seconds=5))
    assert receipt == a_receipt()
    assert receipt.text == TEXT


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": ""},
        {"origin": "a\nb"},
        {"leaf_hash": LEAF_HASH[1:]},
        {"at": AT.replace(tzinfo=None)},
        {"merge_by": AT.replace(tzinfo=None)},
        {"merge_by": AT - timedelta(milliseconds=1)},
        {"merge_by": AT + timedelta(milliseconds=5001)},
        {"merge_by": datetime.max.replace(tzinfo=UTC)},
        {"at": datetime.min.replace(tzinfo=UTC)},
    ],
)
def test_a_promise_that_binds_nobody_is_refused(changes):
    """One without a date, to a day that never comes, or of what nobody can look up."""
    with pytest.raises(ReceiptInvalid):
        a_receipt(**changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n" * 6,
        TEXT[:-1],
        TEXT + "\n",
        "\n" + TEXT,
        TEXT.replace("v1", "v2"),
        TEXT.replace("6c1b6b8a", "6C1B6B8A"),
        TEXT.replace("6c1b6b8a-", "6c1b6b8a"),
        TEXT.replace("6c1b6b8a", "{6c1b6b8a"),
        TEXT.replace("6c1b6b8a", "x"),
        TEXT.replace("8=", "9="),
        TEXT.replace("AAEC", ""),
        TEXT.replace("13.123Z", "13Z"),
        TEXT.replace("13.123Z", "13.1234Z"),
        TEXT.replace("13.123Z", "19.123Z"),
        TEXT.replace("18.123Z", "18.124Z"),
        TEXT.replace("18.123Z", "13.122Z"),
        TEXT.replace("T", " "),
        TEXT.replace("\n", "\r\n"),
    ],
)
def test_what_is_not_quite_a_receipt_is_refused(text: str):
    """Signed or not: a reader must not have to guess what was promised."""
    with pytest.raises(ReceiptInvalid):
        Receipt.parse(text)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        signed(TEXT) + "\n",
        signed(TEXT)[:-4],
        " " + signed(TEXT),
        base64.b64encode(TEXT.encode()).decode(),
        base64.b64encode(b"\xff\n\n\xe2\x80\x94 a AAAAAAA=\n").decode(),
        signed("example.com/log\n1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"),
    ],
)
def test_a_header_that_holds_no_receipt_is_refused(header: str):
    """Damaged, or a note about something else."""
    with pytest.raises(ReceiptInvalid):
        parse_receipt(header)


def test_a_receipt_of_no_known_key_is_refused():
    """Nobody answers for it."""
    for verifiers in ([], [Signer.generate("example.com/log/receipts").verifier]):
        with pytest.raises(ReceiptInvalid, match="no known key"):
            verify_receipt(signed(TEXT), verifiers)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("example.com/log", 1), ("other.example/log/receipts", 1), ("example.com/log/receipts", COSIGNATURE)],
)
def test_a_key_for_something_else_gives_no_receipts(name: str, algorithm: int):
    """Neither the log's key nor another log's, though we know them; nor is one written with such a key."""
    other = Signer.generate(name, algorithm)
    with pytest.raises(ReceiptInvalid, match="no known key"):
        verify_receipt(signed(TEXT, other), [other.verifier])
    with pytest.raises(ReceiptInvalid, match="is signed by"):
        sign_receipt(a_receipt(), other)


def test_a_changed_receipt_is_refused():
    """The point of signing it."""
    forged = base64.b64decode(signed(TEXT)).replace(b":13.123Z", b":14.123Z")
    with pytest.raises(ReceiptInvalid, match="not over this text"):
        verify_receipt(base64.b64encode(forged).decode(), [SIGNER.verifier])


MOMENTS = st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year < 9999)


@given(st.uuids(), st.binary(min_size=32, max_size=32), MOMENTS)
def test_a_written_receipt_is_read_back(event_id: uuid.UUID, leaf_hash: bytes, at: datetime):
    """Whatever it promises."""
    receipt = a_receipt(event_id=event_id, leaf_hash=leaf_hash, at=at, merge_by=at + timedelta(seconds=5))
    assert verify_receipt(sign_receipt(receipt, SIGNER), [SIGNER.verifier]) == receipt


def to_base64(drawn: bytes) -> str:
    return base64.b64encode(drawn).decode()


UNSIGNED = st.text().map(lambda drawn: f"{drawn}\n\n— a AAAAAAA=\n".encode(errors="replace"))


@given(st.text() | st.binary().map(to_base64) | UNSIGNED.map(to_base64))
def test_random_headers_raise_the_one_error(drawn: str):
    """Callers hand in files of them."""
    with pytest.raises(ReceiptInvalid):
        parse_receipt(drawn)


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_whatever_is_read_is_written_the_same(place: int, character: str):
    """Parsing raises one error or loses nothing."""
    drawn = TEXT[:place] + character + TEXT[place + 1 :]
    try:
        receipt = Receipt.parse(drawn)
    except ReceiptInvalid:
        return
    assert receipt.text == drawn
