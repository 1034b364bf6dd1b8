"""Overload slows clients down; it kills nothing, and one account's flood is its own."""

from __future__ import annotations

import json
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from base64 import b64encode
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from countenance.cli.server_process import running_server
from fixtures_clients import aws_cli
from fixtures_server import Service, server_settings
from paths import REPOSITORY
from tiny_pictures import coloured_blocks, encoded, with_segment

pytestmark = [pytest.mark.xdist_group("overload"), pytest.mark.slow]

FLOOD = REPOSITORY / "bench" / "flood.py"
CLIENTS = 128
SECONDS = 20
MIB = 1 << 20
IN_FLIGHT = 64 * MIB
MOST_GROWTH_MIB = {"standard": 1024, "open": 2048}
"""Of both workers, by pack: bodies in flight, and pictures of four calls with what nets make of them, of
which the detector of `open` makes more. The flood sends 900 MiB at a time."""
SLOWED = {"200", "ThrottlingException", "ProvisionedThroughputExceededException"}
LOST = {"ConnectionResetError", "BrokenPipeError"}
"""A client that goes on sending for long after it was refused may lose the refusal; SDKs try again."""
AFTER_SUSPENSION = {"AccessDeniedException"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data_dir, settings = tmp_path_factory.mktemp("overload") / "data", server_settings()
    options = ["--workers", "2", "--max-bytes-in-flight", str(IN_FLIGHT)]
    with running_server(data_dir, settings, accept_terms="Test, suite", options=options) as running:
        yield Service(running, data_dir, settings)


@pytest.fixture(scope="module")
def largest_photo():
    """5 MiB, as large as the service takes: 12 megapixels of picture, and the rest in comments."""
    photo = encoded(coloured_blocks(4000, 3000), quality=90)
    while len(photo) + 65_537 < 5 * MIB:
        photo = with_segment(photo, 0xFE, bytes(65_533))
    return photo


def _signed(server, operation, members, keys):
    """The whole HTTP request, as the flood sends it again and again."""
    body = json.dumps(members).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"RekognitionService.{operation}",
        "Host": urlsplit(server.endpoint).netloc,
    }
    request = AWSRequest("POST", f"{server.endpoint}/", data=body, headers=headers)
    credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
    SigV4Auth(credentials, "rekognition", server.running.region).add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"POST / HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _start_flood(server, request, *, clients=CLIENTS, seconds=SECONDS, pause_s=0.5):
    plan = {
        "endpoint": server.endpoint,
        "requests": [request],
        "clients": clients,
        "seconds": seconds,
        "pause_s": pause_s,
    }
    flood = subprocess.Popen([sys.executable, str(FLOOD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pickle.dump(plan, flood.stdin)
    flood.stdin.close()
    return flood


def _report(flood):
    with flood.stdout as output:
        told = json.loads(output.read())
    assert flood.wait(10) == 0
    return told


def _workers(server):
    """Process ids of the workers."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            status = (entry / "status").read_text() if entry.name.isdigit() else ""
            if f"\nPPid:\t{server.running.process_id}\n" in status:
                command = (entry / "cmdline").read_text()
                found |= {int(entry.name)} if "countenance.cli.worker" in command else set()
        except OSError:
            continue
    return found


def _resident_mib(pids):
    found = [re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1] for pid in pids]
    return sum(map(int, found)) / 1024


def _health(server):
    with urllib.request.urlopen(f"{server.endpoint}/health", timeout=60) as answer:
        return answer.status


def _patient(server, keys, **retries):
    """A client as people use it: with boto3's own retries."""
    return boto3.Session(region_name=server.running.region).client(
        "rekognition",
        endpoint_url=server.endpoint,
        aws_access_key_id=keys["aws_access_key_id"],
        aws_secret_access_key=keys["aws_secret_access_key"],
        config=Config(retries=retries or None, read_timeout=60),
    )


class Watch:
    """Looks at memory and health, again and again, while something goes on."""

    def __init__(self, server, pids):
        self.most_mib = 0.0
        self.health = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(server, pids))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self, server, pids):
        while not self._stop.wait(0.3):
            self.most_mib = max(self.most_mib, _resident_mib(pids))
            self.health[_health(server)] += 1


def test_one_accounts_flood_of_the_largest_photos_is_its_own(server, largest_photo, default_pack):
    """Nobody is killed, memory is bounded, others are served, and an officer can end it."""
    flooding, other = server.make_account("Flooding"), server.make_account("Other")
    client, officer = _patient(server, other), server.officer()
    small = encoded(coloured_blocks(640, 480))
    client.detect_faces(Image={"Bytes": small})
    pids, before_mib = _workers(server), _resident_mib(_workers(server))
    image = {"Image": {"Bytes": b64encode(largest_photo).decode()}}
    request = _signed(server, "DetectFaces", image, flooding)
    assert len(request) > 6.9e6
    with Watch(server, pids) as watch:
        flood = _start_flood(server, request, seconds=SECONDS * 1.5)
        until, answered = time.monotonic() + SECONDS * 0.6, 0
        while time.monotonic() < until:
            client.detect_faces(Image={"Bytes": small})
            client.list_collections()
            answered += 2
        officer.change_standing(
            AccountId=flooding["account"], Standing="suspended", Reason="a flood of photographs"
        )
        told = _report(flood)
    codes = Counter(told["codes"])
    assert set(codes) <= SLOWED | AFTER_SUSPENSION | LOST, codes
    assert codes["200"] > 0
    assert codes["ThrottlingException"] > 0, "the flood was none"
    assert codes["AccessDeniedException"] > 0, "the suspension came too late to be seen"
    assert answered >= 4
    assert set(watch.health) == {200}
    assert _workers(server) == pids, "a worker was lost"
    assert watch.most_mib - before_mib < MOST_GROWTH_MIB[default_pack.manifest.name]
    client.detect_faces(Image={"Bytes": small})
    assert server.officer().describe_account()["Standing"] == "good"


def test_many_accounts_floods_leave_room_for_one_more(server, largest_photo):
    floods = []
    for number in range(4):
        keys = server.make_account(f"Flooding {number}")
        image = {"Image": {"Bytes": b64encode(largest_photo).decode()}}
        request = _signed(server, "DetectFaces", image, keys)
        floods.append(_start_flood(server, request, clients=CLIENTS // 4, seconds=SECONDS / 2))
    client, pids = _patient(server, server.make_account("New")), _workers(server)
    small = encoded(coloured_blocks(640, 480))
    until = time.monotonic() + SECONDS / 3
    while time.monotonic() < until:
        client.detect_faces(Image={"Bytes": small})
    codes = sum((Counter(_report(flood)["codes"]) for flood in floods), Counter())
    assert set(codes) <= SLOWED | LOST, codes
    assert _workers(server) == pids


def _limit(server, account, *words):
    done = subprocess.run(
        [sys.executable, "-m", "countenance.cli", "accounts", "limit", account, *words],
        env={**os.environ, "COUNTENANCE_DATA_DIR": str(server.data_dir)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_limit_holds_over_all_processes_together(server):
    """Two workers, eight connections, no retries: what is granted is what one process might have granted."""
    keys = server.make_account("Limited")
    _limit(server, keys["account"], "--calls-per-s", "10", "--burst", "5")
    request = _signed(server, "ListCollections", {}, keys)
    began = time.monotonic()
    told = _report(_start_flood(server, request, clients=8, seconds=4, pause_s=0.01))
    lasted, codes = time.monotonic() - began, Counter(told["codes"])
    assert set(codes) == {"200", "ProvisionedThroughputExceededException"}
    assert 20 <= codes["200"] <= 5 + 10 * lasted + 1


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_sdks_recover_by_themselves_from_a_limit(server, mode):
    """Their built-in retries are enough: the program that calls sees nothing but time."""
    keys = server.make_account(f"Limited, {mode}")
    _limit(server, keys["account"], "--calls-per-s", "5", "--burst", "3")
    client = _patient(server, keys, mode=mode, max_attempts=8)
    attempts = []
    while len(attempts) < 12 or (max(attempts) == 0 and len(attempts) < 200):
        attempts.append(client.list_collections()["ResponseMetadata"]["RetryAttempts"])
    assert max(attempts) > 0, "the limit was never reached"
    impatient = server.client(**{name: value for name, value in keys.items() if name != "account"})
    with pytest.raises(ClientError) as caught:
        for _ in range(20):
            impatient.list_collections()
    error = caught.value.response
    assert error["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    _limit(server, keys["account"], "--default")
    for _ in range(20):
        impatient.list_collections()


def test_the_aws_cli_recovers_by_itself_from_a_limit(server, tmp_path):
    """With as many attempts as it makes where nobody says anything; with one it shows what it met."""
    keys = server.make_account("Limited, CLI")
    _limit(server, keys["account"], "--calls-per-s", "2", "--burst", "1")
    environment = server.environment | {
        "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
    }
    with aws_cli(environment | {"AWS_MAX_ATTEMPTS": "5"}, tmp_path) as run:
        assert [run("list-collections")[0] for _ in range(5)] == [0] * 5
    _limit(server, keys["account"], "--calls-per-s", "1", "--burst", "1")
    with aws_cli(environment, tmp_path) as run:
        told = [run("list-collections") for _ in range(5)]
    assert any("ProvisionedThroughputExceededException" in str(words) for _, words in told)


def test_clients_that_never_read_and_never_send_hold_nobody_up(server):
    """Half a body, an answer left lying, a connection that says nothing."""
    keys = server.make_account("Still")
    address = urlsplit(server.endpoint)
    request = _signed(server, "DetectFaces", {"Image": {"Bytes": "A" * 100_000}}, keys)
    listing = _signed(server, "ListCollections", {}, keys)
    opened = []
    try:
        for number in range(300):
            client = socket.create_connection((address.hostname, address.port), timeout=10)
            opened.append(client)
            if number % 3 == 0:
                client.sendall(request[:50_000])
            elif number % 3 == 1:
                client.sendall(listing)
        began = time.monotonic()
        for _ in range(5):
            _patient(server, server.make_account("Awake")).list_collections()
        assert _health(server) == 200
        assert time.monotonic() - began < 120
    finally:
        for client in opened:
            client.close()
