"""Independent tests at rest: AES-256-GCM under a key of each test's own, outside the database.

    sealed = 0x01 || nonce (12 bytes, random) || ciphertext || tag (16 bytes)

Bound to the test and to what it is: the declaration, the figures, or the sample of that number. A sample is a
length (4 bytes, big-endian), its labels as JSON, and its template as little-endian float32.
"""

from __future__ import annotations

import os
import struct
import uuid
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countenance.assurance.independent_records import LabelledSample
from countenance.errors import CountenanceError

_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12
_LABEL: Final = b"countenance independent test\x00"
_LITTLE_ENDIAN: Final = np.dtype("<f4")
_LENGTH: Final = struct.Struct(">I")
_DECLARATION, _FIGURES, _SAMPLE = b"declaration", b"figures", b"sample"


class BrokenIndependentSeal(CountenanceError):
    """What is sealed of a test is not what was stored: damaged, moved, or of another key."""

    def __init__(self, test_id: uuid.UUID) -> None:
        super().__init__(f"the test `{test_id}` does not open")


class IndependentSeal:
    """Seals and opens what is kept of one test. Thread-safe."""

    def __init__(self, key: bytes, test_id: uuid.UUID) -> None:
        """`key`: 32 bytes."""
        self._cipher = AESGCM(key)
        self._test_id = test_id

    def seal_declaration(self, members: Mapping[str, Any]) -> bytes:
        return self._seal(_DECLARATION, orjson.dumps(members))

    def unseal_declaration(self, sealed: bytes) -> dict[str, Any]:
        """Raises BrokenIndependentSeal."""
        found: dict[str, Any] = orjson.loads(self._unseal(_DECLARATION, sealed))
        return found

    def seal_figures(self, figures: Mapping[str, Any]) -> bytes:
        return self._seal(_FIGURES, orjson.dumps(figures))

    def unseal_figures(self, sealed: bytes) -> dict[str, Any]:
        """Raises BrokenIndependentSeal."""
        found: dict[str, Any] = orjson.loads(self._unseal(_FIGURES, sealed))
        return found

    def seal_sample(self, sample: LabelledSample) -> bytes:
        told = {
            "subject": sample.subject,
            "cohorts": dict(sample.cohorts),
            "image_digest": sample.image_digest,
            "is_boxed": sample.is_boxed,
        }
        labels = orjson.dumps(told)
        template = b"" if sample.template is None else sample.template.astype(_LITTLE_ENDIAN).tobytes()
        return self._seal(_of_sample(sample.number), _LENGTH.pack(len(labels)) + labels + template)

    def unseal_sample(self, number: int, sealed: bytes) -> LabelledSample:
        """Raises BrokenIndependentSeal."""
        opened = self._unseal(_of_sample(number), sealed)
        (length,) = _LENGTH.unpack_from(opened)
        labels = orjson.loads(opened[_LENGTH.size : _LENGTH.size + length])
        template = np.frombuffer(opened[_LENGTH.size + length :], _LITTLE_ENDIAN).astype(np.float32)
        return LabelledSample(number, **labels, template=template if len(template) else None)

    def _seal(self, what: bytes, plaintext: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plaintext, self._context(what))

    def _unseal(self, what: bytes, sealed: bytes) -> bytes:
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _FORMAT or len(body) < 16:
                raise BrokenIndependentSeal(self._test_id)
            return self._cipher.decrypt(nonce, body, self._context(what))
        except InvalidTag:
            raise BrokenIndependentSeal(self._test_id) from None

    def _context(self, what: bytes) -> bytes:
        return _LABEL + self._test_id.bytes + what


def _of_sample(number: int) -> bytes:
    return _SAMPLE + number.to_bytes(4, "big")
