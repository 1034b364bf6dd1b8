"""Two packs on the same samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import Pairs, Samples, all_mated, all_non_mated
from countenance.evaluation.verification import fnmr_at_fmr
from countenance.measuring.comparing import compare
from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.evaluating import Material
from countenance.measuring.label_errors import LabelErrors

PEOPLE, PHOTOS = 60, 3
PROTOCOL = Protocol(replicates=200, max_fmrs=(1e-2, 1e-6))


def pack(spread, *, seed=1):
    """Samples of the same people, seen by a better or a worse pack."""
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(PEOPLE), PHOTOS)
    templates = random.standard_normal((PEOPLE, 32))[subjects]
    templates += spread * random.standard_normal(templates.shape)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), subjects, np.ones(len(subjects), bool))


def material(*, pairs=None):
    photos = tuple(Photo(f"{who:02d}/{n}.jpg", f"{who:02d}") for who in range(PEOPLE) for n in range(PHOTOS))
    data = DataSet("x", "folder", Path("/x"), photos, pairs=pairs)
    return Material(data, (b"",) * len(photos), LabelErrors())


def test_a_worse_pack_is_seen_to_be_worse():
    """Its rates are those of each pack alone, and the interval leaves 0 out."""
    good, bad, other = pack(0.5), pack(1.6), {"pack": {"name": "bad"}}
    found = compare(good, bad, material(), protocol=PROTOCOL, other=other)
    assert found["with"] is other
    fnmr, refused, rank = found["differences"]
    for which, samples in (("first", good), ("second", bad)):
        alone = fnmr_at_fmr(all_mated(samples), all_non_mated(samples), max_fmr=1e-2)
        assert fnmr[which] == pytest.approx(alone.fnmr, abs=1e-9)
    assert fnmr["interval"]["low"] > 0
    assert fnmr["differ"]
    assert fnmr["subjects"] == PEOPLE
    assert refused["trials_needed"] == 1_000_000
    assert rank["of"] == "rank-1 misses, everybody enrolled"
    assert rank["differ"]


def test_a_pack_does_not_differ_from_itself():
    samples = pack(1.0)
    for row in compare(samples, samples, material(), protocol=PROTOCOL, other={})["differences"]:
        if "refused" not in row:
            assert row["difference"] == 0
            assert not row["differ"]


def test_of_prescribed_comparisons_there_is_no_search():
    first = np.arange(0, PEOPLE * PHOTOS, PHOTOS)
    pairs = Pairs(
        np.concatenate([first, first]),
        np.concatenate([first + 1, np.roll(first, 1)]),
        np.repeat([True, False], PEOPLE),
        np.zeros(2 * PEOPLE, np.int64),
    )
    protocol = Protocol(replicates=200, max_fmrs=(0.1,))
    found = compare(pack(0.5), pack(1.6), material(pairs=pairs), protocol=protocol, other={})
    assert [row["of"] for row in found["differences"]] == ["fnmr at fmr 0.1"]


def test_a_difference_of_two_shares_stays_within_them():
    """So few people that the interval's ends and what is detectable lie beyond 1, which no record may say."""
    first = pack(0.01)
    rows = first.subjects < 2
    few = Samples(first.templates[rows], first.subjects[rows], first.enrolled[rows])
    lost = Samples(few.templates, few.subjects, few.subjects == 0)
    photos = tuple(Photo(f"{who:02d}/{n}.jpg", f"{who:02d}") for who in range(2) for n in range(PHOTOS))
    known = Material(DataSet("x", "folder", Path("/x"), photos), (b"",) * len(photos), LabelErrors())
    found = compare(few, lost, known, protocol=PROTOCOL, other={})["differences"][-1]
    assert found["difference"] == 0.5
    assert found["interval"]["high"] == 1.0
    assert found["detectable"] <= 1.0


def test_people_known_to_be_one_are_in_no_search_of_a_comparison():
    """As in the evaluation itself: the second of two is left out."""
    samples, plain = pack(0.5), material()
    twins = Samples(samples.templates.copy(), samples.subjects, samples.enrolled)
    twins.templates[-PHOTOS:] = twins.templates[:PHOTOS]
    listed = Material(plain.data, plain.digests, LabelErrors(doubles=(("00", f"{PEOPLE - 1:02d}"),)))
    with_twins, without = (
        compare(samples, twins, each, protocol=PROTOCOL, other={})["differences"][-1]
        for each in (plain, listed)
    )
    assert with_twins["second"] > without["second"]
    assert (with_twins["subjects"], without["subjects"]) == (PEOPLE, PEOPLE - 1)


def test_samples_of_other_photos_are_refused():
    samples = pack(1.0)
    other = Samples(samples.templates, samples.subjects[::-1].copy(), samples.enrolled)
    with pytest.raises(ValueError, match="same samples"):
        compare(samples, other, material(), protocol=PROTOCOL, other={})
