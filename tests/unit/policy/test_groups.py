from __future__ import annotations

import pytest

from countenance.policy.engine import MENDS_PACKS
from countenance.policy.groups import GROUPS, OFFICERS_DO, PARENTS, kinds_of
from countenance.wire.model import ListShape, Shape, StructureShape, load_models

MODELS = load_models().services
NAMED = {name for names in GROUPS.values() for name in names}
AMAZON, OURS = MODELS["rekognition"].operations, MODELS["countenance"].operations


def test_every_operation_of_a_kind_is_in_a_service_model():
    """A name that no model has would be a rule about nothing."""
    assert AMAZON.keys() | OURS.keys() >= NAMED


def test_every_operation_of_our_own_service_is_of_a_kind():
    """One that stands in none cannot be called by anybody."""
    assert OURS.keys() <= NAMED


def test_every_operation_that_is_registered_is_of_an_offered_kind():
    """What the server answers must be something that a rule can be about."""
    from countenance.operations.registry import OPERATIONS

    for operations in OPERATIONS.values():
        for name in operations:
            assert "offered" in kinds_of(name), name


def test_every_operation_of_an_offered_kind_is_registered():
    """A permission for what nobody implements would wait for whoever adds it without a thought."""
    from countenance.operations.registry import OPERATIONS

    registered = {name for operations in OPERATIONS.values() for name in operations}
    assert {name for name in NAMED if "offered" in kinds_of(name)} <= registered


def test_no_name_is_in_both_services():
    """Kinds go by the name alone: one name in two services would be of one kind in both."""
    assert not AMAZON.keys() & OURS.keys()


USE_A_FACE = ("SearchFaces", "SearchUsers", "IndexFaces", "CompareFaces", "DetectFaces", "AssociateFaces")


@pytest.mark.parametrize("name", [name for name in AMAZON if name.startswith(USE_A_FACE)])
def test_whatever_uses_a_face_is_held_to_a_purpose(name: str):
    """Every rule about purposes is about the kind `face`."""
    assert "face" in kinds_of(name)


def _takes_a_picture(shape: Shape) -> bool:
    if shape.name in {"Image", "Video", "ImageBlob", "StreamProcessorInput"}:
        return True
    if isinstance(shape, StructureShape):
        return any(map(_takes_a_picture, shape.members.values()))
    return isinstance(shape, ListShape) and _takes_a_picture(shape.member)


@pytest.mark.parametrize(
    "name", [name for name, model in AMAZON.items() if _takes_a_picture(model.input_shape)]
)
def test_whatever_takes_a_picture_is_held_to_a_purpose_or_not_offered(name: str):
    """Found from the model, so that an operation that Amazon adds cannot slip in under another name."""
    assert kinds_of(name) & {"face", "unoffered"}


@pytest.mark.parametrize("name", GROUPS["stream"])
def test_no_search_of_video_is_offered(name: str):
    """They are refused by rule, should they ever be."""
    assert kinds_of(name) == {"stream", "face"}


def test_nothing_that_uses_a_face_stays_open_to_whoever_is_shut_out():
    """Terms and due process are exempt from nearly every rule: it is for reading, accepting, appealing."""
    for name in (*GROUPS["terms"], *GROUPS["dueProcess"]):
        assert len(set(kinds_of(name)) & GROUPS.keys()) == 1
        assert name in OURS
        assert name.startswith(("Get", "List", "Describe", "AcceptTerms", "SubmitAppeal"))


def test_what_people_may_ask_for_uses_no_face_and_stays_open():
    """The standing of who holds somebody's face is not the person's doing."""
    for name in GROUPS["rights"]:
        assert kinds_of(name) == {"rights", "offered"}
        assert name in OURS
        assert not _takes_a_picture(OURS[name].input_shape)


def test_what_officers_do_nobody_else_does():
    """An officers' operation that is of another kind as well would be exempt where that kind is."""
    for name in OFFICERS_DO:
        assert kinds_of(name) == {"officer", "offered"}
    assert set(GROUPS["officer"]) == OFFICERS_DO


def test_what_ends_the_use_of_a_pack_is_one_operation_and_an_officers():
    """It is the one thing beside terms and due process that no pack can forbid."""
    assert MENDS_PACKS in OURS
    assert kinds_of(MENDS_PACKS) == {"officer", "offered"}


def test_what_changes_an_account_by_the_houses_word_is_for_officers():
    """Nobody decides about itself."""
    deciding = (
        "Activate",
        "Deactivate",
        "Decide",
        "ChangeStanding",
        "CreateAccount",
        "Erase",
        "RecordTraining",
    )
    # What people ask an account for is decided by the account, within what the law says.
    of_people = set(GROUPS["rights"])
    assert {name for name in OURS if name.startswith(deciding)} - of_people <= OFFICERS_DO


def test_the_kinds_are_those_of_the_table():
    """Kinds of kinds are of kinds that there are, and every kind but `stream` is offered."""
    assert set(PARENTS["offered"]) == GROUPS.keys() - {"stream"}
    assert set(PARENTS["face"]) < GROUPS.keys()
    assert all(names for names in GROUPS.values())
    assert all(len(set(names)) == len(names) for names in GROUPS.values())


def test_an_operation_of_several_kinds_is_of_all_of_them():
    """AssumePurpose is about a purpose and makes a session."""
    assert kinds_of("AssumePurpose") == {"purposed", "sessions", "offered"}


@pytest.mark.parametrize("name", ["RecognizeCelebrities", "DropEverything", "", "face", "searchfaces"])
def test_what_is_in_no_kind_is_not_offered(name: str):
    """Closed: there is no kind for the rest."""
    assert kinds_of(name) == {"unoffered"}
