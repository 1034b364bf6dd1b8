"""What the story is told with: clients, calls that are shown with their answers, and what went wrong."""

from __future__ import annotations

import configparser
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from rich.markup import escape

from countenance.cli.demo_proof import Receipts
from countenance.cli.server_process import RunningServer
from countenance.wire.model import data_path

_COMMAND_TIMEOUT_S = 120
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who calls: both services under one key.

    Attributes:
        rekognition: a plain boto3 client of Amazon's API.
        countenance: a boto3 client of ours.
    """

    name: str
    account_id: str
    rekognition: Any
    countenance: Any

    @property
    def refusal(self) -> type[Exception]:
        """What boto3 raises for an answer that is an error."""
        kind: type[Exception] = self.rekognition.exceptions.ClientError
        return kind


@dataclass(slots=True)
class Stage:
    """Shows each call and its answer; keeps the receipts of all of them."""

    console: Console
    server: RunningServer
    scratch: Path
    failures: list[str] = field(default_factory=list)
    receipts: Receipts = field(default_factory=Receipts)

    @property
    def data_dir(self) -> Path:
        return self.scratch / "data"

    def title(self, scene: Callable[..., None]) -> None:
        """The first line of the scene's docstring."""
        words = (scene.__doc__ or "").strip().splitlines()[0].rstrip(".")
        self.console.print(f"\n[bold]{escape(words)}[/bold]")

    def tell(self, words: str) -> None:
        self.console.print(f"  {escape(words)}", soft_wrap=True)

    def fail(self, words: str) -> None:
        self.failures.append(words)
        self.console.print(f"  [red]{escape(words)}[/red]", soft_wrap=True)

    def profile(self, name: str) -> tuple[str, str]:
        """A key of the credentials file that the server wrote."""
        profiles = configparser.ConfigParser()
        profiles.read(self.data_dir / "credentials")
        return profiles[name]["aws_access_key_id"], profiles[name]["aws_secret_access_key"]

    def party(self, name: str, key: str, secret: str, token: str | None = None) -> Party:
        """Two plain boto3 clients that hold one key."""
        os.environ["AWS_DATA_PATH"] = str(data_path())  # boto3 reads our own service's model from there
        os.environ["AWS_MAX_ATTEMPTS"] = "1"  # a refusal is told at once
        session: Any = boto3.Session(key, secret, token, region_name=self.server.region)
        clients = [
            session.client(service, endpoint_url=self.server.endpoint)
            for service in ("rekognition", "countenance")
        ]
        for client in clients:
            self.receipts.collect_from(client)
        account_id = str(clients[1].get_caller_identity()["AccountId"])
        return Party(name, account_id, *clients)

    def call(
        self, who: Party, operation: str, words: Callable[[Any], str] = lambda _: "", /, **request: Any
    ) -> Any:
        """A call that must be answered; shown with what `words` says of the answer."""
        try:
            answer = self._send(who, operation, request)
        except who.refusal as error:
            self._show(who, operation, request, self._told(error))
            self.fail(f"{who.name}: {operation} should have been answered")
            return None
        self._show(who, operation, request, words(answer) or "answered")
        return answer

    def refused(self, who: Party, operation: str, rule: str, /, **request: Any) -> str:
        """A call that must be refused by a rule; shown with the refusal, which is returned."""
        try:
            self._send(who, operation, request)
        except who.refusal as error:
            told = self._told(error)
            self._show(who, operation, request, told)
            if rule not in told:
                self.fail(f"{who.name}: {operation} should have been refused by {rule}")
            return told
        self._show(who, operation, request, "answered")
        self.fail(f"{who.name}: {operation} should have been refused by {rule}")
        return ""

    def run(self, *arguments: str, show: int = _SHOWN) -> str:
        """A `countenance` command on the server's machine; its output, the first lines of it shown."""
        self.console.print(f"  $ countenance {escape(shlex.join(arguments))}", soft_wrap=True)
        done = subprocess.run(  # noqa: S603  # our own program and arguments
            [sys.executable, "-m", "countenance.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
            env={**os.environ, "COUNTENANCE_DATA_DIR": str(self.data_dir)},
        )
        said = (done.stdout + done.stderr).strip()
        for line in said.splitlines()[:show]:
            self.console.print(f"    {escape(line)}", soft_wrap=True)
        if done.returncode != 0:
            self.fail(
                f"`countenance {arguments[0]} {arguments[1]}` ended with status {done.returncode}: {said}"
            )
        return done.stdout

    def _send(self, who: Party, operation: str, request: dict[str, Any]) -> Any:
        client = who.countenance if hasattr(who.countenance, operation) else who.rekognition
        return getattr(client, operation)(**request)

    def _show(self, who: Party, operation: str, request: dict[str, Any], answer: str) -> None:
        plain = {name: value for name, value in request.items() if not _is_picture(value)}
        shown = ", ".join(f"{name}={value!r}" for name, value in plain.items())
        self.console.print(
            f"  [cyan]{escape(who.name)}[/cyan] {operation}({escape(shown)})", soft_wrap=True, highlight=False
        )
        self.console.print(f"    -> {escape(answer)}", soft_wrap=True, highlight=False)

    @staticmethod
    def _told(error: Any) -> str:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"


def _is_picture(value: Any) -> bool:
    return isinstance(value, dict) and "Bytes" in value
