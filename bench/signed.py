"""Requests as bytes, signed beforehand, and a client that only sends and receives them.

A measured client must not spend the machine's time on what a caller's SDK does; signing and encoding
happen before the clock starts, and a request may be sent again while its signature is fresh (5 minutes).
"""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from countenance.cli.server_process import RunningServer


def image_of(picture: Path | bytes) -> dict[str, str]:
    data = picture.read_bytes() if isinstance(picture, Path) else picture
    return {"Bytes": base64.b64encode(data).decode()}


def sign(server: RunningServer, operation: str, members: dict[str, Any]) -> bytes:
    """The whole HTTP request of one Rekognition call."""
    body = json.dumps(members).encode()
    request = AWSRequest(
        "POST",
        f"{server.endpoint}/",
        data=body,
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"RekognitionService.{operation}",
            "Host": urlsplit(server.endpoint).netloc,
        },
    )
    credentials = Credentials(server.access_key_id, server.secret_access_key)
    SigV4Auth(credentials, "rekognition", server.region).add_auth(request)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"POST / HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def ask(server: RunningServer, operation: str, members: dict[str, Any]) -> dict[str, Any]:
    """One call on a connection of its own, since a server closes one that is idle for long."""
    connection = Connection(server.endpoint)
    try:
        return connection.require(sign(server, operation, members))
    finally:
        connection.close()


class Connection:
    """One kept-alive connection."""

    def __init__(self, endpoint: str) -> None:
        address = urlsplit(endpoint)
        self._socket = socket.create_connection((address.hostname, address.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, request: bytes) -> tuple[int, bytes]:
        """(status, body) of the answer."""
        self._socket.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        while len(body) < int(headers["content-length"]):
            body += self._receive()
        return int(lines[0].split()[1]), body

    def require(self, request: bytes) -> dict[str, Any]:
        status, body = self.call(request)
        if status != 200:
            raise SystemExit(f"the server answered {status}: {body[:300].decode('utf-8', 'replace')}")
        return json.loads(body)

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 20)
        if not data:
            raise SystemExit("the server closed the connection")
        return data
