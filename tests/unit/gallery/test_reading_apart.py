"""Who is known apart, out of the database: whole, what changed, and what names somebody."""

from __future__ import annotations

import pytest

from countenance.gallery import Target
from countenance.gallery.known_apart import KnownApart
from countenance.gallery.reading_apart import follow, read_apart
from fakes.faces import CALIBRATION, new_face, towards, unit


def plain(user_id):
    return user_id


@pytest.fixture
def reads(database, collection):
    """`reads(before)`: everything as of now, read on from there."""

    def run(before=None):
        with database.read() as connection:
            return follow(connection, collection, before, key_of=plain)

    return run


def test_what_is_followed_is_what_a_whole_reading_gives(gallery, collection, enrol, commit, reads):
    """Through rejections, withdrawals, faces that change hands, and deletions: step by step and at once."""
    one, two, three, four = enrol(*(towards(cosine) for cosine in (0.9, 0.8, 0.7, 0.6)))
    for name in ("ada", "bob"):
        commit(gallery.create_user, collection, name)
    given = {"calibration": CALIBRATION, "threshold": 0.0}
    steps = (
        lambda: commit(gallery.reject, collection, one, Target(user_id="ada"), rejected_by="r"),
        lambda: commit(gallery.reject, collection, two, Target(face_id=one), rejected_by="r"),
        lambda: commit(gallery.associate, collection, "bob", [one], **given),
        lambda: commit(gallery.associate, collection, "ada", [three, four], **given),
        lambda: commit(gallery.reject, collection, three, Target(face_id=two), rejected_by="r"),
        lambda: commit(gallery.disassociate, collection, "bob", [one]),
        lambda: commit(gallery.withdraw_rejection, collection, one, Target(user_id="ada")),
        lambda: commit(gallery.delete_faces, collection, [two]),
        lambda: commit(gallery.reject, collection, one, Target(user_id="ada"), rejected_by="r"),
        lambda: commit(gallery.delete_user, collection, "ada"),
    )
    at_first = followed = reads()
    seen = []
    for step in steps:
        step()
        followed = reads(followed)
        assert followed.apart == reads().apart
        seen.append(len(followed.apart.named))
    assert reads(at_first).apart == followed.apart == KnownApart()
    assert max(seen) > 3, "something was known meanwhile"


def test_what_changes_elsewhere_leaves_it_as_it_is(gallery, collection, new_collection, enrol, commit, reads):
    """Another collection's corrections, and enrolments in this one, make nothing new here."""
    one, two = enrol(unit([1]), towards(0.9))
    commit(gallery.reject, collection, one, Target(face_id=two), rejected_by="r")
    before = reads()
    other = new_collection("others")
    faces = commit(gallery.enrol, other, [new_face(unit([1])), new_face(towards(0.9))])
    target = Target(face_id=faces[1].face_id)
    commit(gallery.reject, other, faces[0].face_id, target, rejected_by="r")
    enrol(towards(0.5))
    assert reads(before).apart is before.apart
    assert before.apart.others_than(one) == {two}


def test_changes_read_what_names_their_faces_and_users(gallery, database, collection, enrol, commit):
    """An association asks of its faces, an import of its user as well; nothing else is read."""
    one, two, three = enrol(unit([1]), towards(0.9), towards(0.8))
    for name in ("ada", "bob"):
        commit(gallery.create_user, collection, name)
    commit(gallery.associate, collection, "bob", [two], calibration=CALIBRATION, threshold=0.0)
    commit(gallery.reject, collection, one, Target(user_id="ada"), rejected_by="r")
    commit(gallery.reject, collection, three, Target(face_id=two), rejected_by="r")
    with database.read() as connection:
        of_one = read_apart(connection, collection, face_ids=[one])
        of_bob = read_apart(connection, collection, face_ids=[], user_ids=["bob"])
    assert (of_one.others_than(one), of_one.others_than(three)) == ({"ada"}, frozenset())
    assert of_bob.others_than("bob") == {three}
    assert of_bob.others_than(three) == {two, "bob"}
