"""A server as its independent tester reaches it: through plain boto3, with a key of the tester's own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from countenance.errors import SetupError
from countenance.wire.model import data_path

_BUSY: Final = frozenset({
    *("ThrottlingException", "ProvisionedThroughputExceededException", "RequestTimeoutException"),
})  # fmt: skip
_OF_THE_IMAGE: Final = frozenset({
    *("InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException"),
    *("ValidationException", "RequestEntityTooLargeException"),
})  # fmt: skip
_SENT_BEFORE: Final = "ResourceAlreadyExistsException"
_PATIENCE_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_LONGEST_LOOK_S: Final = 60.0
_SCORES_A_PAGE: Final = 10_000


class ImageRefused(Exception):
    """The server takes this image as no sample; others it may take. The message is the server's."""


class ServerUnderTest:
    """Calls that wait where the server asks to. Thread-safe.

    Args:
        endpoint_url: of the server.
        profile: of the AWS configuration, whose key signs; None for the environment's.
        tell: told of waits.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        endpoint_url: str,
        *,
        profile: str | None = None,
        region: str | None = None,
        ca_bundle: Path | None = None,
        tell: Callable[[str], None] = lambda _line: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        os.environ["AWS_DATA_PATH"] = str(data_path())  # boto3 reads our own service's model from there
        self._tell, self._sleep = tell, sleep
        try:
            session = boto3.Session(profile_name=profile)
            self._client: Any = session.client(
                "countenance",  # type: ignore[call-overload]  # its stubs know Amazon's services
                endpoint_url=endpoint_url,
                region_name=region or session.region_name or "us-east-1",
                verify=None if ca_bundle is None else str(ca_bundle),
                config=Config(retries={"total_max_attempts": 1}, read_timeout=300, max_pool_connections=32),
            )
        except BotoCoreError as error:
            raise SetupError(
                f"there is no access key to test with ({error})",
                remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give --profile",
            ) from None

    def create(self, **declared: Any) -> Mapping[str, Any]:
        """Begin a test; its summary."""
        test: Mapping[str, Any] = self._call("create_independent_test", **declared)["Test"]
        return test

    def get(self, test_id: str) -> Mapping[str, Any]:
        """How a test stands."""
        return self._call("get_independent_test", TestId=test_id)

    def add(self, test_id: str, **sample: Any) -> Mapping[str, Any] | None:
        """Send a sample; None where the test has one of that number.

        Raises:
            ImageRefused: the image is no sample.
            SetupError: the server refuses otherwise, or does not answer.
        """
        try:
            return self._call("add_test_sample", test_id=test_id, TestId=test_id, **sample)
        except ClientError as error:
            code = _code(error)
            if code == _SENT_BEFORE:
                return None
            if code in _OF_THE_IMAGE:
                raise ImageRefused(_said(error)) from None
            raise

    def finish(self, test_id: str) -> Mapping[str, Any]:
        """End the taking of samples, and wait for the figures; how the test stands then."""
        self._call("finish_independent_test", TestId=test_id)
        waits = iter(_PATIENCE_S)
        while (told := self.get(test_id))["Test"]["Status"] == "COMPUTING":
            self._sleep(next(waits, _PATIENCE_S[-1]))
        return told

    def scores(self, test_id: str) -> Iterator[Mapping[str, Any]]:
        """Every pair of enrolled samples."""
        token: dict[str, str] = {}
        while True:
            page = self._call("list_test_scores", TestId=test_id, MaxResults=_SCORES_A_PAGE, **token)
            yield from page["Scores"]
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}

    def delete(self, test_id: str) -> None:
        """Delete a test with its key."""
        self._call("delete_independent_test", TestId=test_id)

    def _call(self, operation: str, /, *, test_id: str | None = None, **members: Any) -> Mapping[str, Any]:
        """The answer, once the server takes the call.

        Args:
            test_id: of a sample: the test that says when the next one is taken.

        Raises:
            ClientError: about the sample itself, where `test_id` is given.
            SetupError: the server refuses, or has not answered for a while.
        """
        waits = iter(_PATIENCE_S)
        while True:
            try:
                answer: Mapping[str, Any] = getattr(self._client, operation)(**members)
            except ClientError as error:
                if _code(error) in _BUSY:
                    self._wait(test_id)
                    continue
                if test_id is not None and _code(error) in {_SENT_BEFORE, *_OF_THE_IMAGE}:
                    raise
                raise _refused(error) from None
            except BotoCoreError as error:
                wait_s = next(waits, None)
                if wait_s is None:
                    raise SetupError(
                        f"the server does not answer ({type(error).__name__})",
                        remedy="run the command again once it does: it goes on where it ended",
                    ) from None
                self._sleep(wait_s)
            else:
                return answer

    def _wait(self, test_id: str | None) -> None:
        """Until the tester may send again, or a moment where nothing says when."""
        next_at = None if test_id is None else self.get(test_id)["Limits"].get("NextSampleAt")
        if next_at is None:
            self._sleep(_PATIENCE_S[0])
            return
        self._tell(
            f"as many images as this key may send in an hour are sent: waiting until {next_at:%H:%M:%S}"
        )
        while (left_s := (next_at - datetime.now(UTC)).total_seconds()) > 0:
            self._sleep(min(left_s, _LONGEST_LOOK_S))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _said(error: ClientError) -> str:
    told = error.response.get("Error", {})
    return f"{told.get('Code', 'error')}: {told.get('Message', '')}"


def _refused(error: ClientError) -> SetupError:
    return SetupError(f"the server refuses ({_said(error)})", remedy="ask the officer who gave you the key")
