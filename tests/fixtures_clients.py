"""The AWS CLI as it is, its commands in one process: starting Python anew for each would take a second."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures_server import Service

AwsCli = Callable[..., tuple[int, Any]]

_COMMANDS = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver

driver = create_clidriver()
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = driver.main(json.loads(line))
    print(json.dumps([status, out.getvalue(), err.getvalue()]), flush=True)
"""


@contextmanager
def aws_cli(environment: Mapping[str, str], home: Path) -> Iterator[AwsCli]:
    """Run `aws rekognition ...`; a call returns (status, parsed output or error text)."""
    cli = subprocess.Popen(
        [sys.executable, "-c", _COMMANDS],
        env={"AWS_MAX_ATTEMPTS": "1", **environment, "HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert cli.stdin is not None
    assert cli.stdout is not None
    commands, answers = cli.stdin, cli.stdout

    def run(*arguments: str) -> tuple[int, Any]:
        commands.write(json.dumps(["rekognition", *arguments, "--output", "json"]) + "\n")
        commands.flush()
        status, out, err = json.loads(answers.readline())
        if status:
            return status, err
        return 0, json.loads(out) if out.strip() else {}

    with cli:
        yield run
        commands.close()


@pytest.fixture(scope="module")
def aws(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsCli]:
    """The AWS CLI with the first account's key."""
    with aws_cli(service.environment, tmp_path_factory.mktemp("home")) as run:
        yield run
