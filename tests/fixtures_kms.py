"""A key management service for the tests: moto's server, over HTTP as AWS's; and one that only refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from countenance.settings import Settings
from countenance.store import KeyService

CREDENTIALS = {"access_key_id": "id", "secret_access_key": "secret"}


@dataclass(frozen=True)
class KmsServer:
    """Where it is, a client of it, and a key in it."""

    endpoint: str
    client: Any
    key_id: str

    def service(self, key_id: str = "") -> KeyService:
        return KeyService(key_id or self.key_id, endpoint=self.endpoint, region="us-east-1", **CREDENTIALS)

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a server whose master key is under the key."""
        return {
            "COUNTENANCE_KMS_KEY_ID": self.key_id,
            "COUNTENANCE_KMS_ENDPOINT": self.endpoint,
            "COUNTENANCE_KMS_ACCESS_KEY_ID": "id",
            "COUNTENANCE_KMS_SECRET_ACCESS_KEY": "secret",
        }

    def settings(self, **others: Any) -> Settings:
        return Settings.from_env(self.environment, **others)


@contextmanager
def kms_server() -> Iterator[KmsServer]:
    """One of its own, which may be stopped before the end."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "kms",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
    )
    try:
        yield KmsServer(endpoint, client, client.create_key()["KeyMetadata"]["Arn"])
    finally:
        server.stop()


@pytest.fixture(scope="session")
def kms() -> Iterator[KmsServer]:
    """One for all; tests make keys of their own where they change them."""
    with kms_server() as server:
        yield server


@dataclass
class RefusingKms:
    """Answers every call with the error `code`, as KMS words it; moto does not keep track of who may what.

    Attributes:
        asked: the operations that were asked for.
    """

    endpoint: str = ""
    code: str = "AccessDeniedException"
    status: int = 400
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def refusing_kms() -> Iterator[RefusingKms]:
    refusing = RefusingKms()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            refusing.asked.append(self.headers["X-Amz-Target"].rpartition(".")[2])
            body = json.dumps({"__type": refusing.code, "message": "no"}).encode()
            self.send_response(refusing.status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """The tests look at `asked`."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    refusing.endpoint = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield refusing
    listener.shutdown()
    listener.server_close()
    thread.join()
