"""The audit commands beside a running server, as its operator runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid

import pytest

FOUND_WITHIN_S = 20


@pytest.fixture
def audit(service):
    """Run `countenance audit` beside the server: standard output of what must succeed."""
    where = ["--data-dir", str(service.data_dir), *service.database_options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTENANCE_")}

    def audit(*words, on_files=False):
        command = [sys.executable, "-m", "countenance.cli", "audit", *map(str, words)]
        done = subprocess.run(
            [*command, *([] if on_files else where)], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return audit


@pytest.fixture
def account(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


def within(seconds, look):
    """What `look` returns once it is something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.2)
    return found


def test_a_call_is_followed_exported_and_verified(service, rekognition, audit, account, tmp_path):
    """From the answer to a file that proves it: the caller's receipt against the operator's mirror."""
    name = f"watched-{uuid.uuid4().hex[:12]}"
    answer = rekognition.create_collection(CollectionId=name)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    rekognition.delete_collection(CollectionId=name)
    event, receipts = headers["x-countenance-event-id"], tmp_path / "receipts.txt"
    receipts.write_text(headers["x-countenance-receipt"] + "\n")

    def exported():
        lines = audit("export", "--format", "jsonl", "--account", account, "--since", "1h").splitlines()
        return [own for own in map(json.loads, lines) if own["entry"]["event"] == event]

    (own,) = within(FOUND_WITHIN_S, exported)
    assert own["openings"]["collection"][0]["value"] == name
    assert own["names"]["key"] == service.running.access_key_id
    tailed = map(
        json.loads, audit("tail", "-n", "1000", "--account", account, "--open", "--json").splitlines()
    )
    assert own in list(tailed)

    def mirrored():
        audit("export", "--format", "tlog", "-o", tmp_path / "mirror")
        return int((tmp_path / "mirror" / "checkpoint").read_text().splitlines()[1]) > own["index"]

    within(FOUND_WITHIN_S, mirrored)
    log_key = next(key["vkey"] for key in json.loads(audit("keys", "--json")) if key["use"] == "log")
    words = ["verify", tmp_path / "mirror", "--log-key", log_key, "--receipts", receipts]
    assert "the log is what it promised" in audit(*words, on_files=True)


def test_the_log_of_a_running_server_keeps_up(rekognition, audit):
    """What is recorded gets its place and is published, without anybody's doing."""
    rekognition.list_collections()

    def settled():
        status = json.loads(audit("status", "--json"))
        return status if status["pending"]["events"] == 0 and status["published"] else None

    status = within(FOUND_WITHIN_S, settled)
    assert status["behind"] == []
    assert status["published"]["size"] <= status["size"]
