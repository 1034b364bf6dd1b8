"""Our own service as a command reaches it: through plain boto3, with the key of whoever runs the command."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
_READ_TIMEOUT_S: Final = 120


def server_options(command: _Command) -> _Command:
    """Where the server is, and with which key it is asked."""
    for option in (
        click.option(
            "--ca-bundle",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="the certificate that the server's is signed by, where it is its own",
        ),
        click.option("--region", metavar="NAME", help="the server's; us-east-1 unless it says otherwise"),
        click.option(
            "--profile", metavar="NAME", help="of your AWS configuration; else the environment's key"
        ),
        click.option(
            "--endpoint-url", required=True, metavar="URL", envvar="AWS_ENDPOINT_URL", help="of the server"
        ),
    ):
        command = option(command)
    return command


class OwnService:
    """Calls of our own service, with botocore's own patience where the server asks for it."""

    def __init__(
        self, *, endpoint_url: str, profile: str | None, region: str | None, ca_bundle: Path | None
    ) -> None:
        """Raises SetupError: there is no key to call with."""
        import boto3  # a third of a second, which --help need not wait for
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        from countenance.errors import SetupError
        from countenance.wire.model import data_path

        os.environ["AWS_DATA_PATH"] = str(data_path())  # boto3 reads our own service's model from there
        try:
            session = boto3.Session(profile_name=profile)
            self._client: Any = session.client(
                "countenance",  # type: ignore[call-overload]  # its stubs know Amazon's services
                endpoint_url=endpoint_url,
                region_name=region or session.region_name or "us-east-1",
                verify=None if ca_bundle is None else str(ca_bundle),
                config=Config(retries={"total_max_attempts": 5}, read_timeout=_READ_TIMEOUT_S),
            )
        except BotoCoreError as error:
            raise SetupError(
                f"there is no access key to call with ({error})",
                remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give --profile",
            ) from None

    def call(self, operation: str, /, **members: Any) -> dict[str, Any]:
        """The answer, without what botocore adds; members that are None are not sent.

        Raises:
            SetupError: the server does not answer.
            click.ClickException: it refuses, with its words.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        from countenance.errors import SetupError

        given = {name: value for name, value in members.items() if value is not None}
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**given)
        except ClientError as error:
            told = error.response.get("Error", {})
            raise click.ClickException(f"{told.get('Code', 'error')}: {told.get('Message', '')}") from None
        except BotoCoreError as error:
            raise SetupError(
                f"the call could not be made ({error})",
                remedy="is the server there? `countenance doctor` on its machine says what is wrong",
            ) from None
        answer.pop("ResponseMetadata", None)
        return answer

    def pages(self, operation: str, /, **members: Any) -> Iterator[dict[str, Any]]:
        """Every answer, to the last. Raises as `call`."""
        token: str | None = None
        while True:
            page = self.call(operation, **members, NextToken=token)
            yield page
            token = page.get("NextToken")
            if token is None:
                return
