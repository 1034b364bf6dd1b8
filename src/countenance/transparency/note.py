"""Signed notes (c2sp.org/signed-note): a text and lines that say who signed it, with Ed25519.

    example.com/log                                    the text: ends with a newline
    42
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
                                                       an empty line
    — example.com/log Az3grlgt…                        name, base64(key hash || signature)

A key is known by its name and by the first four bytes of a hash over name, algorithm and public key. Besides
plain signatures there are the cosignatures of witnesses (c2sp.org/tlog-cosignature), which carry their time.
What is parsed here comes from strangers.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04
MAX_SIGNATURES = 64

_KEY_HASH_BYTES = 4
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_TIME_BYTES = 8
_MAX_TIME_S = 2**63 - 1
_DASH = "\u2014 "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NOT_IN_NAMES = re.compile(r"[\x00-\x20+\s]")  # control characters need be no Unicode spaces


class NoteInvalid(ValueError):
    """Not a signed note, not a part of one, or a known key's signature that does not verify."""


def decode_base64(encoded: str) -> bytes:
    """Padded standard base64, in the one form that encodes these bytes; ValueError for any other."""
    decoded = base64.b64decode(encoded, validate=True)
    if encode_base64(decoded) != encoded:
        raise ValueError("base64 with unused bits set")
    return decoded


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under a name; `str()` gives the vkey that `parse` reads.

    Attributes:
        algorithm: ED25519 or COSIGNATURE.
        public_key: 32 bytes.
        key_hash: 4 bytes, computed.

    Raises:
        NoteInvalid: the name has a space, a plus or a control character; unknown algorithm; no key.
    """

    name: str
    algorithm: int
    public_key: bytes
    key_hash: bytes = field(init=False)

    def __post_init__(self) -> None:
        _require_name(self.name)
        if self.algorithm not in {ED25519, COSIGNATURE}:
            raise NoteInvalid(f"unknown signature algorithm {self.algorithm}")
        if len(self.public_key) != _KEY_BYTES:
            raise NoteInvalid("an Ed25519 key is 32 bytes")
        hashed = hashlib.sha256(self.name.encode() + b"\n" + self._material()).digest()
        object.__setattr__(self, "key_hash", hashed[:_KEY_HASH_BYTES])

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """Read `<name>+<key hash>+<base64 key>`.

        Raises:
            NoteInvalid: it is not one, or its hash is another key's.
        """
        try:
            name, _, material = vkey.split("+", 2)
            decoded = decode_base64(material)
        except ValueError:
            raise NoteInvalid("a verifier key is NAME+HASH+KEY") from None
        verifier = cls(name, decoded[0] if decoded else 0, decoded[1:])
        if str(verifier) != vkey:
            raise NoteInvalid(f"the hash in the verifier key of `{name}` is not that key's")
        return verifier

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{encode_base64(self._material())}"

    def verify(self, text: str, value: bytes) -> bool:
        """Whether `value`, what follows the key hash in a signature line, is this key's over `text`."""
        if self.algorithm == ED25519:
            return self.verify_bytes(text.encode(), value)
        timestamp_s = int.from_bytes(value[:_TIME_BYTES], "big")
        if timestamp_s > _MAX_TIME_S:
            return False
        return self.verify_bytes(_cosigned(text, timestamp_s), value[_TIME_BYTES:])

    def verify_bytes(self, data: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's plain Ed25519 signature over `data`."""
        if len(signature) != _SIGNATURE_BYTES:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _material(self) -> bytes:
        return bytes([self.algorithm]) + self.public_key


class Signer:
    """A private key under a name. Thread-safe; shows nothing of its key when printed."""

    def __init__(self, name: str, algorithm: int, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = Verifier(name, algorithm, key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str, algorithm: int = ED25519) -> Signer:
        """A new key; NoteInvalid if the name or algorithm cannot be a key's."""
        return cls(name, algorithm, Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes, algorithm: int = ED25519) -> Signer:
        """The key of a 32-byte seed; NoteInvalid if name, algorithm or seed cannot be a key's."""
        if len(seed) != _KEY_BYTES:
            raise NoteInvalid("an Ed25519 seed is 32 bytes")
        return cls(name, algorithm, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def seed(self) -> bytes:
        return self._key.private_bytes_raw()

    def sign(self, text: str, now: int | None = None) -> str:
        """The signature line over a note's text, with its newline.

        Args:
            now: the time of a cosignature, Unix seconds; by default the clock's. A plain signature has none.

        Raises:
            NoteInvalid: it is no note's text, or `now` is before 1970 or after 2**63 - 1.
        """
        _require_text(text)
        if self.verifier.algorithm == ED25519:
            value = self.sign_bytes(text.encode())
        else:
            timestamp_s = int(time.time()) if now is None else now
            if not 0 <= timestamp_s <= _MAX_TIME_S:
                raise NoteInvalid(f"no time of a cosignature: {timestamp_s}")
            signature = self.sign_bytes(_cosigned(text, timestamp_s))
            value = timestamp_s.to_bytes(_TIME_BYTES, "big") + signature
        return str(Signature(self.verifier.name, self.verifier.key_hash, value))

    def sign_bytes(self, data: bytes) -> bytes:
        """The plain Ed25519 signature over `data`, 64 bytes."""
        return self._key.sign(data)


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature line, whoever's it is; `str()` gives the line with its newline.

    Attributes:
        key_hash: 4 bytes.
        value: what follows the key hash: a signature, behind its time in a cosignature. Not empty.
    """

    name: str
    key_hash: bytes
    value: bytes

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.key_hash) != _KEY_HASH_BYTES or not self.value:
            raise NoteInvalid("a signature is four bytes of key hash and at least one more")

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a line, with its newline.

        Raises:
            NoteInvalid: it is no signature line.
        """
        name, space, encoded = line.removeprefix(_DASH).removesuffix("\n").partition(" ")
        try:
            decoded = decode_base64(encoded)
        except ValueError:
            raise NoteInvalid("a signature is not base64") from None
        signature = cls(name, decoded[:_KEY_HASH_BYTES], decoded[_KEY_HASH_BYTES:])
        if not space or str(signature) != line:
            raise NoteInvalid("a signature line is `\u2014 NAME SIGNATURE`")
        return signature

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {encode_base64(self.key_hash + self.value)}\n"

    @property
    def timestamp_s(self) -> int:
        """The time of a cosignature, Unix seconds: no more true than the signature is.

        Raises:
            NoteInvalid: this is no cosignature.
        """
        if len(self.value) != _TIME_BYTES + _SIGNATURE_BYTES:
            raise NoteInvalid("a signature without a time")
        return int.from_bytes(self.value[:_TIME_BYTES], "big")


@dataclass(frozen=True, slots=True)
class Note:
    """A text with its signatures, of which none is verified yet; `str()` gives what `parse` reads."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        _require_text(self.text)
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            raise NoteInvalid(f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(self.signatures)}")

    @classmethod
    def parse(cls, note: str) -> Note:
        """Read a note.

        Raises:
            NoteInvalid: it is none.
        """
        above, empty_line, below = note.rpartition("\n\n")
        lines = below.split("\n", MAX_SIGNATURES + 1)
        if not empty_line or lines.pop():
            raise NoteInvalid("a note is a text, an empty line and signature lines")
        return cls(above + "\n", tuple(Signature.parse(line + "\n") for line in lines))

    def __str__(self) -> str:
        return self.text + "\n" + "".join(map(str, self.signatures))

    def signed_by(self, verifiers: Iterable[Verifier]) -> list[Verifier]:
        """Those of the known keys that signed this note, each once; none is no error, so look at the answer.

        Lines of other keys say nothing, even under a known name.

        Raises:
            NoteInvalid: a line of a known key is not its signature, so that nothing here can be believed.
        """
        signed = []
        for verifier in dict.fromkeys(verifiers):
            values = [signature.value for signature in self._signatures_of(verifier)]
            if not all(verifier.verify(self.text, value) for value in values):
                raise NoteInvalid(f"the signature of `{verifier.name}` is not over this text")
            if values:
                signed.append(verifier)
        return signed

    def find_signature(self, verifier: Verifier) -> Signature | None:
        """The first line of this key, unverified: ask `signed_by` first."""
        return next(iter(self._signatures_of(verifier)), None)

    def _signatures_of(self, verifier: Verifier) -> list[Signature]:
        key = (verifier.name, verifier.key_hash)
        return [signature for signature in self.signatures if (signature.name, signature.key_hash) == key]


def _cosigned(text: str, timestamp_s: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp_s}\n{text}".encode()


def _require_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteInvalid("a note's text ends with a newline and has no other control characters")
    _require_utf8(text)


def _require_name(name: str) -> None:
    if not name or _NOT_IN_NAMES.search(name):
        raise NoteInvalid("a key's name is not empty and has no spaces, pluses or control characters")
    _require_utf8(name)


def _require_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NoteInvalid("a surrogate is no character") from None
