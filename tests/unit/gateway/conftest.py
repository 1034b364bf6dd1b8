"""Gateways in front of the real operations and galleries; only the nets are stood in for."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from countenance.facts import Claims
from countenance.policy import PolicyEngine
from countenance.wire.model import Models
from fixtures_gateway import Bench, header
from fixtures_store import fresh_database
from governed import ready_account
from small_server import SmallServer, small_server

RealOperation = Callable[[Any, Any], Any]


@dataclasses.dataclass
class Party:
    """An account with a key, at the gateway of a server with real operations."""

    server: SmallServer
    bench: Bench
    token: str | None = None

    @property
    def account_id(self) -> str:
        return self.bench.account.account_id

    def __call__(self, operation: str, /, *, service: str = "rekognition", **request: Any) -> Any:
        """The answer and its body; pictures (bytes at any depth) are sent as Amazon's clients send them."""
        given = {} if self.token is None else {"token": self.token}
        return self.bench.call(operation, _to_wire(request), service=service, **given)

    def told(self, operation: str, /, **request: Any) -> Any:
        """The body of a call that must be answered."""
        answer, told = self(operation, **request)
        assert answer.status == 200, told
        return told

    def refused(self, operation: str, /, **request: Any) -> str:
        """The message of a call that policy must refuse."""
        answer, told = self(operation, **request)
        assert (answer.status, told["__type"]) == (400, "AccessDeniedException"), told
        return told["Message"]

    def entry(self, answer: Any) -> dict[str, Any]:
        """The members of the call's entry, what they commit to opened."""
        return self.bench.event(header(answer, "x-countenance-event-id"))

    def as_(self, purpose: str | None, **claims: Any) -> Party:
        """The same account with another key; with claims, by temporary credentials."""
        accounts = self.bench.services.accounts
        key = accounts.create_access_key(self.account_id, operator="tester", purpose=purpose)
        if not claims:
            return dataclasses.replace(self, bench=dataclasses.replace(self.bench, key=key), token=None)
        with self.bench.database.transaction() as connection:
            session = accounts.create_session(
                connection, key.access_key_id, 900, purpose=purpose, claims=Claims(**claims)
            )
        temporary = dataclasses.replace(key, access_key_id=session.access_key_id, secret=session.secret)
        bench = dataclasses.replace(self.bench, key=temporary)
        return dataclasses.replace(self, bench=bench, token=session.session_token)

    def with_operations(self, **operations: RealOperation) -> Party:
        """The same, but for some operations."""
        services = self.bench.services
        offered = {name: dict(table) for name, table in services.operations.items()}
        for name, operation in operations.items():
            assert name in offered["rekognition"]
            offered["rekognition"][name] = operation
        replaced = dataclasses.replace(services, operations=offered)
        return dataclasses.replace(self, bench=dataclasses.replace(self.bench, services=replaced))


def _to_wire(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _to_wire(part) for name, part in value.items()}
    return [_to_wire(part) for part in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def real_server(
    postgres_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    models: Models,
    policy: PolicyEngine,
) -> Iterator[SmallServer]:
    """One for all tests of a module: each makes accounts of its own in it."""
    folder = tmp_path_factory.mktemp("real")
    with (
        fresh_database(postgres_url) as url,
        small_server(url, folder / "data", models=models, policy=policy) as server,
    ):
        yield server


@pytest.fixture
def party(real_server: SmallServer) -> Callable[..., Party]:
    """Makes an account that has purposes, with a key for the first of them."""

    def make(*purposes: str, **given: Any) -> Party:
        services = real_server.bench.services
        account = ready_account(services.accounts, services.governance, "Party", *purposes, **given)
        bench = dataclasses.replace(real_server.bench, account=account)
        return Party(real_server, bench).as_(purposes[0] if purposes else "development")

    return make
