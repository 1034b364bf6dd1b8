"""`countenance report transparency` on files: what it refuses, and that two people get the same bytes."""

from __future__ import annotations

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from countenance.cli.report_fetch import fetch_log, tiles_of
from countenance.errors import SetupError
from fixtures_log import BuiltLog, LogKeys, call

KEYS = LogKeys.of()
LOG = BuiltLog.of(300)
PERIOD = ("--from", "2026-11-01", "--to", "2026-12-01")


@pytest.fixture
def mirror(tmp_path):
    return LOG.write(tmp_path / "mirror")


def words(folder):
    return ("report", "transparency", "--log", folder, "--log-key", str(KEYS.log.verifier))


def test_two_folders_of_one_log_give_one_report(cli, mirror, tmp_path):
    """Also where one of them is of a later checkpoint, and the report names the earlier."""
    grown = BuiltLog.of(420).write(tmp_path / "grown")
    cli.says(*words(mirror), *PERIOD, "-o", tmp_path / "one")
    cli.says(*words(grown), *PERIOD, "--size", 300, "-o", tmp_path / "other")
    one, other = (tmp_path / name / "report.json" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    assert (tmp_path / "one/report.html").read_bytes() == (tmp_path / "other/report.html").read_bytes()
    assert cli.json(*words(grown), "--check", one)["stands"] is True


def test_a_forged_figure_is_named_and_the_exit_is_1(cli, mirror, tmp_path):
    report = cli.json(*words(mirror), *PERIOD)
    report["figures"][0]["count"] = 12345
    (tmp_path / "forged.json").write_text(json.dumps(report))
    code, said = cli.fails(*words(mirror), "--check", tmp_path / "forged.json")
    assert (code, "12345" in said) == (1, True)


def test_a_damaged_log_has_no_report(cli, mirror, tmp_path):
    tile = mirror / "tile/0/000"
    tile.write_bytes(tile.read_bytes()[:-1] + b"\0")
    code, said = cli.fails(*words(mirror), *PERIOD, "-o", tmp_path / "out")
    assert (code, "no report" in said) == (1, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--server", *PERIOD), "either --log or --server"),
        (("--from", "2026-11-02", "--to", "2026-12-01"), "no period"),
        ((), "give the period"),
        ((*PERIOD, "--size", "301"), "has 300 entries"),
        ((*PERIOD, "--least-count", "9"), "9 is not in the range"),
        (("--check", __file__), "is no report"),
    ],
)
def test_what_cannot_be_is_refused_in_words(cli, mirror, given, message):
    code, said = cli.fails(*words(mirror), *given)
    assert (code, message in said) == (2, True), said


def test_the_logs_key_must_be_given(cli, mirror):
    """The key in the folder is that of whoever wrote the folder."""
    code, said = cli.fails("report", "transparency", "--log", mirror, *PERIOD)
    assert (code, "--log-key" in said) == (2, True)


def test_names_from_a_log_are_text_on_the_page_and_in_the_terminal(cli, tmp_path):
    """A log is anybody's making: a purpose of theirs is neither a tag nor a command to a terminal."""
    chance = random.Random(9)
    hostile = "<script>alert(1)</script>\x1b[2J"
    entries = [call(chance, number, purpose=hostile) for number in range(1, 40)]
    log = LOG.with_entries([LOG.entries[0], *entries])
    said = cli.says(*words(log.write(tmp_path / "log")), *PERIOD, "-o", tmp_path / "out")
    assert "\x1b" not in said
    page = (tmp_path / "out/report.html").read_text()
    assert "<script" not in page
    assert "\x1b" not in page
    assert "alert(1)" in page


class Served:
    """A web server that answers with what a test says."""

    def __init__(self, answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = answer(self.path, self.headers)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}/log"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_a_log_is_fetched_whole_and_by_its_own_paths(tmp_path):
    """With the token on every request."""
    files, tokens = LOG.files(LOG.signed()), set()

    def answer(path, headers):
        tokens.add(headers["Authorization"])
        return 200, {}, files[path.removeprefix("/log/")]

    with Served(answer) as served:
        fetch_log(served.url, tmp_path, token="secret", on_progress=lambda *_: None)
    fetched = {
        str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert fetched == files
    assert tokens == {"Bearer secret"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda *_: (302, {"Location": "http://127.0.0.1:1/"}, b""), "answered with 302"),
        (lambda *_: (401, {}, b""), "answered with 401"),
        (lambda *_: (200, {}, b"x" * 100_000), "longer than it can be"),
        (lambda *_: (200, {}, b"\xff"), "no checkpoint"),
    ],
)
def test_a_server_that_misbehaves_is_told_in_words(tmp_path, answer, message):
    """A redirect could lead the token elsewhere; an endless answer could fill the disk."""
    with Served(answer) as served, pytest.raises(SetupError, match=message):
        fetch_log(served.url, tmp_path, token="secret", on_progress=lambda *_: None)


def test_a_size_beyond_belief_is_not_begun(tmp_path):
    """A checkpoint that says 2^60 entries would be fetched for ever."""
    note = KEYS.log.sign(f"{KEYS.log.verifier.name}\n{1 << 60}\n{'A' * 43}=\n")
    body = f"{KEYS.log.verifier.name}\n{1 << 60}\n{'A' * 43}=\n\n{note}".encode()
    with (
        Served(lambda *_: (200, {}, body)) as served,
        pytest.raises(SetupError, match="says that it has"),
    ):
        fetch_log(served.url, tmp_path, token="", on_progress=lambda *_: None)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_536, 65_537, 70_000])
def test_the_tiles_of_a_size_hold_each_hash_once(size):
    """As the specification lays them out."""
    found = list(tiles_of(size))
    assert sum(width for level, _, width in found if level == "entries") == size
    assert sum(width for level, _, width in found if level == 0) == size
    assert sum(width for level, _, width in found if level == 1) == size // 256
    assert len(set(found)) == len(found)
