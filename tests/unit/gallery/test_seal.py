"""Templates at rest open only where they were sealed."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from countenance.gallery.basis import Sealing
from countenance.gallery.seal import BrokenSeal, TemplateSeal
from countenance.store import KeyMissing

KEY = bytes(range(32))
FIRST = Sealing(1)
COLLECTION, FACE = uuid.uuid4(), uuid.uuid4()


class Keys:
    """Of one collection, in memory: another one for each generation, and a seed for each basis."""

    def __init__(self, key):
        self._key = key

    def template_key(self, _collection, generation):
        return bytes(byte ^ (generation - 1) for byte in self._key)

    def basis(self, _collection, number):
        return bytes(byte ^ 0x80 ^ number for byte in self._key)


def seal_of(*, key=KEY, collection_id=COLLECTION, face_model_version="1.0", dimensions=256, sealing=FIRST):
    return TemplateSeal(
        Keys(key),
        sealing,
        collection_id=collection_id,
        face_model_version=face_model_version,
        dimensions=dimensions,
    )


@pytest.fixture
def template(rng):
    vector = rng.standard_normal(256)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_what_opens_is_what_was_sealed_in_half_precision_and_of_unit_length(template):
    opened = seal_of().unseal(FACE, 1, seal_of().seal(FACE, template))
    assert opened.dtype == np.float32
    assert float(opened @ template) == pytest.approx(1.0, abs=1e-6)
    assert np.linalg.norm(opened) == pytest.approx(1.0, abs=1e-6)
    assert np.abs(opened - template).max() < 2e-4


def test_a_sealed_template_has_29_bytes_more_than_its_halves(template):
    assert len(seal_of().seal(FACE, template)) == 2 * 256 + 29


def test_the_same_template_never_looks_the_same(template):
    """Equal rows in a stolen database must not show that two faces are of one photograph."""
    assert seal_of().seal(FACE, template) != seal_of().seal(FACE, template)


def test_many_are_sealed_each_for_its_face(rng):
    """Under a nonce of its own: two under one would give both away."""
    rows = rng.standard_normal((5, 256)).astype(np.float32)
    templates = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    faces, seal = [uuid.uuid4() for _ in range(5)], seal_of()
    sealed = seal.seal_all(faces, templates)
    assert len({each[1:13] for each in sealed}) == 5
    for face, template, each in zip(faces, templates, sealed, strict=True):
        assert np.array_equal(seal.unseal(face, 1, each), seal.unseal(face, 1, seal.seal(face, template)))
        for other in set(faces) - {face}:
            with pytest.raises(BrokenSeal):
                seal.unseal(other, 1, each)


def test_one_of_many_that_is_not_of_unit_length_seals_none(template):
    with pytest.raises(AssertionError):
        seal_of().seal_all([FACE, FACE], np.stack([template, 2 * template]))


def test_the_plain_template_is_not_in_the_sealed_one(template):
    sealed = seal_of().seal(FACE, template)
    assert template.astype("<f2").tobytes()[:16] not in sealed


@pytest.mark.parametrize(
    "other",
    [
        {"key": bytes(32)},
        {"collection_id": uuid.uuid4()},
        {"face_model_version": "2.0"},
        {"dimensions": 128},
    ],
)
def test_it_does_not_open_elsewhere(template, other):
    sealed = seal_of().seal(FACE, template)
    with pytest.raises(BrokenSeal, match=str(FACE)):
        seal_of(**other).unseal(FACE, 1, sealed)


def test_it_does_not_open_for_another_face(template):
    """Rows cannot be swapped: somebody who can write to the database cannot make A be found as B."""
    with pytest.raises(BrokenSeal):
        seal_of().unseal(uuid.uuid4(), 1, seal_of().seal(FACE, template))


@pytest.mark.parametrize("position", [0, 1, 12, 13, 300, -1])
def test_a_changed_byte_does_not_open(template, position):
    sealed = bytearray(seal_of().seal(FACE, template))
    sealed[position] ^= 1
    with pytest.raises(BrokenSeal):
        seal_of().unseal(FACE, 1, bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(28)])
def test_a_stump_does_not_open(sealed):
    with pytest.raises(BrokenSeal):
        seal_of().unseal(FACE, 1, sealed)


def test_many_open_at_once_and_the_broken_are_told_by_position(template):
    faces = [uuid.uuid4() for _ in range(4)]
    rows = [(face, 1, seal_of().seal(face, template)) for face in faces]
    rows[2] = (faces[2], 1, rows[1][2])
    templates, broken = seal_of().unseal_all(rows)
    assert templates.shape == (3, 256)
    assert broken == [2]


def test_none_to_open_is_no_error():
    templates, broken = seal_of().unseal_all([])
    assert templates.shape == (0, 256)
    assert broken == []


def test_a_template_opens_with_the_key_of_its_generation_alone(template):
    seal = seal_of()
    sealed = seal.seal(FACE, template)
    with pytest.raises(KeyMissing):  # what was sealed after this was told how is none of its business
        seal.unseal(FACE, 2, sealed)
    seal.keep_only(2)
    with pytest.raises(BrokenSeal):
        seal.unseal(FACE, 2, sealed)
    broken = bytes([1]) + bytes(len(sealed) - 1)
    none, anew = seal.reseal_all([(FACE, 1, broken), (FACE, 1, sealed)])
    assert none is None
    assert np.array_equal(seal.unseal(FACE, 2, anew), seal.unseal(FACE, 1, sealed))
    with pytest.raises(BrokenSeal):
        seal.unseal(FACE, 1, anew)


def test_keys_of_other_generations_are_forgotten(template):
    """They may be destroyed at any moment: who kept a copy would keep what was deleted."""
    seal = seal_of()
    sealed = seal.seal(FACE, template)
    seal.unseal(FACE, 1, sealed)
    seal.keep_only(2)
    seal.seal(FACE, template)
    assert list(seal._ciphers) == [2]


def test_what_is_sealed_is_in_the_basis(template):
    """Who opens it without knowing of the basis has a template that is like nobody's."""
    turned = seal_of(sealing=Sealing(1, basis=1, since=1, earlier=1))
    sealed = turned.seal(FACE, template)
    opened = seal_of().unseal(FACE, 1, sealed)
    assert abs(opened @ template) < 0.4
    assert turned.basis.turned(template) @ opened == pytest.approx(1, abs=1e-5)


def test_templates_of_the_basis_before_open_in_the_basis_of_today(template):
    before = seal_of(sealing=Sealing(1, basis=1, since=1, earlier=1))
    today = seal_of(sealing=Sealing(2, basis=2, since=2, earlier=1))
    other = np.roll(template, 7)
    faces = [uuid.uuid4() for _ in range(3)]
    rows = [
        (faces[0], 1, before.seal(faces[0], template)),
        (faces[1], 2, today.seal(faces[1], other)),
        (faces[2], 1, before.seal(faces[2], other)),
    ]
    stored, broken = today.unseal_all(rows)
    assert broken == []
    wanted = today.basis.turned(np.stack([template, other, other]))
    assert np.abs(stored.astype(np.float32) - wanted).max() < 2e-3
    (anew,) = today.reseal_all(rows[:1])
    # INVARIANT: what a copy made of it before it was sealed anew is what it is afterwards, to the bit.
    assert np.array_equal(today.unseal_all([(faces[0], 2, anew)])[0][0], stored[0])
    settled = seal_of(sealing=Sealing(2, basis=2, since=2, earlier=2))
    assert np.array_equal(settled.unseal_all([(faces[0], 2, anew)])[0][0], stored[0])
