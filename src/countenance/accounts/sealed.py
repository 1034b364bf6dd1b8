"""What lies in the database under the master key: all that is sealed anew when that is replaced."""

from __future__ import annotations

from typing import Final

from countenance.store import SealedColumn


def secret_context(access_key_id: str) -> bytes:
    """What the secret of a key is bound to."""
    return b"access-key/" + access_key_id.encode()


def claims_context(access_key_id: str) -> bytes:
    """What the claims of a temporary key are bound to."""
    return b"claims/" + access_key_id.encode()


SEALED: Final = (
    SealedColumn("access_key", "access_key_id", "sealed_secret", secret_context),
    SealedColumn("access_key", "access_key_id", "sealed_claims", claims_context),
)
# INVARIANT: a column that `KeyStore.seal` fills and that is not here is unreadable after a rotation.
