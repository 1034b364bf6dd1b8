"""ImportFace and UndoImport: one photo of an import judged, enrolled and taken back."""

from __future__ import annotations

import threading
import uuid

import pytest

from countenance.errors import (
    AccessDeniedException,
    InvalidImageFormatException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.gallery import imports
from countenance.policy import load_purposes
from countenance.store import UnitOfWork
from fakes.vision import person, picture

RUN = "11111111-1111-4111-8111-111111111111"
OTHER_RUN = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def bring(call, collection):
    """Import a picture; each is an item of its own unless the test says so."""
    items = iter(range(1, 1000))

    def bring(data, name, user=None, **options):
        given = {"UserId": user} if user else {}
        options = {"ImportId": RUN, "ImportItem": next(items)} | options
        return call(
            "ImportFace",
            CollectionId=collection,
            Image={"Bytes": data},
            ExternalImageId=name,
            **given,
            **options,
        )

    return bring


def faces(call, collection):
    return call("ListFaces", CollectionId=collection)["Faces"]


def test_a_face_is_enrolled_with_a_user_who_is_made_for_it(call, collection, bring):
    told = bring(picture(person("ada")), "ada:1.jpg", "ada")
    [record] = told["FaceRecords"]
    assert (told["Verdict"], told["Reasons"], told["UserCreated"]) == ("ENROLLED", [], True)
    assert told["AssociatedFaces"] == [{"FaceId": record["Face"]["FaceId"]}]
    assert (told["FaceMatches"], told["FacesFound"], told["FaceModelVersion"]) == ([], 1, "1.0")
    [face] = call("ListFaces", CollectionId=collection, UserId="ada")["Faces"]
    assert (face["FaceId"], face["ExternalImageId"]) == (record["Face"]["FaceId"], "ada:1.jpg")
    users = call("ListUsers", CollectionId=collection)["Users"]
    assert users == [{"UserId": "ada", "UserStatus": "ACTIVE"}]


def test_a_user_is_found_by_the_faces_that_an_import_gave_it(call, collection, bring):
    """They are given in the insert itself: copies in memory must take them for the user's."""
    bring(picture(person("ada")), "ada:1.jpg", "ada")
    bring(picture(person("ada", likeness=0.8)), "ada:2.jpg", "ada")
    found = call("SearchUsersByImage", CollectionId=collection, Image={"Bytes": picture(person("ada"))})
    assert [match["User"]["UserId"] for match in found["UserMatches"]] == ["ada"]


def test_the_same_call_again_is_answered_alike_and_enrols_nothing(call, collection, bring):
    """Whoever did not hear the answer asks again: the face is theirs, and no duplicate."""
    first = bring(picture(person("ada")), "ada:1.jpg", "ada", ImportItem=1)
    again = bring(picture(person("ada")), "ada:1.jpg", "ada", ImportItem=1)
    assert again == first
    assert len(faces(call, collection)) == 1


@pytest.mark.parametrize("origin", [{"ImportItem": 2}, {"ImportId": OTHER_RUN, "ImportItem": 1}])
def test_the_same_photo_from_elsewhere_is_a_duplicate(call, collection, bring, origin):
    """Of another import it was there before: taking this import back must leave it."""
    [record] = bring(picture(person("ada")), "ada", "ada", ImportItem=1)["FaceRecords"]
    told = bring(picture(person("ada")), "ada", "ada", **origin)
    assert (told["Verdict"], told["Reasons"], told["FaceRecords"]) == ("DUPLICATE", ["SAME_PHOTO"], [])
    assert told["FaceMatches"][0]["Face"]["FaceId"] == record["Face"]["FaceId"]
    assert told["UserCreated"] is False
    assert len(faces(call, collection)) == 1


def test_the_photo_saved_anew_is_a_duplicate_and_another_one_is_not(call, collection, bring):
    bring(picture(person("ada")), "ada:1.jpg", "ada")
    anew = bring(picture(person("ada", likeness=0.98), note="saved anew"), "ada:2.jpg", "ada")
    other = bring(picture(person("ada", likeness=0.9), note="another day"), "ada:3.jpg", "ada")
    assert (anew["Verdict"], other["Verdict"]) == ("DUPLICATE", "ENROLLED")
    assert len(faces(call, collection)) == 2


def test_who_looks_like_another_person_is_told_and_not_enrolled(call, collection, bring):
    [record] = bring(picture(person("ada")), "ada:1.jpg", "ada")["FaceRecords"]
    told = bring(picture(person("ada", likeness=0.9)), "eve:1.jpg", "eve")
    assert (told["Verdict"], told["FaceRecords"]) == ("LOOKS_LIKE_ANOTHER", [])
    [match] = told["FaceMatches"]
    assert (match["Face"]["FaceId"], match["Face"]["UserId"]) == (record["Face"]["FaceId"], "ada")
    assert match["Similarity"] >= 99
    assert call("ListUsers", CollectionId=collection)["Users"] == [{"UserId": "ada", "UserStatus": "ACTIVE"}]


def test_the_very_photo_under_another_name_says_that_it_is_the_photo(bring):
    bring(picture(person("ada")), "ada:1.jpg", "ada")
    told = bring(picture(person("ada")), "eve:1.jpg", "eve")
    assert (told["Verdict"], told["Reasons"]) == ("LOOKS_LIKE_ANOTHER", ["SAME_PHOTO"])


def test_who_looks_like_another_is_enrolled_if_the_caller_says_so(call, collection, bring):
    """Twins: the caller has looked."""
    bring(picture(person("ada")), "ada:1.jpg", "ada")
    told = bring(picture(person("ada", likeness=0.9)), "eve:1.jpg", "eve", AcceptLookAlikes=True)
    assert (told["Verdict"], told["Reasons"]) == ("ENROLLED", ["LOOKS_LIKE_ANOTHER"])
    assert told["FaceMatches"][0]["Face"]["UserId"] == "ada"
    assert len(faces(call, collection)) == 2


def test_without_users_the_external_image_id_says_who_it_is(bring):
    bring(picture(person("ada")), "ada")
    own = bring(picture(person("ada", likeness=0.9)), "ada")
    other = bring(picture(person("ada", likeness=0.85)), "eve")
    assert (own["Verdict"], other["Verdict"]) == ("ENROLLED", "LOOKS_LIKE_ANOTHER")


def test_faces_indexed_under_the_users_name_are_that_users(index, bring):
    """A collection from before it had users: its ExternalImageIds are the people's names."""
    index(picture(person("ada")), ExternalImageId="ada")
    told = bring(picture(person("ada", likeness=0.9)), "ada:2.jpg", "ada")
    assert told["Verdict"] == "ENROLLED"


def test_a_stranger_among_a_persons_photos_is_not_given_to_them(call, collection, bring):
    """As AssociateFaces would refuse it."""
    bring(picture(person("ada")), "ada:1.jpg", "ada")
    told = bring(picture(person("bob")), "ada:2.jpg", "ada")
    assert (told["Verdict"], told["FaceRecords"], told["FaceMatches"]) == ("UNLIKE_THE_PERSON", [], [])
    assert len(faces(call, collection)) == 1


def test_a_user_has_a_hundred_faces_at_most(call, collection, index, bring):
    ids = [index(picture(person("ada"), note=str(number)))[0] for number in range(100)]
    call("CreateUser", CollectionId=collection, UserId="ada")
    call("AssociateFaces", CollectionId=collection, UserId="ada", FaceIds=ids)
    told = bring(picture(person("ada", likeness=0.9)), "ada:last", "ada")
    assert (told["Verdict"], told["FaceRecords"]) == ("PERSON_IS_FULL", [])


SIGNS = {
    "SMALL_BOUNDING_BOX": {"EYE_DISTANCE", "SMALL_IN_PHOTO"},
    "LOW_SHARPNESS": {"SHARPNESS", "EYE_DISTANCE"},
    "LOW_BRIGHTNESS": {"BRIGHTNESS"},
    "EXTREME_POSE": {"YAW"},
}


@pytest.mark.parametrize(
    ("looks", "verdict", "reason"),
    [
        ({"size": 15}, "TOO_SMALL", "SMALL_BOUNDING_BOX"),
        ({"sharpness": 5.0}, "BLURRED", "LOW_SHARPNESS"),
        ({"size": 15, "sharpness": 5.0}, "TOO_SMALL", "LOW_SHARPNESS"),
        ({"brightness": 1.0}, "LOW_QUALITY", "LOW_BRIGHTNESS"),
        ({"yaw": 85.0}, "LOW_QUALITY", "EXTREME_POSE"),
    ],
)
def test_a_poor_face_is_told_why(call, collection, bring, looks, verdict, reason):
    told = bring(picture(person("ada", **looks)), "ada:1.jpg", "ada")
    assert told["Verdict"] == verdict
    assert reason in told["Reasons"]
    assert told["Sign"]["Code"] in SIGNS[reason], "one of what it was held for, and what to do"
    assert ": " in told["Sign"]["Sentence"]
    assert faces(call, collection) == []
    assert call("ListUsers", CollectionId=collection)["Users"] == []
    assert bring(picture(person("ada", **looks)), "ada:1", QualityFilter="NONE")["Verdict"] == "ENROLLED"


def test_a_photo_that_is_held_back_is_coached_for_what_holds_it_back(bring):
    """Not for whatever else could be better: it has two faces, and that is not what is against it."""
    told = bring(
        picture(person("ada", size=300, sharpness=5.0), person("bob", left=500, size=100)), "ada:1.jpg", "ada"
    )
    assert (told["Verdict"], told["Sign"]["Code"]) == ("BLURRED", "SHARPNESS")
    assert told["Sign"]["Measured"] == 5.0 < told["Sign"]["Wanted"]


def test_a_face_that_is_enrolled_has_no_sign(bring):
    assert "Sign" not in bring(picture(person("ada")), "ada:1.jpg", "ada")


def test_a_photo_without_a_face_is_answered(bring):
    told = bring(picture(), "ada:1.jpg", "ada")
    assert (told["Verdict"], told["Reasons"], told["FacesFound"]) == ("NO_FACE", [], 0)


def test_of_several_faces_the_largest_is_enrolled_and_that_there_are_others_is_told(bring):
    told = bring(picture(person("ada"), person("bob", left=500, size=150)), "ada:1.jpg", "ada")
    assert (told["Verdict"], told["Reasons"], told["FacesFound"]) == ("ENROLLED", ["SEVERAL_FACES"], 2)
    assert told["FaceRecords"][0]["Face"]["BoundingBox"]["Left"] == pytest.approx(0.1)
    far = bring(picture(person("eve"), person("bob", left=500, size=50)), "eve:1.jpg", "eve")
    assert far["Reasons"] == []


def test_a_box_says_which_face_of_a_group_it_is(bring):
    group = picture(person("ada"), person("bob", left=500, size=150))
    box = {"Left": 0.51, "Top": 0.13, "Width": 0.14, "Height": 0.18}
    told = bring(group, "bob", BoundingBox=box)
    assert told["FaceRecords"][0]["Face"]["BoundingBox"]["Left"] == pytest.approx(0.5)
    nowhere = bring(group, "eve", BoundingBox=box | {"Left": 0.8, "Top": 0.8})
    assert (nowhere["Verdict"], nowhere["Reasons"]) == ("NO_FACE", ["NO_FACE_IN_THE_BOX"])


@pytest.mark.parametrize("box", [{}, {"Left": 0.1}, {"Left": 0.1, "Top": 0.1, "Width": 0.0, "Height": 0.2}])
def test_a_box_that_is_none_is_refused(bring, box):
    with pytest.raises(InvalidParameterException, match="BoundingBox"):
        bring(picture(person("ada")), "ada", BoundingBox=box)


def test_a_dry_run_says_the_same_and_changes_nothing(call, collection, bring):
    bring(picture(person("ada")), "ada:1.jpg", "ada")
    before = faces(call, collection)
    told = {
        "ENROLLED": bring(picture(person("bob")), "bob:1.jpg", "bob", DryRun=True),
        "DUPLICATE": bring(picture(person("ada")), "ada:1.jpg", "ada", DryRun=True),
        "LOOKS_LIKE_ANOTHER": bring(picture(person("ada")), "eve:1.jpg", "eve", DryRun=True),
        "UNLIKE_THE_PERSON": bring(picture(person("bob")), "ada:2.jpg", "ada", DryRun=True),
        "NO_FACE": bring(picture(), "bob:2.jpg", "bob", DryRun=True),
    }
    assert {name: answer["Verdict"] for name, answer in told.items()} == {name: name for name in told}
    assert all(answer["FaceRecords"] == answer["AssociatedFaces"] == [] for answer in told.values())
    assert faces(call, collection) == before
    assert [user["UserId"] for user in call("ListUsers", CollectionId=collection)["Users"]] == ["ada"]


def test_of_two_who_come_at_once_under_two_names_one_is_told(client_of, account, collection, database):
    """Each search ran before the other was enrolled: who comes second is judged against what came between."""
    clients = [client_of(account) for _ in range(8)]
    told = [None] * len(clients)
    start = threading.Barrier(len(clients))

    def bring(number):
        start.wait()
        told[number] = clients[number](
            "ImportFace",
            CollectionId=collection,
            Image={"Bytes": picture(person("ada", likeness=0.9), note=str(number))},
            ExternalImageId=f"name-{number}",
            ImportId=RUN,
            ImportItem=number,
        )["Verdict"]

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["ENROLLED", *["LOOKS_LIKE_ANOTHER"] * 7]


def test_undo_takes_exactly_what_the_import_enrolled(call, collection, index, bring):
    """Faces and users that were there before stay, and users that others have given faces."""
    [old] = index(picture(person("old")), ExternalImageId="old")
    call("CreateUser", CollectionId=collection, UserId="known")
    bring(picture(person("ada")), "ada:1.jpg", "ada")
    bring(picture(person("kim")), "kim:1.jpg", "known")
    bring(picture(person("joe")), "joe:1.jpg", "shared")
    bring(picture(person("zoe")), "zoe:1.jpg", "zoe", ImportId=OTHER_RUN)
    mine = index(picture(person("joe", likeness=0.9)), ExternalImageId="joe")
    call("AssociateFaces", CollectionId=collection, UserId="shared", FaceIds=mine)
    first = call("UndoImport", CollectionId=collection, ImportId=RUN)
    assert (len(first["DeletedFaces"]), first["DeletedUsers"], first["IsComplete"]) == (3, [], False)
    second = call("UndoImport", CollectionId=collection, ImportId=RUN)
    assert second == {"DeletedFaces": [], "DeletedUsers": ["ada"], "IsComplete": True}
    left = {face.get("UserId", face["FaceId"]) for face in faces(call, collection)}
    assert left == {old, "zoe", "shared"}
    users = {user["UserId"] for user in call("ListUsers", CollectionId=collection)["Users"]}
    assert users == {"known", "shared", "zoe"}
    assert call("UndoImport", CollectionId=collection, ImportId=RUN)["IsComplete"] is True


def test_an_undone_import_is_made_again_under_another_id(call, collection, bring):
    """A call that was under way as the import was taken back enrols nobody, however late it comes."""
    bring(picture(person("ada")), "ada:1.jpg", "ada", ImportItem=1)
    while not call("UndoImport", CollectionId=collection, ImportId=RUN)["IsComplete"]:
        pass
    with pytest.raises(InvalidParameterException, match=f"`{RUN}` has been taken back"):
        bring(picture(person("ada")), "ada:1.jpg", "ada", ImportItem=1)
    assert faces(call, collection) == []
    again = bring(picture(person("ada")), "ada:1.jpg", "ada", ImportItem=1, ImportId=OTHER_RUN)
    assert again["Verdict"] == "ENROLLED"


def test_a_call_that_waits_for_its_turn_as_the_import_is_taken_back_enrols_nobody(
    call, collection, bring, monkeypatch
):
    """It has judged its photo already, and comes behind the last of the undoing."""
    bring(picture(person("bob")), "bob:1.jpg", "bob")
    original = imports.take_turns

    def late(connection, collection_row):
        monkeypatch.undo()
        while not call("UndoImport", CollectionId=collection, ImportId=RUN)["IsComplete"]:
            pass
        original(connection, collection_row)

    monkeypatch.setattr(imports, "take_turns", late)
    with pytest.raises(InvalidParameterException, match="has been taken back"):
        bring(picture(person("ada")), "ada:1.jpg", "ada")
    assert faces(call, collection) == []


def test_nobody_undoes_an_import_of_another_account(other_call, collection, bring, call):
    bring(picture(person("ada")), "ada:1.jpg", "ada")
    with pytest.raises(ResourceNotFoundException):
        other_call("UndoImport", CollectionId=collection, ImportId=RUN)
    assert len(faces(call, collection)) == 1


def test_a_broken_picture_is_an_error(bring):
    with pytest.raises(InvalidImageFormatException):
        bring(b"no picture", "ada")


def test_a_purpose_without_users_gives_no_face_to_one(client_of, account, collection):
    """ImportFace must not be a way around AssociateFaces."""
    guests = client_of(account, purpose="event-photos")
    asked = {
        "CollectionId": collection,
        "Image": {"Bytes": picture(person("ada"))},
        "ExternalImageId": "ada",
        "ImportId": RUN,
        "ImportItem": 1,
    }
    with pytest.raises(AccessDeniedException, match="PUR-004"):
        guests("ImportFace", **asked, UserId="ada")
    assert guests("ImportFace", **asked)["Verdict"] == "ENROLLED"


def test_what_a_user_must_be_like_follows_the_purpose(client_of, account, collection):
    """AssociateFaces under it would have to ask for at least as much."""
    doors = client_of(account, purpose="access-control")
    asked = {"CollectionId": collection, "ImportId": RUN, "UserId": "ada"}

    def bring(likeness, item):
        data = picture(person("ada", likeness=likeness))
        return doors(
            "ImportFace", **asked, Image={"Bytes": data}, ExternalImageId=f"ada:{item}", ImportItem=item
        )["Verdict"]

    assert bring(1.0, 1) == "ENROLLED"
    assert bring(0.6, 2) == "UNLIKE_THE_PERSON"  # Similarity 93
    assert bring(0.9, 3) == "ENROLLED"


def test_every_purpose_that_imports_may_enrol_and_search():
    """An import is both, and of a search that people must review nobody would see the candidate in time."""
    for purpose in load_purposes().values():
        if "ImportFace" in purpose.operations:
            assert {"IndexFaces", "SearchFacesByImage"} <= set(purpose.operations)
            assert "review" not in purpose.requires


@pytest.mark.parametrize(
    ("data", "name", "options", "seen_as"),
    [
        (picture(person("bob")), "bob", {}, "enrol"),
        (picture(person("ada")), "ada", {}, "enrol"),
        (picture(person("ada")), "eve", {}, "search"),
        (picture(person("ada")), "eve", {"DryRun": True}, "search"),
        (picture(person("ada"), note="x"), "eve", {"AcceptLookAlikes": True}, "enrol"),
        (picture(person("ada"), note="x"), "eve", {"AcceptLookAlikes": True, "DryRun": True}, "search"),
        (picture(person("bob")), "bob", {"DryRun": True}, "analyse"),
        (picture(), "bob", {}, "analyse"),
    ],
)
def test_detectors_take_it_for_what_it_was(call, collection, bring, database, data, name, options, seen_as):
    """A name that is told is a search; an enrolment is none, so that an import is no mass search."""
    from countenance.operations.registry import OPERATIONS

    bring(picture(person("ada")), "ada", ImportItem=1)
    with UnitOfWork(database) as uow:
        deps = call.deps(uow)
        asked = {"CollectionId": collection, "Image": {"Bytes": data}, "ExternalImageId": name}
        OPERATIONS["countenance"]["ImportFace"](
            asked | {"ImportId": str(uuid.uuid4()), "ImportItem": 1} | options, deps
        )
    assert deps.report.seen_as == seen_as


def test_the_threshold_grows_with_the_collection_and_is_told(call, collection, database):
    """At 99 a photo has one look-alike by chance among a million strangers."""
    with UnitOfWork(database) as uow:
        deps = call.deps(uow)
        over = deps.search_threshold(None, default=99.0, budget=0.01)
        assert over(100) == 99.0
        assert over(1_000_000) > 99.9
        assert deps.report.threshold > 99.9
        assert "1000000 references" in deps.report.raised
