"""The AWS CLI and the JavaScript SDK, as they are, over real sockets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("server")

JAVASCRIPT = Path(__file__).parent / "javascript"


def test_the_cli_works_as_its_own_command(service, tmp_path):
    """Once through the shell's door: `aws rekognition list-collections`."""
    done = subprocess.run(
        [sys.executable, "-m", "awscli", "rekognition", "list-collections", "--output", "json"],
        env=service.environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "CollectionIds" in json.loads(done.stdout)


@pytest.fixture(scope="module")
def photo_files(portraits):
    name = max(portraits.known, key=lambda person: len(portraits.known[person]))
    return [*portraits.known[name], portraits.stranger]


def test_the_cli_walks_through_every_operation(aws, photo_files):
    """Every offered operation once through the AWS CLI, in the order that a user would."""
    name = f"cli-{uuid.uuid4().hex[:8]}"

    def ok(*arguments):
        status, answer = aws(*arguments)
        assert status == 0, (arguments, answer)
        return answer

    assert ok("create-collection", "--collection-id", name)["StatusCode"] == 200
    arn = ok("describe-collection", "--collection-id", name)["CollectionARN"]
    assert name in ok("list-collections")["CollectionIds"]
    ok("tag-resource", "--resource-arn", arn, "--tags", "a=1")
    assert ok("list-tags-for-resource", "--resource-arn", arn)["Tags"] == {"a": "1"}
    ok("untag-resource", "--resource-arn", arn, "--tag-keys", "a")

    faces = [
        ok(
            "index-faces",
            "--collection-id",
            name,
            "--image-bytes",
            f"fileb://{path}",
            "--external-image-id",
            "p",
        )["FaceRecords"][0]["Face"]["FaceId"]
        for path in photo_files[:2]
    ]
    assert len(ok("list-faces", "--collection-id", name)["Faces"]) == 2
    assert (
        ok("search-faces", "--collection-id", name, "--face-id", faces[0])["FaceMatches"][0]["Face"]["FaceId"]
        == faces[1]
    )
    searched = ok(
        "search-faces-by-image", "--collection-id", name, "--image-bytes", f"fileb://{photo_files[2]}"
    )
    assert {match["Face"]["FaceId"] for match in searched["FaceMatches"]} == set(faces)
    compared = ok(
        "compare-faces",
        *("--source-image-bytes", f"fileb://{photo_files[0]}"),
        *("--target-image-bytes", f"fileb://{photo_files[-1]}"),
    )
    assert (compared["FaceMatches"], len(compared["UnmatchedFaces"])) == ([], 1)
    assert (
        len(
            ok("detect-faces", "--image-bytes", f"fileb://{photo_files[0]}", "--attributes", "ALL")[
                "FaceDetails"
            ]
        )
        == 1
    )

    ok("create-user", "--collection-id", name, "--user-id", "u")
    ok("associate-faces", "--collection-id", name, "--user-id", "u", "--face-ids", faces[0])
    assert len(ok("list-users", "--collection-id", name)["Users"]) == 1
    assert (
        ok("search-users", "--collection-id", name, "--face-id", faces[1])["UserMatches"][0]["User"]["UserId"]
        == "u"
    )
    by_image = ok(
        "search-users-by-image", "--collection-id", name, "--image-bytes", f"fileb://{photo_files[2]}"
    )
    assert by_image["UserMatches"][0]["User"]["UserId"] == "u"
    ok("disassociate-faces", "--collection-id", name, "--user-id", "u", "--face-ids", faces[0])
    ok("delete-user", "--collection-id", name, "--user-id", "u")
    assert set(ok("delete-faces", "--collection-id", name, "--face-ids", *faces)["DeletedFaces"]) == set(
        faces
    )
    assert ok("delete-collection", "--collection-id", name)["StatusCode"] == 200


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("describe-collection", "--collection-id", "absent"), "ResourceNotFoundException"),
        (("create-collection", "--collection-id", "a b"), "ValidationException"),
        (("list-collections", "--next-token", "made-up"), "InvalidPaginationTokenException"),
        (
            ("detect-labels", "--image", "S3Object={Bucket=photos,Name=a.jpg}"),
            "UnsupportedOperationException",
        ),
    ],
)
def test_the_cli_shows_errors_by_their_code(aws, arguments, code):
    """The CLI reads the code from the body."""
    status, error = aws(*arguments)
    assert status != 0
    assert f"({code})" in error


@pytest.mark.skipif(shutil.which("npm") is None, reason="node and npm are not on this machine")
def test_the_javascript_sdk_works(service, photo_files, tmp_path_factory):
    """A handful of calls and errors through @aws-sdk/client-rekognition."""
    workplace = tmp_path_factory.mktemp("javascript")
    for name in ("package.json", "package-lock.json", "client.mjs"):
        shutil.copy(JAVASCRIPT / name, workplace / name)
    environment = {**os.environ, **service.environment}
    installed = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=workplace, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    done = subprocess.run(
        ["node", "client.mjs", service.endpoint, *map(str, photo_files)],
        cwd=workplace, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert "all as expected" in done.stdout
