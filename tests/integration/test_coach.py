"""CoachPhoto through boto3 and a real socket, with real photos."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageFilter

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture
def ours(service):
    return service.client("countenance")


def blurred(data, radius):
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB").filter(ImageFilter.GaussianBlur(radius))
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def test_a_photo_is_good_enough_until_it_is_blurred(ours, portraits):
    data = portraits.stranger.read_bytes()
    told = ours.coach_photo(Image={"Bytes": data}, Purpose="photo-library")
    assert (told["IsGoodEnough"], told["Signs"]) == (True, [])
    assert "photo-library" in told["SuitablePurposes"]
    poor = ours.coach_photo(Image={"Bytes": blurred(data, 6)}, Purpose="photo-library")
    assert poor["IsGoodEnough"] is False
    assert poor["Signs"][0]["Code"] == "SHARPNESS"
    assert poor["Signs"][0]["Measured"] < poor["Signs"][0]["Wanted"]


def test_what_is_wrong_with_a_request_is_said(ours, portraits, refusal):
    data = portraits.stranger.read_bytes()
    code, message, _ = refusal(ours.coach_photo, Image={"Bytes": data}, Purpose="identity-verification")
    assert code == "InvalidParameterException"
    assert "nobody is enrolled" in message
    code, _, _ = refusal(ours.coach_photo, Image={"Bytes": b"no photo"})
    assert code == "InvalidImageFormatException"
    code, _, _ = refusal(ours.coach_photo)
    assert code == "ValidationException"


def test_it_is_on_record_like_every_look_at_a_face(service, portraits, ours):
    told = ours.coach_photo(Image={"Bytes": portraits.stranger.read_bytes()})
    receipt = told["ResponseMetadata"]["HTTPHeaders"]["x-countenance-receipt"]
    assert receipt
