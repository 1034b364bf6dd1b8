from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest

from countenance.store.master_places import Place
from countenance.store.ring_file import Ring

SINCE = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
RING = Ring(
    uuid.UUID(int=7), (Place("master.2.kms", b"n" * 16, SINCE), Place("master.key", b"o" * 16, SINCE))
)


def test_a_ring_comes_back_as_it_was_written():
    assert Ring.parse(RING.to_bytes()) == RING
    assert [place.kind for place in RING.places] == ["kms", "file"]
    assert [place.number for place in RING.places] == [2, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "countenance-key-ring/v2"},
        {"store": "no uuid"},
        {"masters": []},
        {"masters": None},
        {
            "masters": [
                {"file": f"master.{number}.key", "fingerprint": "00", "since": "2026-11-26"}
                for number in (2, 3, 4)
            ]
        },
        {"masters": [{"file": "master.key"}]},
        {"masters": [{"file": "../master.key", "fingerprint": "00", "since": "2026-11-26"}]},
        {"masters": [{"file": "ring", "fingerprint": "00", "since": "2026-11-26"}]},
        {"masters": [{"file": "master.key", "fingerprint": "xx", "since": "2026-11-26"}]},
        {"masters": 2 * [{"file": "master.key", "fingerprint": "00", "since": "2026-11-26"}]},
    ],
)
def test_what_is_no_ring_is_refused(change):
    """A name that leads elsewhere least of all."""
    with pytest.raises(ValueError, match=r"."):
        Ring.parse(json.dumps(json.loads(RING.to_bytes()) | change).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", RING.to_bytes()[:-20], b"\xff"])
def test_half_a_file_is_no_ring(content):
    with pytest.raises(ValueError, match=r"."):
        Ring.parse(content)
