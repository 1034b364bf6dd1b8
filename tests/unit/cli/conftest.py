"""The whole command line on an installation of the test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from countenance.cli.main import SETUP_IS_WRONG, countenance
from countenance.errors import ServiceError, SetupError
from countenance.store import KeyStore
from fixtures_store import fresh_database

OLGA, OTTO = "Olga Officer", "Otto Officer"


class CommandLine:
    """Runs `countenance …` where the environment names the installation."""

    def __init__(self, data_dir: Path, database_url: str) -> None:
        self.data_dir = data_dir
        self.names: dict[str, str] = {}
        self.environment = {
            "COUNTENANCE_DATA_DIR": str(data_dir),
            "COUNTENANCE_DATABASE_URL": database_url,
        }

    def run(self, *words: Any, input: str | bytes | None = None) -> Result:  # noqa: A002  # as click names it
        """Whatever comes of it."""
        runner = CliRunner(env=self.environment)
        named = [self.names.get(str(word), str(word)) for word in words]
        return runner.invoke(countenance, named, input=input, terminal_width=200)

    def says(self, *words: Any, **given: Any) -> str:
        """What it prints, when it is done; notes as well."""
        done = self.run(*words, **given)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    def json(self, *words: Any, **given: Any) -> Any:
        """The one document that it prints with --json."""
        done = self.run(*words, "--json", **given)
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)

    def fails(self, *words: Any, **given: Any) -> tuple[int, str]:
        """Exit code and message, as `main` would turn the error into them."""
        done = self.run(*words, **given)
        match done.exception:
            case SetupError() as error:
                return SETUP_IS_WRONG, str(error)
            case ServiceError() as error:
                return 1, error.message
            case SystemExit():
                assert done.exit_code != 0, done.output
                return done.exit_code, done.output
        raise AssertionError((done.output, done.exception))


@pytest.fixture
def cli(empty_database_url, tmp_path) -> CommandLine:
    """An installation without accounts."""
    KeyStore.open(tmp_path / "data" / "keys")
    return CommandLine(tmp_path / "data", empty_database_url)


@pytest.fixture(scope="module")
def still(postgres_url, tmp_path_factory) -> Iterator[CommandLine]:
    """An installation for tests that change nothing, with `HOUSE` and `ACCOUNT` in words given to it."""
    folder = tmp_path_factory.mktemp("still") / "data"
    KeyStore.open(folder / "keys")
    with fresh_database(postgres_url) as url:
        cli = CommandLine(folder, url)
        cli.names["HOUSE"] = cli.json("accounts", "create", "House")["AccountId"]
        cli.json("terms", "accept", "HOUSE", "--officer", f"{OLGA}, director")
        cli.names["ACCOUNT"] = cli.json("accounts", "create", "Museum", "--profile", "business")["AccountId"]
        yield cli


@pytest.fixture
def house(cli) -> str:
    """The house's account: its terms accepted by Olga, who is its first officer."""
    account_id = cli.json("accounts", "create", "House")["AccountId"]
    cli.json("terms", "accept", account_id, "--officer", f"{OLGA}, director")
    return account_id


@pytest.fixture
def officers(cli, house) -> tuple[str, str]:
    """Two of them."""
    cli.json("officers", "add", OTTO, "--role", "appeals")
    return OLGA, OTTO


@pytest.fixture
def account(cli, house) -> str:
    """An account that is not the house."""
    return cli.json("accounts", "create", "City Museum", "--profile", "business")["AccountId"]
