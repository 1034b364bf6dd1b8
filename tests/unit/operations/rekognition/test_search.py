from __future__ import annotations

import pytest

from countenance.errors import InvalidParameterException, ResourceNotFoundException
from fakes.vision import person, picture

NOBODY = "00000000-0000-4000-8000-000000000000"
NO_FACE = r"^There are no faces in the image\. Should be at least 1\.$"


def matches(answer):
    return [match["Face"]["FaceId"] for match in answer["FaceMatches"]]


def users(answer):
    return [match["User"]["UserId"] for match in answer["UserMatches"]]


@pytest.fixture
def user(call, collection):
    """Make a user of some faces."""

    def user(user_id, *face_ids):
        call("CreateUser", CollectionId=collection, UserId=user_id)
        if face_ids:
            call("AssociateFaces", CollectionId=collection, UserId=user_id, FaceIds=list(face_ids))

    return user


class TestSearchFaces:
    def test_matches_are_ranked_and_the_searched_face_is_not_among_them(self, call, collection, index):
        [plain] = index(picture(person("ada")))
        [similar] = index(picture(person("ada", likeness=0.9)))
        [other] = index(picture(person("bob")))
        answer = call("SearchFaces", CollectionId=collection, FaceId=plain)
        assert (answer["SearchedFaceId"], answer["FaceModelVersion"]) == (plain, "1.0")
        assert matches(answer) == [similar]
        everything = call("SearchFaces", CollectionId=collection, FaceId=plain, FaceMatchThreshold=0.0)
        assert matches(everything) == [similar, other]
        similarities = [match["Similarity"] for match in everything["FaceMatches"]]
        assert similarities == sorted(similarities, reverse=True)

    def test_a_match_has_the_stored_face(self, call, collection, index):
        first, second = (index(picture(person("ada"), note=note), ExternalImageId="e")[0] for note in "12")
        [match] = call("SearchFaces", CollectionId=collection, FaceId=first)["FaceMatches"]
        [listed] = call("ListFaces", CollectionId=collection, FaceIds=[second])["Faces"]
        assert match["Face"] == listed
        assert match["Face"]["IndexFacesModelVersion"] == "1.0"

    def test_an_unknown_face_is_an_invalid_parameter(self, call, collection):
        """Not ResourceNotFoundException: so AWS does, and clients match on the message."""
        with pytest.raises(InvalidParameterException, match=r"^faceId was not found in the collection$"):
            call("SearchFaces", CollectionId=collection, FaceId=NOBODY)

    def test_an_unknown_collection_is_not_found(self, call):
        with pytest.raises(ResourceNotFoundException):
            call("SearchFaces", CollectionId="nobody", FaceId=NOBODY)

    def test_max_faces_keeps_the_best(self, call, collection, index):
        [probe] = index(picture(person("ada")))
        index(picture(person("ada", likeness=0.9)))
        [twin] = index(picture(person("ada"), note="again"))
        assert matches(call("SearchFaces", CollectionId=collection, FaceId=probe, MaxFaces=1)) == [twin]

    def test_another_accounts_face_cannot_be_searched_for(self, other_call, collection, index):
        [face] = index(picture(person("ada")))
        other_call("CreateCollection", CollectionId=collection)
        with pytest.raises(InvalidParameterException):
            other_call("SearchFaces", CollectionId=collection, FaceId=face)


class TestSearchFacesByImage:
    def search(self, call, data, **options):
        return call("SearchFacesByImage", CollectionId="friends", Image={"Bytes": data}, **options)

    def test_the_largest_face_is_searched_for(self, call, index):
        [ada] = index(picture(person("ada")))
        index(picture(person("bob")))
        answer = self.search(call, picture(person("bob", size=90), person("ada", left=300, size=250)))
        assert matches(answer) == [ada]
        assert answer["SearchedFaceBoundingBox"]["Width"] == 0.25
        assert answer["SearchedFaceConfidence"] == pytest.approx(99.9)
        assert answer["FaceModelVersion"] == "1.0"

    def test_the_picture_that_was_indexed_finds_its_own_face(self, call, index):
        """Unlike SearchFaces, which leaves the searched face out."""
        [ada] = index(picture(person("ada")))
        answer = self.search(call, picture(person("ada")))
        assert matches(answer) == [ada]
        assert answer["FaceMatches"][0]["Similarity"] > 99

    def test_nobody_like_that_is_an_empty_list(self, call, index):
        index(picture(person("ada")))
        assert self.search(call, picture(person("eve")))["FaceMatches"] == []

    def test_no_face_is_an_error_with_the_words_that_clients_match_on(self, call, collection):
        with pytest.raises(InvalidParameterException, match=NO_FACE):
            self.search(call, picture())

    def test_the_filter_is_off_by_default(self, call, index):
        [ada] = index(picture(person("ada")))
        assert matches(self.search(call, picture(person("ada", brightness=1.0)))) == [ada]

    def test_a_rejected_largest_face_is_no_face_and_no_smaller_one_takes_its_place(self, call, index):
        index(picture(person("ada")))
        dark = picture(person("eve", size=300, brightness=1.0), person("ada", left=500))
        with pytest.raises(InvalidParameterException, match=NO_FACE):
            self.search(call, dark, QualityFilter="AUTO")

    def test_the_threshold_is_inclusive(self, call, index):
        index(picture(person("ada", likeness=0.9)))
        seen = self.search(call, picture(person("ada")))["FaceMatches"][0]["Similarity"]
        assert self.search(call, picture(person("ada")), FaceMatchThreshold=seen)["FaceMatches"]
        above = self.search(call, picture(person("ada")), FaceMatchThreshold=seen + 0.005)
        assert above["FaceMatches"] == []

    def test_a_collection_is_searched_with_the_pack_it_was_made_with(self, call, index, models):
        [ada] = index(picture(person("ada")))
        models.upgrade()
        answer = self.search(call, picture(person("ada")))
        assert (matches(answer), answer["FaceModelVersion"]) == ([ada], "1.0")

    def test_a_deleted_face_is_not_found_any_more(self, call, collection, index):
        [ada] = index(picture(person("ada")))
        call("DeleteFaces", CollectionId=collection, FaceIds=[ada])
        assert self.search(call, picture(person("ada")))["FaceMatches"] == []

    def test_another_account_finds_no_collection(self, other_call, collection):
        with pytest.raises(ResourceNotFoundException):
            self.search(other_call, picture(person("ada")))


class TestSearchUsers:
    def test_a_face_finds_its_own_user_and_needs_none(self, call, collection, index, user):
        faces = index(picture(person("ada"))) + index(picture(person("ada", likeness=0.9)))
        user("ada", *faces)
        [loose] = index(picture(person("ada"), note="again"))
        for face in (faces[0], loose):
            answer = call("SearchUsers", CollectionId=collection, FaceId=face)
            assert users(answer) == ["ada"]
            assert answer["UserMatches"][0]["User"]["UserStatus"] == "ACTIVE"
            assert answer["SearchedFace"] == {"FaceId": face}
            assert "SearchedUser" not in answer

    def test_a_user_is_not_its_own_match(self, call, collection, index, user):
        user("ada", *index(picture(person("ada"))))
        user("twin", *index(picture(person("ada", likeness=0.9))))
        answer = call("SearchUsers", CollectionId=collection, UserId="ada")
        assert users(answer) == ["twin"]
        assert answer["SearchedUser"] == {"UserId": "ada"}
        assert "SearchedFace" not in answer
        assert answer["FaceModelVersion"] == "1.0"

    def test_a_user_without_faces_finds_nobody_and_is_found_by_nobody(self, call, collection, index, user):
        [ada] = index(picture(person("ada")))
        user("empty")
        assert users(call("SearchUsers", CollectionId=collection, UserId="empty")) == []
        by_face = call("SearchUsers", CollectionId=collection, FaceId=ada, UserMatchThreshold=0.0)
        assert users(by_face) == []

    @pytest.mark.parametrize("both", [{}, {"UserId": "ada", "FaceId": NOBODY}])
    def test_it_takes_one_of_user_and_face(self, call, collection, both):
        with pytest.raises(InvalidParameterException):
            call("SearchUsers", CollectionId=collection, **both)

    @pytest.mark.parametrize("one", [{"UserId": "nobody"}, {"FaceId": NOBODY}])
    def test_an_unknown_user_or_face_is_not_found(self, call, collection, one):
        with pytest.raises(ResourceNotFoundException):
            call("SearchUsers", CollectionId=collection, **one)

    def test_max_users_keeps_the_best(self, call, collection, index, user):
        user("ada", *index(picture(person("ada"))))
        user("bob", *index(picture(person("bob"))))
        [probe] = index(picture(person("ada"), note="probe"))
        answer = call(
            "SearchUsers", CollectionId=collection, FaceId=probe, UserMatchThreshold=0.0, MaxUsers=1
        )
        assert users(answer) == ["ada"]


class TestSearchUsersByImage:
    def search(self, call, data, **options):
        return call("SearchUsersByImage", CollectionId="friends", Image={"Bytes": data}, **options)

    def test_the_largest_face_is_searched_for_and_the_others_are_told(self, call, index, user):
        user("ada", *index(picture(person("ada"))))
        answer = self.search(call, picture(person("bob", left=600, size=90), person("ada", size=250)))
        assert users(answer) == ["ada"]
        assert answer["SearchedFace"]["FaceDetail"]["BoundingBox"]["Width"] == 0.25
        [unsearched] = answer["UnsearchedFaces"]
        assert unsearched["Reasons"] == ["FACE_NOT_LARGEST"]
        assert set(unsearched["FaceDetails"]) == {
            "BoundingBox",
            "Confidence",
            "Landmarks",
            "Pose",
            "Quality",
        }
        assert answer["FaceModelVersion"] == "1.0"

    def test_no_face_is_an_answer_without_a_searched_face(self, call, collection):
        """SearchFacesByImage makes an error of it; this operation does not."""
        assert self.search(call, picture()) == {
            "UserMatches": [],
            "FaceModelVersion": "1.0",
            "UnsearchedFaces": [],
        }

    def test_a_rejected_largest_face_is_told_with_its_reasons(self, call, index, user):
        user("ada", *index(picture(person("ada"))))
        data = picture(person("eve", size=300, brightness=1.0), person("ada", left=500))
        answer = self.search(call, data, QualityFilter="AUTO")
        assert answer["UserMatches"] == []
        assert "SearchedFace" not in answer
        assert answer["UnsearchedFaces"][0]["Reasons"] == ["LOW_BRIGHTNESS"]
        assert answer["UnsearchedFaces"][1]["Reasons"] == ["FACE_NOT_LARGEST"]

    def test_the_filter_is_off_by_default(self, call, index, user):
        user("ada", *index(picture(person("ada"))))
        assert users(self.search(call, picture(person("ada", brightness=1.0)))) == ["ada"]

    def test_a_missing_collection_is_not_found(self, call):
        with pytest.raises(ResourceNotFoundException):
            self.search(call, picture(person("ada")))
