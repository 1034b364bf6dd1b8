"""Independent tests: what testers have running here, each under a key of its own and for a while."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from countenance.assurance.independent_keys import key_name
from countenance.assurance.independent_limits import Limits
from countenance.assurance.independent_records import (
    KEPT,
    LEAST_SAMPLES,
    MOST_SAMPLES,
    Binding,
    Declaration,
    IndependentTest,
    LabelledSample,
    Room,
    Status,
)
from countenance.assurance.independent_seal import IndependentSeal
from countenance.errors import (
    ConflictException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from countenance.store import Connection, Database, KeyStore, UnitOfWork, load_queries
from countenance.store.jobs import Jobs, Task

_QUERIES = load_queries("countenance.assurance", "independent_tests.sql")


class IndependentTests:
    """Thread-safe; holds no connection. Of another tester's test it says that there is none.

    What is written through a unit of work is durable with the call's event, or not at all. A test's key is
    made before its rows and destroyed behind them; what a crash leaves, `independent_expiry` destroys.
    """

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys
        self._limits = Limits(database)

    def room(self, account_id: str) -> Room:
        """What the tester may still use.

        Raises:
            ResourceNotFoundException: the account is no tester's.
        """
        return self._limits.room(account_id)

    def require_room_for_sample(self, account_id: str) -> None:
        """For before anything is decoded; `add` asks again, and then it counts.

        Raises:
            ThrottlingException: not now; says when.
            ServiceQuotaExceededException: not at all.
        """
        self._limits.require_sample(self.room(account_id))

    def require_new(self, test: IndependentTest, number: int) -> None:
        """For before anything is decoded: that a sample of that number is still to come.

        Raises:
            ResourceAlreadyExistsException: the test has one.
        """
        values = {"test_id": test.test_id, "number": number}
        with self._database.read() as connection:
            if connection.execute(_QUERIES["find_number"], values).fetchone() is not None:
                raise _sent_before(number)

    def create(
        self,
        uow: UnitOfWork,
        account_id: str,
        declaration: Declaration,
        binding: Binding,
    ) -> IndependentTest:
        """A new test, open for samples.

        Raises:
            ServiceQuotaExceededException: the tester has as many as it may.
        """
        connection = uow.connection
        self._limits.require_test(self._limits.hold(connection, account_id))
        test_id, now = uuid.uuid4(), datetime.now(UTC)
        seal = IndependentSeal(self._keys.create_secret(key_name(test_id)), test_id)
        row = connection.execute(
            _QUERIES["create_test"],
            {
                "test_id": test_id,
                "account_id": account_id,
                "expires_at": now + KEPT,
                "face_model_version": binding.pack["face_model_version"],
                "bound": json.dumps(binding.to_json()),
                "sealed_declaration": seal.seal_declaration(asdict(declaration)),
            },
        ).fetchone()
        assert row is not None
        return IndependentTest(
            test_id=test_id,
            account_id=account_id,
            status=Status.OPEN,
            created_at=row[0],
            expires_at=now + KEPT,
            face_model_version=binding.pack["face_model_version"],
            binding=binding,
            declaration=declaration,
        )

    def require(self, account_id: str | None, test_id: uuid.UUID) -> IndependentTest:
        """The tester's test of that id, with its figures if it has them; any tester's for None.

        Raises:
            ResourceNotFoundException: the tester has none (any more).
        """
        found = self._find(account_id, test_id=test_id, limit=1)
        if not found:
            raise _no_test(test_id)
        return found[0]

    def list_tests(
        self, account_id: str, *, limit: int, after: uuid.UUID | None = None
    ) -> Sequence[IndependentTest]:
        """The tester's tests by id, those behind `after`, at most `limit`."""
        return self._find(account_id, after=after, limit=limit)

    def add(self, uow: UnitOfWork, test: IndependentTest, sample: LabelledSample) -> None:
        """Keep a sample of an open test, and count it.

        Raises:
            ConflictException: the test takes no more samples.
            ResourceAlreadyExistsException: the test has a sample of that number.
            ResourceNotFoundException: the test is gone meanwhile.
            ServiceQuotaExceededException: the test is full, or the tester may send no more at all.
            ThrottlingException: the tester may send no more now; says when.
        """
        connection = uow.connection
        self._limits.require_sample(self._limits.hold(connection, test.account_id))
        self._require_open(connection, test)
        values: dict[str, Any] = {"test_id": test.test_id, "number": sample.number}
        (count,) = _row(connection, "count_samples", values)
        if count >= MOST_SAMPLES:
            raise ServiceQuotaExceededException(f"the test has {count} samples, and {MOST_SAMPLES} are taken")
        sealed = {
            "sealed": self._require_seal(test.test_id).seal_sample(sample),
            "is_enrolled": sample.template is not None,
        }
        if connection.execute(_QUERIES["add_sample"], values | sealed).rowcount == 0:
            raise _sent_before(sample.number)
        self._limits.use_sample(connection, test.account_id)

    def finish(self, uow: UnitOfWork, test: IndependentTest, assess: Task) -> IndependentTest:
        """Take no more samples, and have the figures computed by a job; again is no error.

        Args:
            assess: the job's kind: it is given the test's id, and calls `keep_figures`.

        Raises:
            ConflictException: there are too few samples.
        """
        connection = uow.connection
        (status,) = self._locked(connection, test)
        if status != "open":
            return replace(test, status=Status(status.upper()))
        (count,) = _row(connection, "count_samples", {"test_id": test.test_id})
        if count < LEAST_SAMPLES:
            raise ConflictException(f"the test has {count} samples, and figures need {LEAST_SAMPLES}")
        self._change(connection, test.test_id, "open", "computing")
        Jobs(self._database).defer(
            assess,
            {"test_id": str(test.test_id)},
            lock=f"{assess.name}/{test.test_id}",
            connection=connection,
        )
        return replace(test, status=Status.COMPUTING)

    def delete(self, uow: UnitOfWork, test: IndependentTest) -> None:
        """Delete a test with all its samples and figures, and destroy its key once that is committed."""
        values = {"test_id": test.test_id, "account_id": test.account_id}
        uow.connection.execute(_QUERIES["delete_test"], values)
        uow.after_commit(lambda: self._keys.destroy_secret(key_name(test.test_id)))

    def samples(self, test: IndependentTest) -> list[LabelledSample]:
        """All of its samples, by number, opened.

        Raises:
            BrokenIndependentSeal: one was changed in the database.
            ResourceNotFoundException: the test is gone meanwhile.
        """
        seal = self._require_seal(test.test_id)
        with self._database.read() as connection:
            rows = connection.execute(_QUERIES["read_samples"], {"test_id": test.test_id}).fetchall()
        return [seal.unseal_sample(number, bytes(sealed)) for number, sealed in rows]

    def numbers(self, test: IndependentTest) -> list[tuple[int, bool]]:
        """Its samples' numbers, and whether each is enrolled."""
        with self._database.read() as connection:
            return connection.execute(_QUERIES["list_numbers"], {"test_id": test.test_id}).fetchall()

    def keep_figures(self, test: IndependentTest, figures: dict[str, Any]) -> bool:
        """Finish a test whose figures are computed; False where it is gone or finished already."""
        sealed = self._require_seal(test.test_id).seal_figures(figures)
        with self._database.transaction() as connection:
            values = {"test_id": test.test_id, "sealed": sealed}
            return connection.execute(_QUERIES["keep_figures"], values).rowcount == 1

    def fail(self, test: IndependentTest) -> None:
        """Say that no figures can be computed of what there is."""
        with self._database.transaction() as connection:
            self._change(connection, test.test_id, "computing", "failed")

    def _find(
        self,
        account_id: str | None,
        *,
        limit: int,
        test_id: uuid.UUID | None = None,
        after: uuid.UUID | None = None,
    ) -> list[IndependentTest]:
        values = {"account_id": account_id, "test_id": test_id, "after": after, "limit": limit}
        with self._database.read() as connection:
            rows = connection.execute(_QUERIES["find_tests"], values).fetchall()
        return list(self._opened(rows))

    def _opened(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[IndependentTest]:
        for row in rows:
            test_id, account_id, status, created_at, expires_at, version, bound, *rest = row
            told, figures, count, some = rest
            seal = self._find_seal(test_id)
            if seal is None:
                continue  # its key is destroyed: it is as good as deleted
            declared = seal.unseal_declaration(bytes(told))
            columns = tuple(declared.pop("cohort_columns"))
            yield IndependentTest(
                test_id,
                account_id,
                Status(status.upper()),
                created_at,
                expires_at,
                version,
                Binding.from_json(bound),
                Declaration(cohort_columns=columns, **declared),
                count,
                some,
                None if figures is None else seal.unseal_figures(bytes(figures)),
            )

    def _require_open(self, connection: Connection, test: IndependentTest) -> None:
        (status,) = self._locked(connection, test)
        if status != "open":
            raise ConflictException("the test is finished and takes no more samples: make another one")

    def _locked(self, connection: Connection, test: IndependentTest) -> tuple[Any, ...]:
        values = {"test_id": test.test_id, "account_id": test.account_id}
        row = connection.execute(_QUERIES["lock_test"], values).fetchone()
        if row is None:
            raise _no_test(test.test_id)
        return row

    def _change(self, connection: Connection, test_id: uuid.UUID, from_: str, to: str) -> None:
        connection.execute(_QUERIES["change_status"], {"test_id": test_id, "from": from_, "to": to})

    def _find_seal(self, test_id: uuid.UUID) -> IndependentSeal | None:
        key = self._keys.secret(key_name(test_id))
        return None if key is None else IndependentSeal(key, test_id)

    def _require_seal(self, test_id: uuid.UUID) -> IndependentSeal:
        seal = self._find_seal(test_id)
        if seal is None:
            raise _no_test(test_id)
        return seal


def _row(connection: Connection, query: str, values: dict[str, Any]) -> tuple[Any, ...]:
    row = connection.execute(_QUERIES[query], values).fetchone()
    assert row is not None, "a count is always there"
    return row


def _sent_before(number: int) -> ResourceAlreadyExistsException:
    return ResourceAlreadyExistsException(f"the test has a sample {number} already")


def _no_test(test_id: uuid.UUID) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"there is no test `{test_id}`")
