"""`countenance testers`: independent auditors who may test the pipeline, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from countenance.accounts import Actor
from countenance.accounts.testers import MOST_DAYS, Allowance
from countenance.cli.governed import (
    deciding_officer,
    machine_user,
    officer_option,
    open_governed,
    parse_until,
    where_options,
)
from countenance.cli.tables import as_json_option, print_facts, print_rows

_DEFAULT: Final = Allowance()
_DEFAULT_DAYS: Final = 90


@click.group()
def testers() -> None:
    """Independent testers: they run labelled images of their own through the pipeline, and nothing else.

    A tester is an account of its own, whose keys can call the operations of independent tests alone: it sees
    no collection, no log and no other tester's tests, and nobody sees its tests. A rate limit holds, every
    call is recorded, and the key ends by itself. For what the tester does with it see
    docs/operations/independent-test.md.

    Example: countenance testers add "Ada Auditor" --organisation "State University"
    """


@testers.command("add")
@click.argument("name")
@click.option("--organisation", required=True, metavar="NAME", help="for whom the tester works")
@click.option(
    "--until",
    metavar="DAY",
    callback=parse_until,
    help=f"the key ends then: {_DEFAULT_DAYS} days from now without, {MOST_DAYS} at most",
)
@click.option(
    "--samples-an-hour",
    type=click.IntRange(1, 1_000_000),
    default=_DEFAULT.samples_an_hour,
    show_default=True,
    help="images taken within any hour",
)
@click.option(
    "--tests-at-once",
    type=click.IntRange(1, 1_000),
    default=_DEFAULT.tests_at_once,
    show_default=True,
    help="tests that may be there at once",
)
@click.option(
    "--most-samples",
    type=click.IntRange(1, 100_000_000),
    default=_DEFAULT.most_samples,
    show_default=True,
    help="images taken in all",
)
@officer_option
@where_options
@as_json_option
def add(
    name: str,
    organisation: str,
    until: datetime | None,
    *,
    samples_an_hour: int,
    tests_at_once: int,
    most_samples: int,
    officer: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Have NAME test, with a key whose secret is shown this once: give it to them and keep no copy.

    Example: countenance testers add "Ada Auditor" --organisation "State University" --until 2027-03-01
    """
    limits = Allowance(
        samples_an_hour=samples_an_hour, tests_at_once=tests_at_once, most_samples=most_samples
    )
    with open_governed(given) as governed:
        key = governed.governance.testers.add(
            name,
            organisation,
            officer=deciding_officer(governed.governance.officers, officer),
            expires_at=until or datetime.now(UTC) + timedelta(days=_DEFAULT_DAYS),
            limits=limits,
            actor=Actor(machine_user()),
        )
        tester = governed.governance.testers.require(key.account_id)
    print_facts(
        {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret,
            "Tester": key.account_id,
            "ExpiresAt": tester.expires_at,
        },
        as_json=as_json,
    )


@testers.command("list")
@where_options
@as_json_option
def list_(as_json: bool, **given: Any) -> None:
    """List all testers, revoked and expired ones as well.

    Example: countenance testers list --json
    """
    now = datetime.now(UTC)
    with open_governed(given) as governed:
        rows = [
            {
                "Tester": tester.account_id,
                "Name": tester.name,
                "Organisation": tester.organisation,
                "Status": tester.status(now),
                "AddedBy": tester.added_by,
                "AddedAt": tester.added_at,
                "ExpiresAt": tester.expires_at,
                "SamplesTaken": tester.samples_taken,
                "SamplesAnHour": tester.limits.samples_an_hour,
                "TestsAtOnce": tester.limits.tests_at_once,
                "MostSamples": tester.limits.most_samples,
            }
            for tester in governed.governance.testers.list()
        ]
    print_rows(rows, as_json=as_json, nothing="nobody yet")


@testers.command("revoke")
@click.argument("account_id", metavar="TESTER")
@officer_option
@where_options
@as_json_option
def revoke(account_id: str, officer: str | None, as_json: bool, **given: Any) -> None:
    """End the tester TESTER and its keys, at once and for good.

    Its tests are deleted with their keys by the server's job `expire-tests`, within an hour.

    Example: countenance testers revoke 123456789012
    """
    with open_governed(given) as governed:
        governed.governance.testers.revoke(
            account_id,
            officer=deciding_officer(governed.governance.officers, officer),
            actor=Actor(machine_user()),
        )
    print_facts({"Tester": account_id, "Status": "REVOKED"}, as_json=as_json)
