"""The log's pages, as an anonymous reader and as an auditor sees them."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.audit import Promises
from countenance.audit.auditors import add_auditor, revoke_auditor
from countenance.audit.signing import rotate_key
from countenance.audit.tree import LogTree
from countenance.gateway.log_pages import LOG_PREFIX, LogPages
from countenance.store import Database
from countenance.transparency.merkle import tree_root
from countenance.transparency.note import Note, Verifier
from countenance.transparency.tiles import decode_bundle
from whole_log import ORIGIN, WITNESS, whole_log

ACCOUNT = "123456789012"
PLAIN = "text/plain; charset=utf-8"


@pytest.fixture(scope="module")
def log(postgres_url, tmp_path_factory):
    with whole_log(postgres_url, tmp_path_factory.mktemp("pages")) as opened:
        yield opened


@pytest.fixture(scope="module")
def database(log):
    """Of the bench as well: its log is this one."""
    return log.database


@pytest.fixture(scope="module")
def log_keys(log):
    return log.keys


@pytest.fixture
def services(bench):
    return bench.services


@pytest.fixture
def get(services):
    """Ask for a page below /log/."""
    pages = LogPages(services)

    def get(name, *, token=None, method="GET", authorization=None):
        given = authorization if authorization is not None else f"Bearer {token}" if token else ""
        return pages.answer(method, LOG_PREFIX + name, given)

    return get


@pytest.fixture
def auditor(database, request):
    """An auditor's name and token."""
    name = f"auditor of {request.node.name}"[:128]
    with database.transaction() as connection:
        return name, add_auditor(connection, name)


@pytest.fixture(scope="module")
def grown(log):
    """A log with a full tile, a part of a second, and entries that no checkpoint covers yet."""
    for _ in range(300):
        log.record(ACCOUNT)
    size = log.settle()
    log.cosign()
    log.record(ACCOUNT)
    log.integrate()
    return size


def header(answer, name):
    return dict(answer.headers).get(name)


def reads(log):
    """Who read what, as the log says."""
    with log.database.read() as connection:
        rows = connection.execute("select entry from audit_event order by recorded_at").fetchall()
    entries = [json.loads(bytes(entry)) for (entry,) in rows]
    return [(entry["auditor"], entry["resource"]) for entry in entries if entry["kind"] == "audit.read"]


def test_before_the_first_checkpoint_nothing_is_there(services, postgres_url, tmp_path):
    """The log has an entry from its first moment, and says so only once it is signed and published."""
    with whole_log(postgres_url, tmp_path) as young:
        with young.database.transaction() as connection:
            token = add_auditor(connection, "first")
        pages = LogPages(
            replace(services, database=young.database, promises=Promises(young.keys, ORIGIN), log=LogTree())
        )
        for step in (lambda: None, young.integrate, young.sequencer.sign):
            step()
            for name in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
                answer = pages.answer("GET", LOG_PREFIX + name, f"Bearer {token}")
                assert (answer.status, header(answer, "cache-control")) == (404, "private, no-store")
        young.sequencer.publish()
        assert pages.answer("GET", LOG_PREFIX + "checkpoint", "").status == 200


def test_the_checkpoint_is_the_published_note_with_its_cosignatures(get, log, grown):
    answer = get("checkpoint")
    assert (answer.status, header(answer, "content-type")) == (200, PLAIN)
    assert header(answer, "cache-control") == "no-cache"
    note = Note.parse(answer.body.decode())
    assert note.signed_by([WITNESS.verifier])
    _, size, root, _ = note.text.split("\n")
    assert (int(size), base64.b64decode(root)) == (grown, tree_root(log.leaves()[:grown]))


def test_hash_tiles_are_everybodys_and_never_change(get, log, grown):
    leaves = log.leaves()
    rest = grown - 256
    expected = {
        "tile/0/000": leaves[:256],
        "tile/0/000.p/255": leaves[:255],
        "tile/0/001.p/1": leaves[256:257],
        f"tile/0/001.p/{rest}": leaves[256:grown],
        "tile/1/000.p/1": [tree_root(leaves[:256])],
    }
    for name, hashes in expected.items():
        answer = get(name)
        assert (answer.status, answer.body) == (200, b"".join(hashes)), name
        assert header(answer, "content-type") == "application/octet-stream"
        assert header(answer, "cache-control") == "public, max-age=31536000, immutable"


def test_nothing_beyond_the_newest_published_checkpoint_is_served(get, log, grown, auditor):
    """The database holds one entry more; what is unwitnessed could still be changed unseen."""
    assert len(log.entries()) > grown
    beyond = grown - 256 + 1
    for name in (f"tile/0/001.p/{beyond}", "tile/0/001", "tile/1/000.p/2", "tile/2/000.p/1", "tile/63/000"):
        assert get(name).status == 404, name
    before = reads(log)
    for name in (f"tile/entries/001.p/{beyond}", "tile/entries/001", "tile/entries/002.p/1"):
        assert get(name, token=auditor[1]).status == 404, name
    assert reads(log) == before


def test_bundles_are_for_auditors_and_reading_them_is_in_the_log_once_in_ten_minutes(
    get, log, grown, auditor
):
    """An entry for each would make the log grow by being read; asking whether one is there reads nothing."""
    name, token = auditor
    entries, before = log.entries(), reads(log)
    assert get("tile/entries/000", token=token, method="HEAD").status == 200
    assert reads(log) == before
    for path, wanted in {
        "tile/entries/000": entries[:256],
        f"tile/entries/001.p/{grown - 256}": entries[256:grown],
    }.items():
        answer = get(path, token=token)
        assert answer.status == 200
        assert decode_bundle(answer.body) == wanted
        assert header(answer, "content-type") == "application/octet-stream"
        assert header(answer, "cache-control") == "private, no-store"
        assert reads(log) == [*before, (name, "tile/entries")]
    with log.database.transaction() as connection:
        connection.execute("update auditor set read_recorded_at = read_recorded_at - interval '11 minutes'")
    get("tile/entries/000", token=token)
    assert reads(log) == [*before, *[(name, "tile/entries")] * 2]


def test_without_a_good_token_no_bundle_is_shown_nor_whether_it_is_there(get, log, grown, auditor, database):
    token = auditor[1]
    with database.transaction() as connection:
        revoked = add_auditor(connection, "revoked soon")
        assert revoke_auditor(connection, "revoked soon")
    before = reads(log)
    given = [
        "",
        "Bearer",
        "Bearer ",
        token,
        f"Basic {token}",
        f"Bearer {token[:-1]}",
        f"Bearer {token}x",
        f"Bearer {token.swapcase()}",
        f"Bearer {token},Bearer {token}",
        f"Bearer {revoked}",
        "Bearer \xff\x00",
        "Bearer " + "x" * 60_000,
    ]
    for authorization in given:
        for path in ("tile/entries/000", "tile/entries/999"):
            answer = get(path, authorization=authorization)
            assert answer.status == 401, authorization[:80]
            assert header(answer, "www-authenticate").startswith("Bearer ")
            assert header(answer, "cache-control") == "private, no-store"
            assert answer.body == get("tile/entries/000").body
    assert reads(log) == before
    assert get("tile/entries/000", authorization=f"bearer {token}").status == 200


def test_a_bundle_whose_reading_cannot_be_promised_to_the_log_is_not_read(services, log, grown, auditor):
    """Fails closed, as every call does; public pages go on."""
    behind = replace(services, promises=Promises(log.keys, ORIGIN, max_lag_s=-1.0))
    log.record(ACCOUNT)
    before = reads(log)
    pages = LogPages(behind)
    assert pages.answer("GET", LOG_PREFIX + "tile/entries/000", f"Bearer {auditor[1]}").status == 503
    assert pages.answer("GET", LOG_PREFIX + "tile/0/000", "").status == 200
    assert reads(log) == before


def test_the_keys_are_told_with_their_use_and_times(get, log):
    old = [line.split(" ") for line in get("keys").body.decode().splitlines()]
    rotate_key(log.database, log.keys, "receipt")
    answer = get("keys")
    assert (answer.status, header(answer, "content-type")) == (200, PLAIN)
    assert header(answer, "cache-control") == "no-cache"
    lines = [line.split(" ") for line in answer.body.decode().splitlines()]
    assert len(lines) == len(old) + 1
    for use, vkey, _, since, *retires in lines:
        assert Verifier.parse(vkey).name == (ORIGIN if use == "log" else f"{ORIGIN}/receipts")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", since)
        assert not retires or retires[0] == "retires"
    assert [len(line) for line in lines] == [4, 6, 4]


@pytest.mark.parametrize(
    "name", ["checkpoint", "keys", "tile/0/000", "tile/0/000.p/1", "tile/entries/000", "tile/entries/000.p/3"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW", "get"])
def test_pages_are_only_read(get, grown, auditor, log, name, method):
    before = reads(log)
    answer = get(name, method=method, token=auditor[1])
    assert (answer.status, header(answer, "allow")) == (405, "GET, HEAD")
    assert reads(log) == before
    assert get(name, method="HEAD", token=auditor[1]) == get(name, token=auditor[1])


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "checkpoint/", "Checkpoint", "checkpoint\n", "/checkpoint", "../log/checkpoint", "tile",
        "tile/0", "tile/0/0", "tile/00/000", "tile/0/0000", "tile/0/x000/000", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/01", "tile/64/000", "tile/-1/000", "tile/0/000/", "tile/0/000\n",
        "tile/0/000.p", "tile/0/x001", "tile/0/\u0660\u0660\u0660", "tile/entries/000.p/-1",
        "tile/Entries/000", "tile/data/000", "tile/0/%30%30%30", "tile/0/" + "x999/" * 30 + "999",
        "entries/000", "keys/", "keys\x00",
    ],
)  # fmt: skip
def test_no_other_path_leads_anywhere(get, grown, name):
    for method in ("GET", "POST"):
        assert get(name, method=method).status == 404


PIECES = st.sampled_from(
    [
        "tile", "/", "0", "1", "7", "8", "63", "entries", "000", "001", "x000", "x001", ".p", "9", "255",
        "256", "..", ".", "checkpoint", "keys", "%2f", "\n", "\x00", "\u0663", "-1", " ", "999", "x999",
    ]
)  # fmt: skip
LIKELY = st.builds(
    lambda level, groups, last, width: (
        f"tile/{level}/{''.join(f'x{group:03}/' for group in groups)}{last:03}{width}"
    ),
    st.sampled_from(["entries", *map(str, range(10)), "63", "64"]),
    st.lists(st.integers(0, 999), max_size=8),
    st.integers(0, 999),
    st.just("") | st.integers(0, 300).map(lambda width: f".p/{width}"),
)


def test_whatever_is_asked_for_is_answered_plainly_and_never_beyond_what_is_published(get, grown, log):
    """Strangers ask: no path may end in a fault, or in hashes that no checkpoint covers."""
    public = [b"".join(log.leaves()[:grown]), tree_root(log.leaves()[:256])]

    @settings(max_examples=400, deadline=None)
    @given(LIKELY | st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=40), st.text(max_size=60))
    def ask(name, authorization):
        answer = get(name, authorization=authorization)
        assert answer.status in {200, 401, 404}
        if answer.status == 200 and name not in {"checkpoint", "keys"}:
            assert any(answer.body in known for known in public)

    ask()


def test_without_the_database_a_page_says_so(services, log, grown, auditor):
    with Database(log.url, max_connections=1) as gone:
        pass
    pages = LogPages(replace(services, database=gone))
    for name in ("checkpoint", "keys", "tile/0/000", "tile/entries/000"):
        answer = pages.answer("GET", LOG_PREFIX + name, f"Bearer {auditor[1]}")
        assert (answer.status, answer.body) == (503, b"the database is not available\n")
    assert pages.answer("GET", LOG_PREFIX + "elsewhere", "").status == 404


def test_a_fault_is_told_without_its_words(services, grown, caplog):
    """A message may quote what was being read."""

    class Broken:
        def tile(self, *_):
            raise RuntimeError("words from inside")

    answer = LogPages(replace(services, log=Broken())).answer("GET", LOG_PREFIX + "tile/0/000", "")
    assert (answer.status, answer.body) == (500, b"the page could not be made\n")
    assert "fault=RuntimeError at=gateway/log_pages.py:" in caplog.text
    assert "words" not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_tile_that_is_missing_under_a_checkpoint_is_a_fault_of_ours(services, grown, caplog):
    """404 would tell a mirror that there is nothing to fetch."""

    class Emptied:
        def tile(self, *_):
            return None

    answer = LogPages(replace(services, log=Emptied())).answer("GET", LOG_PREFIX + "tile/0/000", "")
    assert answer.status == 500
    assert "fault=LogDamaged" in caplog.text
