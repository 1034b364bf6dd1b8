"""How long the console's pages take over a large house: every page, as each role, through a real server.

    python bench/pages.py [--faces 1000000] [--entries 1000000] [--rounds 60]

One account with one collection of so many faces and a log of so many entries, all of them its own; users
with as many faces as one may have, open cases, requests and findings of other accounts. Pages are asked for
in turns over one connection, as one person would; those of strangers too. Beside them, once: how long the
same pages took before the house was filled.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from countenance.accounts import Actor, Governance
from countenance.cli.server_process import running_server
from countenance.console.routes import ROUTES
from countenance.terms import load_terms
from large_house import USERS, House, Living, an_entry, enrol, furnish, opened_house, record
from packs import bench_settings
from photographs import OUT
from serving import COLLECTION, OFFICER, silent
from signed import ask
from tables import print_table

TARGET_MS = 100.0
ROLES = ("administrator", "auditor", "developer", "examiner", "officer")
PACK = "us-amazon-guidance"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who is signed in, or, without a token, anybody."""

    role: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A page, as it is asked for and as the table calls it; `form`: it is posted."""

    path: str
    shown: str = ""
    form: str = ""

    @property
    def name(self) -> str:
        return self.shown or self.path


def run(*, faces: int = 1_000_000, entries: int = 1_000_000, rounds: int = 60) -> dict[str, Any]:
    settings = bench_settings()
    with (
        tempfile.TemporaryDirectory(prefix="countenance-bench-") as name,
        running_server(Path(name) / "data", settings, accept_terms=OFFICER, log=silent) as server,
        opened_house(Path(name) / "data", server) as house,
    ):
        ask(server, "CreateCollection", {"CollectionId": COLLECTION})
        readers = [*(_signed_in(house, role) for role in ROLES), Reader("anybody")]
        living = furnish(house)
        small = measure(house, readers, living, rounds=max(5, rounds // 4))
        enrolling_s = enrol(house, faces)
        record(house, entries)
        large = measure(house, readers, living, rounds=rounds)
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "faces": faces,
        "entries": entries,
        "rounds": rounds,
        "enrolling_s": enrolling_s,
        "pages": [
            {**each, "small_p50_ms": small[place]["p50_ms"], "small_p95_ms": small[place]["p95_ms"]}
            for place, each in enumerate(large)
        ],
    }
    print_result(result)
    return result


def _signed_in(house: House, role: str) -> Reader:
    """Somebody of that role, with a session as sign-in opens it; no password is asked for."""
    governance = Governance.open(house.database, house.keys, load_terms())
    governance.operators.put(house.account_id, role, [role], actor=Actor("bench"))
    if role == "officer":
        governance.officers.add(house.account_id, role, "officer", actor=Actor("bench"))
    operator = governance.operators.require(house.account_id, role)
    with house.database.transaction() as connection:
        token = governance.sign_ins.open_session(connection, operator.operator_id)
    return Reader(role, token)


def measure(house: House, readers: Iterable[Reader], living: Living, *, rounds: int) -> list[dict[str, Any]]:
    """Milliseconds of each page for each reader, over one connection."""
    pages = [(reader, asked) for reader in readers for asked in _pages(house, reader, living)]
    taken: list[list[float]] = [[] for _ in pages]
    connection = http.client.HTTPConnection(urlsplit(house.server.endpoint).netloc, timeout=120)
    for lap in range(rounds + 1):
        for place, (reader, asked) in enumerate(pages):
            begun = time.perf_counter()
            _require(connection, reader, asked)
            if lap:  # the first round fills caches, as the first visitor of a day does
                taken[place].append(time.perf_counter() - begun)
    connection.close()
    return [
        {"role": reader.role, "path": asked.name, **_percentiles(seconds)}
        for (reader, asked), seconds in zip(pages, taken, strict=True)
    ]


def _require(connection: http.client.HTTPConnection, reader: Reader, asked: Asked) -> None:
    """Read one page to its end."""
    headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
    if reader.token:
        headers["cookie"] = f"countenance-console={reader.token}"
    if asked.form:
        headers["content-type"] = "application/x-www-form-urlencoded"
    connection.request("POST" if asked.form else "GET", asked.path, asked.form or None, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{asked.name} as {reader.role}: {answer.status}")


def _pages(house: House, reader: Reader, living: Living) -> Iterator[Asked]:
    """Every page in the menu, and those that links lead to."""
    if not reader.token:
        yield from (Asked(path) for path in ("/console/sign-in", "/people", "/transparency"))
        yield Asked("/people", "/people with a code", urlencode({"do": "show", "code": living.code}))
        return
    for route in ROUTES:
        if reader.role in route.roles and route.title:
            yield Asked(route.path)
    if reader.role == "examiner":  # who looks at pictures alone
        return
    yield from _of_readers(house)
    collection = f"/console/collections/{COLLECTION}"
    user = f"{collection}/users/{USERS[0]}"
    if reader.role == "administrator":
        yield Asked(f"{collection}/charter")
        yield Asked(user)
        yield Asked("/console/cases?overdue=yes")
    if reader.role == "developer":
        yield Asked(f"{user}?purpose=development")
        yield Asked(f"{user}?purpose=development&into={USERS[1]}", f"{user}?into=OTHER")
        yield Asked(f"{collection}/faces/{living.face_id}", f"{collection}/faces/FACE")
    if reader.role == "officer":
        yield Asked(f"/console/office/accounts/{living.other_account}", "/console/office/accounts/ACCOUNT")
        yield Asked("/console/jobs?whose=house&ended=1")


def _of_readers(house: House) -> Iterator[Asked]:
    """What everybody sees who reads the account."""
    yield Asked(f"/console/collections/{COLLECTION}")
    yield Asked(f"/console/log/{an_entry(house)}", "/console/log/ENTRY")
    yield Asked("/console/log?operation=SearchFacesByImage")
    yield Asked("/console/log?operation=DeleteUser")  # there is none
    today = f"{datetime.now(UTC):%Y-%m-%d}T00:00"
    yield Asked(f"/console/log?until={today}", "/console/log?until=DAY")  # before them all
    between = f"from={today}&operation=SearchFacesByImage"
    yield Asked(f"/console/log?{between}", "/console/log?from=DAY&operation=SearchFacesByImage")
    yield Asked("/console/policy/explain")
    yield Asked(f"/console/policy/packs/{PACK}")
    yield Asked("/console/policy/simulate")
    yield Asked(f"/console/policy/simulate?coming.{PACK}=1&days=30&run=1", "/console/policy/simulate, judged")


def _percentiles(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=20)
    return {"p50_ms": statistics.median(seconds) * 1e3, "p95_ms": cuts[18] * 1e3}


def slowest_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Each page as the role for which it is slowest, the slowest page first."""
    worst: dict[str, dict[str, Any]] = {}
    for page in sorted(result["pages"], key=lambda each: -each["p95_ms"]):
        worst.setdefault(page["path"], page)
    return list(worst.values())


COLUMNS = ("page", "slowest as", "p50 ms", "p95 ms", "p50 ms, empty house", f"p95 <= {TARGET_MS:.0f} ms")


def rows_of(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Of each page, as `COLUMNS` says."""
    return [
        (
            page["path"],
            page["role"],
            f"{page['p50_ms']:.0f}",
            f"{page['p95_ms']:.0f}",
            f"{page['small_p50_ms']:.0f}",
            "yes" if page["p95_ms"] <= TARGET_MS else "**missed**",
        )
        for page in slowest_of(result)
    ]


def print_result(result: dict[str, Any]) -> None:
    print_table(
        f"Console pages with {result['faces']:,} faces and {result['entries']:,} entries",
        COLUMNS,
        rows_of(result),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    result = run(faces=given.faces, entries=given.entries, rounds=given.rounds)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "pages.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
