"""The master key is replaced, moved and killed half-way beside a server that answers all the while."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from countenance.cli.server_process import running_server
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.store import KeyServiceError, KeyStore
from countenance.store.master_key import MasterKey
from countenance.store.wrapped_files import context_of
from fixtures_kms import kms_server
from fixtures_server import Service, server_settings

pytestmark = [pytest.mark.xdist_group("keys-server"), pytest.mark.slow]
CALLERS = 6


@pytest.fixture(scope="module")
def portrait(portraits):
    """A photo of somebody, as bytes."""
    return next(iter(portraits.known.values()))[0].read_bytes()


def command(data_dir, *words, kms=None, check=True):
    done = subprocess.run(
        [sys.executable, "-m", "countenance.cli", "keys", *words, "--data-dir", str(data_dir), "--json"],
        capture_output=True,
        text=True,
        env=os.environ | (kms.environment if kms else {}),
    )
    assert not check or done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout) if done.returncode == 0 else done


def options(kms=None):
    named = (
        []
        if kms is None
        else [
            *("--kms-key-id", kms.key_id, "--kms-endpoint", kms.endpoint),
            *("--kms-access-key-id", "id", "--kms-secret-access-key", "secret"),
        ]
    )
    return ["--workers", "2", *named]


@contextmanager
def serving(data_dir, kms=None):
    with running_server(
        data_dir, server_settings(), accept_terms="Test, suite", log=str, options=options(kms)
    ) as running:
        yield Service(running, data_dir, Settings.from_env({}, data_dir=data_dir))


class Caller:
    """One connection; signs by itself, as a boto3 client for each session would take all of the time."""

    def __init__(self, service):
        host = service.endpoint.removeprefix("http://")
        self._connection = http.client.HTTPConnection(host, timeout=60)
        self._endpoint = service.endpoint
        self.first = Credentials(service.running.access_key_id, service.running.secret_access_key)

    def __call__(self, operation, *, service="rekognition", prefix="RekognitionService", key=None, **request):
        body = json.dumps(request).encode()
        headers = {
            "X-Amz-Target": f"{prefix}.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        signed = AWSRequest("POST", f"{self._endpoint}/", data=body, headers=headers)
        SigV4Auth(key or self.first, service, "us-east-1").add_auth(signed)
        self._connection.request("POST", "/", body, dict(signed.headers.items()))
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (operation, answer.status, text)
        return json.loads(text)

    def close(self):
        self._connection.close()

    def round(self, collection, face_id):
        """Keys of every kind are made, used and destroyed."""
        name = f"c-{uuid.uuid4().hex}"
        self("CreateCollection", CollectionId=name)  # two new key files
        made = self("GetSessionToken", service="countenance", prefix="CountenanceService")["Credentials"]
        session = Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        self("SearchFaces", CollectionId=collection, FaceId=face_id, key=session)  # a new sealed secret
        page = self("ListCollections", MaxResults=1)
        self("ListCollections", MaxResults=1, NextToken=page["NextToken"])  # a derived key
        self("DeleteCollection", CollectionId=name)


@contextmanager
def callers(service, face):
    """Clients that call until the context ends: then all of their calls were answered, and they were many."""
    over, answered, wrong = threading.Event(), [], []
    rekognition, collection = service.client(), f"shared-{uuid.uuid4().hex[:8]}"
    rekognition.create_collection(CollectionId=collection)
    rekognition.create_collection(CollectionId=f"{collection}-b")
    enrolled = rekognition.index_faces(CollectionId=collection, Image={"Bytes": face})["FaceRecords"]
    face_id = enrolled[0]["Face"]["FaceId"]

    def call():
        try:
            with closing(Caller(service)) as caller:
                while not over.is_set():
                    caller.round(collection, face_id)
                    answered.append(face_id)
        except Exception as error:
            wrong.append(repr(error))
            raise

    with ThreadPoolExecutor(CALLERS) as pool:
        for _ in range(CALLERS):
            pool.submit(call)
        try:
            time.sleep(1.0)
            yield
            deadline = time.monotonic() + 60
            time.sleep(1.0)
            while len(answered) <= 2 * CALLERS and not wrong and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            over.set()
    assert wrong == []
    assert len(answered) > 2 * CALLERS


def masters(data_dir):
    return sorted(path.name for path in (data_dir / "keys").glob("*master*"))


def test_no_call_fails_while_the_master_key_is_replaced_again_and_again(tmp_path, portrait):
    """Two workers and the sequencer go along by themselves; the old keys open nothing afterwards."""
    data_dir, old = tmp_path / "data", []
    with serving(data_dir) as service:
        with callers(service, portrait):
            for number in range(1, 6):
                name = "master.key" if number == 1 else f"master.{number}.key"
                old.append(MasterKey((data_dir / "keys" / name).read_bytes()))
                told = command(data_dir, "rotate")
                assert told["PassedOver"] == []
        assert masters(data_dir) == ["master.6.key"]
        (master,) = command(data_dir, "status")["MasterKeys"]
        assert master["KeysAndSecrets"] > 10
        for path in (data_dir / "keys").rglob("*"):
            if path.is_file() and (context := context_of(path)) is not None:
                assert [key.unwrap(path.read_bytes(), context) for key in old] == [None] * len(old)
        with callers(service, portrait):
            command(data_dir, "reseal")
    with serving(data_dir) as service:
        assert service.client().list_collections()["CollectionIds"]


def test_a_server_serves_on_after_a_rotation_was_killed_and_the_next_start_finishes_it(tmp_path, portrait):
    data_dir = tmp_path / "data"
    with serving(data_dir) as service, callers(service, portrait):
        for delay_s in (0.9, 1.1, 1.3, 1.5, 1.7, 1.9, 2.1):
            process = subprocess.Popen(
                [sys.executable, "-m", "countenance.cli", "keys", "rotate", "--data-dir", str(data_dir)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(delay_s)
            process.send_signal(signal.SIGKILL)
            process.wait()
        ring = KeyStore.open(data_dir / "keys").ring
        if len(ring.read().places) == 1:  # none of them died between its beginning and its end
            place = ring.places(ring.read()).make("file", ring.read().places[0].number + 1)
            with ring.exclusively():
                ring.replace(replace(ring.read(), places=(place, *ring.read().places)))
        newest = ring.read().places[0].name
    with serving(data_dir) as service:
        assert "rotation of the master key that was interrupted is finished" in "\n".join(service.log_lines())
        assert masters(data_dir) == [newest]
        assert service.client().list_collections()["CollectionIds"]


def test_the_master_key_moves_into_a_key_service_beside_a_server_that_knows_it(tmp_path, portrait):
    """One that does not know it is told of, and nothing is moved."""
    data_dir = tmp_path / "data"
    with kms_server() as kms:
        with serving(data_dir):
            refused = command(data_dir, "move", "--to", "kms", kms=kms, check=False)
            assert refused.returncode == 3
            assert "uses these keys" in refused.stderr
            assert masters(data_dir) == ["master.key"]
        with serving(data_dir, kms) as service, callers(service, portrait):
            command(data_dir, "move", "--to", "kms", kms=kms)
            command(data_dir, "rotate", kms=kms)
        assert masters(data_dir) == ["master.3.kms"]
        with serving(data_dir, kms) as service, callers(service, portrait):
            command(data_dir, "move", "--to", "file", kms=kms)
    with serving(data_dir) as service:
        assert masters(data_dir) == ["master.4.key"]
        assert service.client().list_collections()["CollectionIds"]


def test_a_server_whose_key_service_goes_away_serves_on_and_starts_no_more(tmp_path, portrait):
    """Also when one of its workers dies then: the other one answers, and the server does not end."""
    data_dir = tmp_path / "data"
    with ExitStack() as stack:
        with kms_server() as kms:
            service = stack.enter_context(serving(data_dir, kms))
        with pytest.raises(KeyServiceError, match="EndpointConnectionError"):  # it is gone now
            KeyStore.open(data_dir / "keys", kms.service())
        with callers(service, portrait):
            pass
        os.kill(workers(service)[0], signal.SIGKILL)
        time.sleep(1.0)
        with callers(service, portrait):
            time.sleep(15.0)
        assert "a worker ended with status -9: starting another" in "\n".join(service.log_lines())
    with (
        pytest.raises(SetupError, match="the key service did not open the master key"),
        serving(data_dir, kms),
    ):
        raise AssertionError
    assert masters(data_dir) == ["master.kms"]


def workers(service):
    """Process ids of the server's workers."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                if parent == service.running.process_id and b"cli.worker" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found
