"""`countenance users` against a real server: found, looked at, merged, undone."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid

import pytest

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture
def run(service):
    """`run(*words)`: exit code and what it printed; JSON read."""

    def call(*words, env=None):
        done = subprocess.run(
            [sys.executable, "-m", "countenance.cli", "users", *words],
            env=service.environment | {"AWS_ENDPOINT_URL": service.endpoint} | (env or {}),
            capture_output=True,
            text=True,
            timeout=120,
        )
        told = done.stdout
        return done.returncode, json.loads(told) if "--json" in words and told else told, done.stderr

    return call


@pytest.fixture
def twice(service, collection, portraits):
    """A man who was enrolled as two users."""
    client = service.client()
    for user, path in zip(("ada", "ada-2"), max(portraits.known.values(), key=len), strict=False):
        told = client.index_faces(CollectionId=collection, Image={"Bytes": path.read_bytes()})
        client.create_user(CollectionId=collection, UserId=user)
        face_ids = [told["FaceRecords"][0]["Face"]["FaceId"]]
        client.associate_faces(CollectionId=collection, UserId=user, FaceIds=face_ids)
    return collection


def test_who_was_enrolled_twice_is_found_merged_and_made_two_again(run, twice, service):
    code, found, told = run("collisions", twice, "--json")
    assert code == 0, told
    assert [{each["First"], each["Second"]} for each in found] == [{"ada", "ada-2"}]
    code, looked, told = run("merge", twice, "ada-2", "ada", "--dry-run")
    assert (code, "False match rate" in looked, "Merge " in looked) == (0, True, False), told
    code, merged, told = run("merge", twice, "ada-2", "ada", "--json")
    assert code == 0, told
    code, [listed], _ = run("merges", twice, "--json")
    assert listed["MergeId"] == merged["MergeId"]
    assert run("outliers", twice, "--user", "ada", "--json")[:2] == (0, [])
    code, undone, told = run("undo", twice, merged["MergeId"])
    assert (code, "Faces back" in undone) == (0, True), told
    users = service.client().list_users(CollectionId=twice)["Users"]
    assert {each["UserId"] for each in users} == {"ada", "ada-2"}


def test_what_is_refused_is_told_in_the_servers_words(run, twice):
    code, _, told = run("merge", twice, "nobody", "ada")
    assert (code, "ResourceNotFoundException" in told, "Traceback" in told) == (1, True, False)
    code, _, told = run("undo", twice, str(uuid.uuid4()))
    assert (code, "no merge" in told) == (1, True)
    code, looked, _ = run("merge", twice, "ada-2", "ada", "--dry-run", "--threshold", "100", "--json")
    assert (code, looked["Compared"]["Obstacles"]) == (1, ["LOW_SIMILARITY"])
    assert run("merge", twice, "ada-2")[0] == 2


def test_a_server_that_is_not_there_is_said_to_be_so(run, twice):
    code, _, told = run("merges", twice, env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert (code, "remedy:" in told, "Traceback" in told) == (3, True, False)
