"""`countenance accounts limit`: how many calls a second an account may make."""

from __future__ import annotations

from typing import Any

import click

from countenance.cli.governed import open_governed, where_options
from countenance.cli.tables import as_json_option, print_facts

_MOST = 1_000_000


@click.command("limit")
@click.argument("account_id", metavar="ACCOUNT")
@click.option("--calls-per-s", type=click.IntRange(1, _MOST), metavar="N", help="of each kind of call")
@click.option(
    "--burst",
    type=click.IntRange(1, _MOST),
    metavar="N",
    help="at once, after a rest; without: two seconds' worth",
)
@click.option("--default", "as_any", is_flag=True, help="as any account: `serve --account-calls-per-s`")
@where_options
@as_json_option
def limit(
    account_id: str,
    calls_per_s: int | None,
    burst: int | None,
    *,
    as_any: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Say how many calls a second ACCOUNT may make, from its next call on.

    Counted over all processes of a server: calls that use a face, and the rest of its work. What it is told
    about its terms, its log and its appeals stays at what any account may.

    Example: countenance accounts limit 123456789012 --calls-per-s 50
    """
    if as_any == (calls_per_s is not None):
        raise click.UsageError("say --calls-per-s N, or --default")
    if burst is not None and calls_per_s is None:
        raise click.UsageError("--burst goes with --calls-per-s")
    with open_governed(given) as governed:
        governed.accounts.change_limit(account_id, calls_per_s=calls_per_s, burst=burst)
    print_facts({"AccountId": account_id, "CallsPerSecond": calls_per_s, "Burst": burst}, as_json=as_json)
