"""Asking witnesses: what a log does with every answer that a witness may give."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.errors import SetupError
from countenance.transparency.note import COSIGNATURE, Note, NoteInvalid, Signature, Signer
from countenance.transparency.witness import Witness, WitnessAnswer
from countenance.transparency.witness_state import create_witness, load_key
from countenance.transparency.witnesses import (
    WitnessClient,
    WitnessRefused,
    WitnessUnavailable,
    parse_heads,
    parse_witnesses,
)
from toy_log import ToyLog

# Of fixed seeds: what stands in the parameters of a test must be the same in every process.
LOG = ToyLog("log.example/toy", signer=Signer.from_seed("log.example/toy", b"l" * 32))
KEY = Signer.from_seed("w.example/1", b"w" * 32, COSIGNATURE)
VKEY = str(KEY.verifier)


class Desk:
    """An HTTP server that gives each request's body to `self.add_checkpoint` and keeps it."""

    def __init__(self, add_checkpoint):
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                desk.bodies.append(body)
                self.answer(desk.add_checkpoint(body) if self.path == "/add-checkpoint" else None)

            def do_GET(self):
                self.answer(desk.add_checkpoint(b"") if self.path == "/heads" else None)

            def answer(self, answer):
                answer = answer or WitnessAnswer(404, "text/plain", b"no such page\n")
                self.send_response(answer.status)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        self.add_checkpoint = add_checkpoint
        self.bodies = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def witness(tmp_path):
    create_witness(tmp_path / "w", "w.example/1")
    with Witness(tmp_path / "w", load_key(tmp_path / "w"), [LOG.signer.verifier]) as witness:
        yield witness


@pytest.fixture
def desk(witness):
    with contextlib.closing(Desk(witness.add_checkpoint)) as desk:
        yield desk


@pytest.fixture
def client(desk, tmp_path):
    with contextlib.closing(WitnessClient(desk.url, load_key(tmp_path / "w").verifier)) as client:
        yield client


def submit(client, size, log=LOG):
    return client.submit(log.note(size), size, lambda old: log.proof(old, size))


def answering(status, body=b"", *, size=5, check=WitnessUnavailable):
    """Submit to a witness that answers just that; the error."""
    answer = WitnessAnswer(status, "text/plain", body)
    with (
        contextlib.closing(Desk(lambda _: answer)) as desk,
        contextlib.closing(WitnessClient(desk.url, KEY.verifier)) as client,
        pytest.raises(check) as caught,
    ):
        submit(client, size)
    return caught.value


@contextlib.contextmanager
def asking(answer):
    """A client of a witness that answers so, in 2027."""
    with (
        contextlib.closing(Desk(answer)) as desk,
        contextlib.closing(WitnessClient(desk.url, KEY.verifier, clock=lambda: 1_800_000_000.5)) as client,
    ):
        yield client


def test_cosignatures_come_back_verified_as_the_log_grows(client, desk):
    """After the first the witness's size is known: one request each, with the proof from it."""
    for size in (3, 8, 8, 20):
        line = submit(client, size)
        assert client.verifier.verify(LOG.checkpoint(size).text, Signature.parse(line).value)
    assert [body.split(b"\n")[0] for body in desk.bodies] == [b"old 0", b"old 3", b"old 8", b"old 8"]


def test_the_witness_s_size_is_learnt_from_its_conflict(client, witness, desk):
    """A server that starts again does not know what its witnesses have."""
    witness.add_checkpoint(LOG.request(0, 7))
    submit(client, 9)
    assert [body.split(b"\n")[0] for body in desk.bodies] == [b"old 0", b"old 7"]


def test_a_note_that_bears_cosignatures_already_is_cosigned_anew(client):
    """What is published may be submitted again."""
    earlier = Signature.parse(KEY.sign(LOG.checkpoint(4).text))
    assert client.submit(LOG.note(4, earlier), 4, lambda _: []) not in LOG.note(4, earlier)


def test_a_rolled_back_log_learns_it_from_its_witness(client, witness):
    """The witness has more entries than the log: they were lost, or are hidden."""
    witness.add_checkpoint(LOG.request(0, 9))
    for _ in range(2):
        with pytest.raises(WitnessRefused) as caught:
            submit(client, 6)
        assert (caught.value.reason, caught.value.witness_size) == ("rolled_back", 9)
    submit(client, 10)


def test_a_forked_log_is_told_apart_from_a_rewritten_one(client, witness):
    """Same size and another root; larger and no proof."""
    witness.add_checkpoint(LOG.request(0, 6))
    for size, reason in ((6, "forked"), (8, "inconsistent")):
        with pytest.raises(WitnessRefused) as caught:
            submit(client, size, LOG.forked(2))
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("log", "reason"), [(ToyLog("x.example"), "unknown_log"), (ToyLog(), "untrusted_key")]
)
def test_a_witness_that_is_not_configured_for_the_log_says_so(client, log, reason):
    """Nothing that trying again would mend."""
    with pytest.raises(WitnessRefused) as caught:
        submit(client, 3, log)
    assert caught.value.reason == reason


@pytest.mark.parametrize("status", [201, 204, 301, 307, 401, 408, 413, 429, 500, 502, 503])
def test_every_other_status_means_later(status):
    """Redirects among them."""
    answering(status)


def test_a_request_that_is_malformed_there_is_refused():
    """A bug of ours or theirs; not to be tried for ever."""
    assert answering(400, check=WitnessRefused).reason == "malformed"


@pytest.mark.parametrize("body", [b"", b"5", b"-1\n", b"05\n", b"x\n", b"3\n3\n", b"0\n", b"9" * 30 + b"\n"])
def test_a_conflict_without_a_size_of_use_is_nonsense(body):
    """ "0" as well: it is what was claimed, so there is no conflict."""
    answering(409, body)


def test_a_witness_that_changes_its_size_each_time_is_given_up():
    """Three requests, no more."""
    sizes = iter([b"1\n", b"2\n", b"3\n"])
    with (
        contextlib.closing(Desk(lambda _: WitnessAnswer(409, "", next(sizes)))) as desk,
        contextlib.closing(WitnessClient(desk.url, KEY.verifier)) as client,
    ):
        with pytest.raises(WitnessUnavailable, match="faster"):
            submit(client, 5)
        assert len(desk.bodies) == 3


TEXT = LOG.checkpoint(5).text


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        LOG.signer.sign(TEXT),
        KEY.sign(LOG.checkpoint(6).text),
        Signer.generate("w.example/1", COSIGNATURE).sign(TEXT),
        Signer.generate("w.example/2", COSIGNATURE).sign(TEXT),
        Signer.from_seed("w.example/1", KEY.seed).sign(TEXT),
        KEY.sign(TEXT)[:-1],
        KEY.sign(TEXT) + "\n",
        KEY.sign(TEXT) + KEY.sign("other\n"),
        f"more\n\n{KEY.sign(TEXT + chr(10) + 'more' + chr(10))}",
        f"\n{KEY.sign(TEXT)}",
    ],
)
def test_what_is_no_cosignature_of_this_checkpoint_is_not_one(body):
    """Whatever the status says: nothing is kept that the configured key did not sign."""
    answering(200, body.encode())


@settings(max_examples=60, deadline=None)
@given(
    st.integers(200, 599), st.one_of(st.binary(max_size=200), st.text(alphabet="\u2014 w.\n=5", max_size=40))
)
def test_hostile_answers_are_one_of_two_errors(status, body):
    """And never another exception, which would stop the log's publishing."""
    if status in {204, 304}:
        return  # has no body by definition
    answering(
        status, body if isinstance(body, bytes) else body.encode(), check=(WitnessUnavailable, WitnessRefused)
    )


@pytest.mark.parametrize("off_s", [-(10**9), -601, 601, 10**12, 2**63 - 1 - 1_800_000_000])
def test_a_cosignature_of_a_clock_that_is_off_is_not_kept(off_s):
    """It would say that the checkpoint was seen at another time, to everybody and for good."""
    answer = WitnessAnswer(200, "", KEY.sign(TEXT, now=1_800_000_000 + off_s).encode())
    with asking(lambda _: answer) as client, pytest.raises(WitnessUnavailable, match=r"w\.example/1.*clock"):
        submit(client, 5)


def test_clocks_may_be_ten_minutes_apart_and_no_witness_s_goes_backwards():
    """A later cosignature of an earlier time would put the log's history in another order."""
    times = iter([-600, 0, 0, 600, 599, 600])
    with asking(
        lambda _: WitnessAnswer(200, "", KEY.sign(TEXT, now=1_800_000_000 + next(times)).encode())
    ) as client:
        for _ in range(4):
            submit(client, 5)
        with pytest.raises(WitnessUnavailable, match="backwards"):
            submit(client, 5)
        submit(client, 5)


def test_other_lines_are_ignored():
    """A witness may sign with a newer key as well."""
    newer = Signer.generate("w.example/1", COSIGNATURE)
    line = KEY.sign(TEXT)
    answer = WitnessAnswer(200, "", (newer.sign(TEXT) + line).encode())
    with (
        contextlib.closing(Desk(lambda _: answer)) as desk,
        contextlib.closing(WitnessClient(desk.url, KEY.verifier)) as client,
    ):
        assert submit(client, 5) == line


def test_nobody_there_is_unavailable(desk):
    """The message names the witness."""
    desk.close()
    with pytest.raises(WitnessUnavailable, match=r"w\.example/1"):
        submit(WitnessClient(desk.url, KEY.verifier), 3)


def test_the_setting_names_witnesses_by_key_and_address():
    """Base64 padding ends a key with `=`, so the address begins at `=http`."""
    other = str(Signer.generate("w.example/2", COSIGNATURE).verifier)
    first, second = parse_witnesses(f" {VKEY}=https://w1.example/base/ ,\n{other}=http://[::1]:8090,")
    assert (str(first.verifier), first.url) == (VKEY, "https://w1.example/base")
    assert (second.name, second.url) == ("w.example/2", "http://[::1]:8090")
    assert parse_witnesses("") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("http://w1.example", "is no witness"),
        (VKEY, "is no witness"),
        (f"{VKEY}x=http://w1.example", "is no witness"),
        (f"{VKEY}=ftp://w1.example", "is no witness"),
        (f"{VKEY}=http", "not a URL"),
        (f"{VKEY}=http://w1.example,{VKEY}=http://w2.example", "named twice"),
        (
            f"{Signer.from_seed('other', KEY.seed, COSIGNATURE).verifier}=http://a,{VKEY}=http://b",
            "named twice",
        ),
        (f"{LOG.vkey}=http://w1.example", "is no witness's"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(text, words):
    """One witness under two names would count twice for a quorum."""
    with pytest.raises(SetupError, match=words):
        parse_witnesses(text)


def test_heads_come_apart_into_notes(witness, desk, client):
    """For auditors: what the witness last cosigned, against what the log shows."""
    desk.add_checkpoint = lambda _: WitnessAnswer(200, "", witness.heads())
    assert parse_heads(client.heads()) == []
    witness.add_checkpoint(LOG.request(0, 6))
    [note] = parse_heads(client.heads())
    assert note.text == LOG.checkpoint(6).text
    assert note.signed_by([client.verifier, LOG.signer.verifier]) == [client.verifier, LOG.signer.verifier]
    notes = [Note.parse(LOG.note(size)) for size in (1, 2, 3)]
    assert parse_heads("\n".join(map(str, notes))) == notes
    desk.add_checkpoint = lambda _: None
    with pytest.raises(WitnessUnavailable, match="404"):
        client.heads()


@pytest.mark.parametrize(
    "text", ["x", "\n", "\n\n", LOG.note(3) + "\n", LOG.note(3)[:-9], LOG.note(3) + "\nmore\n"]
)
def test_what_is_no_list_of_heads_is_refused(text):
    """Not half believed."""
    with pytest.raises(NoteInvalid):
        parse_heads(text)
