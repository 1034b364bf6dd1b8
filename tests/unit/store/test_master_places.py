from __future__ import annotations

import json
import stat
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store import KeyServiceError
from countenance.store.master_places import Places

STORE = uuid.UUID(int=7)


@pytest.fixture(params=["file", "kms"])
def kind(request) -> str:
    return request.param


@pytest.fixture
def places(tmp_path: Path, kms, kind) -> Places:
    return Places(tmp_path, kms.service() if kind == "kms" else None, STORE)


def test_a_key_that_was_made_is_there_and_ours_alone(places, kind):
    first, second = places.make(kind, 1), places.make(kind, 2)
    ending = {"file": "key", "kms": "kms"}[kind]
    assert [each.name for each in (first, second)] == [f"master.{ending}", f"master.2.{ending}"]
    assert places.load(first).fingerprint == first.fingerprint != second.fingerprint
    assert sorted(path.name for path in places.directory.iterdir()) == sorted([first.name, second.name])
    for path in places.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_in_a_service_is_on_the_disk_as_the_service_encrypted_it_alone(tmp_path, kms):
    places = Places(tmp_path, kms.service(), STORE)
    place = places.make("kms", 1)
    told = json.loads((tmp_path / place.name).read_bytes())
    assert places.key_id(place) == told["key_id"] == kms.key_id
    assert set(told) == {"format", "key_id", "ciphertext"}


def test_a_key_in_a_service_opens_for_its_own_key_store_alone(tmp_path, kms):
    """Files of two key stores may be mixed up; the service does not open one for the other."""
    place = Places(tmp_path, kms.service(), STORE).make("kms", 1)
    with pytest.raises(KeyServiceError):
        Places(tmp_path, kms.service(), uuid.UUID(int=8)).load(place)


def test_without_the_service_a_key_in_it_is_told_and_none_is_made(tmp_path, kms):
    place = Places(tmp_path, kms.service(), STORE).make("kms", 1)
    before = (tmp_path / place.name).read_bytes()
    for work in (
        lambda: Places(tmp_path, None, STORE).load(place),
        lambda: Places(tmp_path, None, STORE).make("kms", 2),
    ):
        with pytest.raises(SetupError, match=r"`kms_key_id` is not set.*COUNTENANCE_KMS_KEY_ID"):
            work()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_a_missing_damaged_or_exchanged_key_is_told(places, kind):
    place, other = places.make(kind, 1), places.make(kind, 2)
    path = places.directory / place.name
    whole = path.read_bytes()
    for content in (b"", whole[:-2], whole[:20]):
        path.write_bytes(content)
        with pytest.raises(SetupError, match=f"{place.name}` is damaged.*backup"):
            places.load(place)
    path.write_bytes((places.directory / other.name).read_bytes())
    with pytest.raises(SetupError, match=r"is not the one in use.*backup"):
        places.load(place)
    path.write_bytes(whole)
    path.chmod(0o640)
    with pytest.raises(SetupError, match=r"open to other users.*chmod 600"):
        places.load(place)
    path.unlink()
    with pytest.raises(SetupError, match=f"{place.name}` is missing.*backup"):
        places.load(place)
    path.mkdir()
    with pytest.raises(SetupError, match="cannot be read"):
        places.load(place)


@pytest.mark.parametrize(
    "change", [{"format": "another"}, {"ciphertext": "*"}, {"ciphertext": 3}, {"key_id": None}]
)
def test_a_file_of_a_service_that_is_none_is_told(tmp_path, kms, change):
    places = Places(tmp_path, kms.service(), STORE)
    place = places.make("kms", 1)
    told = json.loads((tmp_path / place.name).read_bytes())
    (tmp_path / place.name).write_text(json.dumps(told | change))
    with pytest.raises(SetupError, match="damaged"):
        places.load(place)


def test_a_ciphertext_of_another_key_of_the_service_does_not_open(tmp_path, kms):
    places = Places(tmp_path, kms.service(), STORE)
    place = places.make("kms", 1)
    other = kms.client.create_key()["KeyMetadata"]["Arn"]
    told = json.loads((tmp_path / place.name).read_bytes())
    (tmp_path / place.name).write_text(json.dumps(told | {"key_id": other}))
    with pytest.raises(KeyServiceError, match=other):
        places.load(place)


def test_what_could_not_be_read_back_is_not_relied_on(tmp_path, kms, monkeypatch):
    """The service made it and may not open it: that is told before anything is under it."""
    service = kms.service()
    monkeypatch.setattr(service, "open_key", replace_with_refusal)
    with pytest.raises(KeyServiceError, match="denied"):
        Places(tmp_path, service, STORE).make("kms", 1)


def replace_with_refusal(*_: object, **__: object) -> bytes:
    raise KeyServiceError("denied")


def test_a_place_of_another_fingerprint_is_another_key(places, kind):
    place = places.make(kind, 1)
    with pytest.raises(SetupError, match="not the one in use"):
        places.load(replace(place, fingerprint=b"x" * 16))
