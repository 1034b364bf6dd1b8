"""Bases: the orthogonal rotation that a collection's templates are kept in, if it has one of its own.

Every comparison within a collection is what it is without: a rotation leaves the products of vectors alone.
What it makes impossible is to compare a template with one from elsewhere without the seed of both, and what
it makes possible is to give a collection other templates of the same faces, so that those that got out are of
no use against it (renewability, in the words of ISO/IEC 24745).

It is no anonymisation. Whoever has as many pairs of a template and its rotated one as it has dimensions knows
the rotation, and whoever has the seed has all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from countenance.gallery.stored import lengths, weights_of

MODELS_OWN: Final = 0
"""The number of the basis that the model itself makes templates in."""
FIRST: Final = 1
"""The number of the basis of a collection that has one of its own from the beginning."""
_WORD_BYTES: Final = 8
_MOST_HELD: Final = 32
"""Rotations in memory, of 2 MiB each at 512 dimensions; any other is made anew in a tenth of a second."""

_Floats = TypeVar("_Floats", np.float32, np.float64)


@dataclass(frozen=True, slots=True)
class Sealing:
    """Which key a collection's templates are sealed with, and which basis they are in: of one moment.

    Attributes:
        generation: of the key that new templates are sealed with.
        basis: the number of the basis that they are in; 0 for the model's.
        since: the first generation whose templates are in that one.
        earlier: the number of the basis that those of generations before are in.
    """

    generation: int
    basis: int = MODELS_OWN
    since: int = 0
    earlier: int = MODELS_OWN

    @property
    def is_renewing(self) -> bool:
        """Templates are being brought from the earlier basis into the one in use."""
        return self.basis != self.earlier

    def basis_of(self, generation: int) -> int:
        """The number of the basis that templates are in that were sealed with a key of that generation."""
        return self.basis if generation >= self.since else self.earlier


class Basis:
    """One basis. Immutable."""

    def __init__(self, rotation: NDArray[np.float64] | None) -> None:
        """`rotation`: (D, D), orthogonal, float64; None for the model's own basis."""
        self._rotation = rotation

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return 0 if self._rotation is None else self._rotation.nbytes

    def turned(self, templates: NDArray[_Floats]) -> NDArray[_Floats]:
        """From the model's own basis into this one: (D,) or (N, D) unit rows, and the same of the result."""
        if self._rotation is None:
            return templates
        return np.asarray(templates.astype(np.float64) @ self._rotation.T, templates.dtype)

    def unturned(self, templates: NDArray[_Floats]) -> NDArray[_Floats]:
        """From this basis back into the model's own."""
        if self._rotation is None:
            return templates
        return np.asarray(templates.astype(np.float64) @ self._rotation, templates.dtype)

    def carried(self, stored: NDArray[np.float16], into: Basis) -> NDArray[np.float16]:
        """Stored templates in this basis in another: (N, D) half floats, each as long as it weighs.

        In double precision, so that whoever does it comes to the same half floats.
        """
        wide = stored.astype(np.float64)
        if self._rotation is not None:
            wide = wide @ self._rotation
        if into._rotation is not None:
            wide = wide @ into._rotation.T
        return np.asarray(wide * (weights_of(stored) / lengths(wide))[:, np.newaxis], np.float16)


MODELS_BASIS: Final = Basis(None)


@lru_cache(maxsize=_MOST_HELD)
def basis_from(seed: bytes, dimensions: int) -> Basis:
    """The basis that a seed of 32 bytes stands for: evenly distributed over all rotations and reflections.

    Source: Mezzadri, "How to generate random matrices from the classical compact groups", Notices of the
    AMS 54(5), 2007: the orthogonal factor of normally distributed entries, with the signs of the other's
    diagonal.
    """
    factor, triangle = np.linalg.qr(_normal(seed, dimensions * dimensions).reshape(dimensions, dimensions))
    return Basis(np.asarray(factor * np.sign(np.diag(triangle)), np.float64))


def _normal(seed: bytes, count: int) -> NDArray[np.float64]:
    """Numbers of a normal distribution that only who has the seed can tell (AES-256-CTR, Box and Muller).

    Not of NumPy's generators: they are no secrets, and another version may draw otherwise.
    """
    pairs = (count + 1) // 2
    stream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor()
    words = np.frombuffer(stream.update(bytes(2 * pairs * _WORD_BYTES)), "<u8")
    even = ((words >> np.uint64(11)) + np.uint64(1)) * 2.0**-53  # of (0, 1]
    radius = np.sqrt(-2.0 * np.log(even[:pairs]))
    angle = 2.0 * np.pi * even[pairs:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]
