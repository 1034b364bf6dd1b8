from __future__ import annotations

import pytest

from countenance.store.master_key import MasterKey, derive_key


def test_what_is_wrapped_or_sealed_opens_with_its_key_and_context_alone():
    key, other = MasterKey(b"k" * 32), MasterKey(b"o" * 32)
    for close, opened in ((MasterKey.wrap, MasterKey.unwrap), (MasterKey.seal, MasterKey.unseal)):
        closed = close(key, b"secret", b"here")
        assert opened(key, closed, b"here") == b"secret"
        assert opened(key, closed, b"there") is None
        assert opened(other, closed, b"here") is None
        assert [opened(key, closed[:length], b"here") for length in (0, 27, len(closed) - 1)] == [None] * 3
    assert key.unseal(key.wrap(b"secret", b"here"), b"here") is None


def test_a_fingerprint_tells_keys_apart_and_is_what_databases_are_bound_to():
    """Databases of before this module was there are bound to these bytes."""
    assert MasterKey(b"k" * 32).fingerprint == derive_key(b"k" * 32, b"fingerprint")[:16]
    assert MasterKey(b"k" * 32).fingerprint.hex() == "2fa9896a260d4044df24db558668cc2b"
    assert MasterKey(b"o" * 32).fingerprint != MasterKey(b"k" * 32).fingerprint


def test_a_master_key_shows_nothing_of_itself():
    assert "6b6b6b" not in repr(MasterKey(b"k" * 32))


def test_only_32_bytes_are_a_key():
    with pytest.raises(AssertionError):
        MasterKey(b"short")
