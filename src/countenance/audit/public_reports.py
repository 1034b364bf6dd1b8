"""Reports for the public that were published: one for a period, on record, for every process to serve."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from countenance.audit.log import record_statement
from countenance.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from countenance.store import Connection, load_queries
from countenance.transparency.public_report import report_bytes

_QUERIES = load_queries("countenance.audit", "public_reports.sql")


@dataclass(frozen=True, slots=True)
class Published:
    """A report that anybody may read.

    Attributes:
        start, end: first days of two months: from the one until before the other.
        log_size: the log's first entries, which it is of.
        root: of the tree over them, 32 bytes.
        digest: SHA-256 of the report's bytes.
    """

    start: date
    end: date
    log_size: int
    root: bytes
    digest: bytes
    published_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """All of a report.

    Attributes:
        report: its bytes, as everybody computes them.
        page: the same to be read: a page that stands by itself.
        checkpoint: the log's signed note when it was published, of that size or a larger one.
    """

    about: Published
    report: bytes
    page: str
    checkpoint: str


def publish(connection: Connection, report: Mapping[str, Any], *, page: str, checkpoint: str) -> Published:
    """Let everybody read a report, from the caller's commit on; the log says that it was published.

    Raises:
        ConflictException: one that shares a day with it is published: the difference of two would tell what
            each withholds.
        InvalidParameterException: its period is not over in the log, so its figures still grow.
    """
    if not report["period"]["is_over"]:
        raise InvalidParameterException(
            f"the log does not reach the end of this period ({report['period']['to']}): publish it then"
        )
    content = report_bytes(report)
    digest = hashlib.sha256(content).digest()
    start, end = (date.fromisoformat(report["period"][each]) for each in ("from", "to"))
    values = {
        "start": start,
        "end": end,
        "log_size": report["log"]["size"],
        "root": bytes.fromhex(report["log"]["root"]),
        "digest": digest,
        "report": content,
        "page": page,
        "checkpoint": checkpoint,
    }
    if connection.execute(_QUERIES["publish"], values).rowcount != 1:
        raise ConflictException(
            "a report of these days is published already, and two would tell what each of them withholds"
        )
    told = {"report": digest.hex(), "from": start.isoformat(), "to": end.isoformat()}
    record_statement(connection, "report.published", told)
    return next(each for each in list_published(connection) if each.start == start)


def withdraw(connection: Connection, start: date) -> None:
    """Serve it no more; the log says so. Whoever has read it has it.

    Raises:
        ResourceNotFoundException: there is none of that period.
    """
    row = connection.execute(_QUERIES["withdraw"], {"start": start}).fetchone()
    if row is None:
        raise ResourceNotFoundException(f"no report of a period from {start.isoformat()} is published")
    record_statement(connection, "report.withdrawn", {"report": bytes(row[0]).hex()})


def list_published(connection: Connection) -> list[Published]:
    """The newest first."""
    return [_to_published(row) for row in connection.execute(_QUERIES["list_published"]).fetchall()]


def find_published(connection: Connection, start: date | None = None) -> PublishedFile | None:
    """The one whose period begins then, by default the latest; None if there is none."""
    row = connection.execute(_QUERIES["find_published"], {"start": start}).fetchone()
    return None if row is None else PublishedFile(_to_published(row[:6]), bytes(row[6]), row[7], row[8])


def _to_published(row: tuple[Any, ...]) -> Published:
    return Published(row[0], row[1], row[2], bytes(row[3]), bytes(row[4]), row[5])
