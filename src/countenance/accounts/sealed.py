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


def totp_context(operator_id: str) -> bytes:
    """What the secret of an operator's one-time codes is bound to."""
    return b"totp/" + operator_id.encode()


def console_context(session_digest: str) -> bytes:
    """What the keys of a signed-in browser are bound to; the digest in hexadecimal."""
    return b"console-session/" + session_digest.encode()


def consent_context(consent_id: str) -> bytes:
    """What the reference of a consent is bound to."""
    return b"consent/" + consent_id.encode()


SEALED: Final = (
    SealedColumn("access_key", "access_key_id", "sealed_secret", secret_context),
    SealedColumn("access_key", "access_key_id", "sealed_claims", claims_context),
    SealedColumn("consent", "consent_id", "sealed_reference", consent_context),
    SealedColumn("operator", "operator_id", "sealed_totp", totp_context),
    SealedColumn("console_session", "session_digest", "sealed_keys", console_context),
)
# INVARIANT: a column that `KeyStore.seal` fills and that is not here is unreadable after a rotation.
