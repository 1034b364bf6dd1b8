"""The console's calls: signed with the session's key, and through the same pipeline as everybody's."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from countenance.gateway.call import Answer, Head
from countenance.gateway.pipeline import Pipeline
from countenance.gateway.sigv4 import sign
from countenance.wire.model import Models, ServiceModel

OURS: Final = "countenance"
AMAZONS: Final = "rekognition"
_AT_ONCE: Final = 8
_HOST: Final = "console.invalid"
"""Signed, as every call's host is; no such host can exist (RFC 6761)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a call is signed with."""

    access_key_id: str
    secret: str
    session_token: str | None = None


class CallRefused(Exception):
    """The gateway answered with an error; `event_id` names its entry in the log."""

    def __init__(self, *, code: str, message: str, status: int, event_id: str) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.event_id = code, message, status, event_id


@dataclass(frozen=True, slots=True)
class Called:
    """What a call was answered with, and the headers that tell more of it."""

    response: dict[str, Any]
    headers: Mapping[str, str]
    sent_bytes: int


class GatewayCalls:
    """Makes calls within this process. Thread-safe.

    Nothing is passed by: admission, rate limits, policy and record are those of a call from outside.
    """

    def __init__(self, pipeline: Pipeline, models: Models, *, region: str) -> None:
        self._pipeline = pipeline
        self._models = models
        self._region = region
        self._beside = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="console")

    @property
    def region(self) -> str:
        """That calls are signed for."""
        return self._region

    def together(self, *asked: Callable[[], Any]) -> list[Any]:
        """What several calls answer, made at once: each waits for its entry to be durable.

        Raises:
            Whatever the first that failed raised.
        """
        return list(self._beside.map(lambda each: each(), asked))

    def close(self) -> None:
        """Wait for what runs."""
        self._beside.shutdown()

    def now(self) -> datetime:
        """The time that calls are judged by."""
        return self._pipeline.now()

    def call(
        self,
        credentials: Credentials,
        service: str,
        operation: str,
        request: Mapping[str, Any],
        *,
        client: str,
    ) -> Called:
        """The answer, as JSON has it: times are seconds since 1970.

        Raises:
            CallRefused: it was refused, or failed.
        """
        body = orjson.dumps(request, default=_encoded)
        answer = self._answer(credentials, self._models.services[service], operation, body, client)
        told = orjson.loads(answer.body) if answer.body else {}
        headers = {name.lower(): value for name, value in answer.headers}
        if answer.status != 200:
            raise CallRefused(
                code=str(told.get("__type", "InternalServerError")),
                message=str(told.get("Message") or told.get("message") or "the call failed"),
                status=answer.status,
                event_id=headers.get("x-amzn-requestid", ""),
            )
        return Called(told, headers, len(body))

    def _answer(
        self, credentials: Credentials, service: ServiceModel, operation: str, body: bytes, client: str
    ) -> Answer:
        now = self._pipeline.now()
        headers = {
            "host": _HOST,
            "content-type": f"application/x-amz-json-{service.json_version}",
            "content-length": str(len(body)),
            "x-amz-target": f"{service.target_prefix}.{operation}",
        }
        if credentials.session_token is not None:
            headers["x-amz-security-token"] = credentials.session_token
        signed = sign(
            headers,
            body,
            access_key_id=credentials.access_key_id,
            secret=credentials.secret,
            now=now,
            region=self._region,
            service=service.signing_name,
        )
        head = Head(method="POST", path="/", query="", headers=signed, received_at=now, client=client)
        admitted = self._pipeline.admit(head)
        return admitted if isinstance(admitted, Answer) else self._pipeline.answer(admitted, body)


def _encoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError
