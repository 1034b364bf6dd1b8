"""An auditor tests a whole server: real nets, workers and job runner, and the command in its own process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

DECLARED = {"Name": "spring", "TestedBy": "State University", "DataSet": "portraits"}


@pytest.fixture(scope="module")
def tester(service):
    """A tester's key, as the operator's command makes it beside the running server."""
    where = ["--data-dir", str(service.data_dir)]
    if service.database_options:
        where += service.database_options
    who = ("Ada Auditor", "--organisation", "State University", "--officer", "Test")
    words = ("testers", "add", *who, *where, "--json")
    done = countenance(service, *words)
    made = json.loads(done.stdout)
    return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}


@pytest.fixture(scope="module")
def photos(portraits, tmp_path_factory):
    """A folder for each person; one photo is no picture any more."""
    folder = tmp_path_factory.mktemp("audit") / "portraits"
    for number, paths in enumerate(portraits.known.values()):
        (folder / f"person {number}").mkdir(parents=True)
        for path in paths:
            shutil.copy(path, folder / f"person {number}")
    (folder / "stranger").mkdir()
    shutil.copy(portraits.stranger, folder / "stranger")
    return folder


def countenance(service, *words, environment=None):
    done = subprocess.run(
        [sys.executable, "-m", "countenance.cli", *words],
        capture_output=True,
        text=True,
        timeout=240,
        env=service.environment | (environment or {}),
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_server_says_of_the_photos_what_a_local_evaluation_says(service, tester, photos, tmp_path):
    """Exactly the production pipeline: whoever has the pack gets the same figures without the server."""
    out = tmp_path / "results"
    countenance(
        service,
        *("independent-test", str(photos), "--endpoint-url", service.endpoint, "--out", str(out)),
        *("--tested-by", "State University"),
        environment={name.upper(): value for name, value in tester.items()},
    )
    theirs = json.loads((out / "evaluation.json").read_text())
    models = [] if service.settings.models is None else ["--models", str(service.settings.models)]
    local = countenance(service, "evaluate", str(photos), "--no-cache", "--threads", "1", "--json", *models)
    ours = json.loads(local.stdout)
    for member in ("verification", "identification", "pack", "calibration", "program"):
        assert theirs[member] == ours[member], member
    ours["failure_to_enrol"].pop("by_reason", None)
    assert theirs["failure_to_enrol"] == ours["failure_to_enrol"]


@pytest.mark.parametrize("harm", ["cut off", "no picture", "a bomb"])
def test_hostile_images_are_refused_and_the_test_goes_on(service, tester, photos, harm):
    """A tester is a stranger: what it sends is opened by the same careful hands as all else."""
    good = next(photos.glob("*/*")).read_bytes()
    bad = {
        "cut off": good[: len(good) // 3],
        "no picture": b"\xff\xd8\xff" + b"\x00" * 2000,
        "a bomb": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xff\xff\x00\x00\xff\xff\x08\x06\x00\x00\x00"
        + b"\x00" * 64,
    }[harm]
    client = service.client("countenance", **tester)
    test_id = client.create_independent_test(**DECLARED)["Test"]["TestId"]
    with pytest.raises(ClientError) as caught:
        client.add_test_sample(TestId=test_id, Number=1, Image=bad, Subject="s")
    assert caught.value.response["Error"]["Code"] in {"InvalidImageFormatException", "ImageTooLargeException"}
    assert client.add_test_sample(TestId=test_id, Number=1, Image=good, Subject="s")["Enrolled"]
    client.delete_independent_test(TestId=test_id)


def test_a_testers_key_reads_neither_the_log_nor_a_collection(service, tester, rekognition):
    """On the server as it is started, with all of its rules."""
    name = "of the operator"
    client = service.client(**tester)
    with pytest.raises(ClientError, match="TEST-001"):
        client.list_collections()
    with pytest.raises(ClientError, match="TEST-001"):
        service.client("countenance", **tester).list_audit_entries()
    with pytest.raises(ClientError, match="TEST-002"):
        service.client("countenance").create_independent_test(**DECLARED | {"Name": name})
