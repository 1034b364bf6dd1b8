"""The server as an importer reaches it: over its socket, signed with an access key, as any other client."""

from __future__ import annotations

import configparser
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from countenance.errors import SetupError
from countenance.importing.records import Request
from countenance.wire.model import data_path

_BUSY: Final = frozenset({
    *("ThrottlingException", "ProvisionedThroughputExceededException", "RequestTimeoutException"),
    *("ConflictException", "TooManyRequestsException"),
})  # fmt: skip
_OF_THE_PHOTO: Final = frozenset({
    *("InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"),
    *("ValidationException", "RequestEntityTooLargeException", "SerializationException"),
})  # fmt: skip


class Busy(Exception):
    """The server asks to slow down."""


class Unreachable(Exception):
    """Nobody answers, or the server failed at the call: it may be another time."""

    def __init__(self, message: str, *, is_there: bool) -> None:
        super().__init__(message)
        self.is_there = is_there


class Refused(Exception):
    """The server refuses this call, and would refuse it again. `is_of_the_photo`: others it may not."""

    def __init__(self, code: str, message: str, *, is_of_the_photo: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.is_of_the_photo = code, message, is_of_the_photo


class Server:
    """Thread-safe. Reads its access key again when nobody answers: the server may be elsewhere by now."""

    def __init__(self, request: Request, *, at_once: int = 4) -> None:
        self._request = request
        self._at_once = at_once
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._where: tuple[str, ...] = ()
        self.find()

    def find(self) -> None:
        """Read where the server is and which key it takes.

        Raises:
            SetupError: the profile is not there, or does not say where.
        """
        where = _where(self._request)
        with self._lock:
            if where != self._where:
                self._where, self._clients = where, {}

    @property
    def endpoint(self) -> str:
        """Where it is."""
        return self._where[0]

    @property
    def region(self) -> str:
        return self._where[1]

    def call(self, operation: str, /, *, service: str = "countenance", **members: Any) -> Mapping[str, Any]:
        """The answer.

        Raises:
            Busy, Unreachable, Refused
        """
        try:
            answer: Mapping[str, Any] = getattr(self._client(service), operation)(**members)
        except ClientError as error:
            raise _translated(error) from None
        except BotoCoreError as error:
            raise Unreachable(
                f"{self.endpoint} does not answer ({type(error).__name__})", is_there=False
            ) from None
        return answer

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = _client(service, self._where, self._request, self._at_once)
            return self._clients[service]


def require_reachable(server: Server) -> str:
    """The account that the key is of.

    Raises:
        SetupError: there is no server, or it does not take the key.
    """
    try:
        answer = server.call("get_caller_identity")
    except Unreachable as error:
        raise SetupError(str(error), remedy="start it with `countenance serve`") from None
    except Busy:
        raise SetupError("the server is too busy", remedy="try again") from None
    except Refused as error:
        raise SetupError(
            f"the server does not take the access key ({error})", remedy="give another with --profile"
        ) from None
    account_id: str = answer["AccountId"]
    return account_id


def _translated(error: ClientError) -> Exception:
    told = error.response["Error"]
    code, message = str(told.get("Code", "")), str(told.get("Message", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _BUSY or status == 429:
        return Busy(f"{code}: {message}")
    if status >= 500:
        return Unreachable(f"the server failed ({code or status}: {message})", is_there=True)
    return Refused(code, message, is_of_the_photo=code in _OF_THE_PHOTO)


def _where(request: Request) -> tuple[str, ...]:
    """Endpoint, region, and key."""
    path = Path(request.credentials)
    profiles = configparser.ConfigParser()
    profiles.read(path)
    if request.profile not in profiles:
        raise SetupError(
            f"there is no profile `{request.profile}` in `{path}`",
            remedy="start the server once (`countenance serve`), or give --profile and --credentials",
        )
    profile = profiles[request.profile]
    endpoint = request.endpoint_url or profile.get("endpoint_url", "")
    if not endpoint:
        raise SetupError(
            f"the profile `{request.profile}` does not say where the server is",
            remedy="give --endpoint-url, or write endpoint_url into the profile",
        )
    try:
        key, secret = profile["aws_access_key_id"], profile["aws_secret_access_key"]
    except KeyError as error:
        raise SetupError(f"the profile `{request.profile}` has no {error.args[0]}") from None
    return (
        *(endpoint, profile.get("region", "us-east-1"), key, secret),
        profile.get("aws_session_token", ""),
    )


def _client(service: str, where: tuple[str, ...], request: Request, at_once: int) -> Any:
    endpoint, region, key, secret, token = where
    core = botocore.session.Session()
    core.set_config_variable("data_path", str(data_path()))
    session: Any = boto3.Session(botocore_session=core, region_name=region)
    return session.client(
        service,
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token or None,
        verify=request.tls_cert if request.tls_cert and endpoint.startswith("https") else None,
        config=Config(
            retries={"total_max_attempts": 1},  # we wait ourselves, and know for what
            connect_timeout=10,
            read_timeout=300,
            max_pool_connections=at_once,
            proxies={},
        ),
    )
