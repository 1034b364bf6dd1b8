"""A witness as a log and an auditor meet it: a process of its own behind a real socket."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import ipaddress
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from countenance.transparency.note import Signature, Verifier
from countenance.transparency.witnesses import WitnessClient, WitnessRefused, WitnessUnavailable, parse_heads
from toy_log import ToyLog

PROGRAM = "from countenance.cli.main import main; from countenance.cli.witness import witness; main(witness)"


def command(*words):
    return [sys.executable, "-c", PROGRAM, *map(str, words)]


@dataclass
class Daemon:
    url: str
    verifier: Verifier
    process: subprocess.Popen

    def client(self):
        return contextlib.closing(WitnessClient(self.url, self.verifier))

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()


@contextlib.contextmanager
def daemon(directory, *logs, options=()):
    """`countenance witness run` on a free port; stopped as a service manager stops it."""
    if not directory.exists():
        subprocess.run(command("init", directory, "--name", "w.example/1"), check=True, capture_output=True)
    keys = [word for log in logs for word in ("--log", log.vkey)]
    process = subprocess.Popen(
        command("run", directory, "--port", "0", *keys, *options), stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            url = process.stdout.readline().split(" answers at ")[1].strip()
            vkey = process.stdout.readline().removeprefix("key").strip()
            yield Daemon(url, Verifier.parse(vkey), process)
        finally:
            process.terminate()
            process.wait(30)


def submit(client, log, size):
    return client.submit(log.note(size), size, lambda old: log.proof(old, size))


@pytest.fixture(scope="module")
def log():
    return ToyLog()


@pytest.fixture(scope="module")
def running(tmp_path_factory, log):
    with daemon(tmp_path_factory.mktemp("witness") / "w", log) as running:
        yield running


def test_a_witness_holds_a_log_to_its_history_beyond_its_own_restart(tmp_path, log):
    """Grown: cosigned; rewritten, rolled back, forked: refused; also after each way to end."""
    directory = tmp_path / "w"
    size = 3
    for end in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGTERM):
        with daemon(directory, log) as running, running.client() as client:
            for new in (size, size + 5):
                line = submit(client, log, new)
                assert running.verifier.verify(log.checkpoint(new).text, Signature.parse(line).value)
            for size_, liar, reason in (
                (new + 2, log.forked(1), "inconsistent"),
                (new, log.forked(1), "forked"),
                (new - 1, log, "rolled_back"),
            ):
                with pytest.raises(WitnessRefused) as caught:
                    submit(client, liar, size_)
                assert caught.value.reason == reason
            [head] = parse_heads(client.heads())
            assert head.text == log.checkpoint(new).text
            running.process.send_signal(end)
            assert running.process.wait(30) == (0 if end != signal.SIGKILL else -signal.SIGKILL)
        size = new
    kept = sorted(path.name.split("-")[0] for path in (directory / "evidence").iterdir())
    assert kept == ["fork"] * 4 + ["unproven"]  # of the others the log has gone past


def test_a_second_witness_on_the_directory_refuses_to_start(tmp_path, log):
    """Two would forget each other's heads."""
    with daemon(tmp_path / "w", log):
        second = subprocess.run(
            command("run", tmp_path / "w", "--log", log.vkey, "--port", "0"), capture_output=True, text=True
        )
    assert second.returncode == 3
    assert "another witness runs" in second.stderr
    assert "remedy:" in second.stderr
    assert "Traceback" not in second.stderr


def test_it_starts_within_a_second_or_two_and_answers_at_once(tmp_path, log):
    """It is a small program; the bound is wide for machines that are busy."""
    begun = time.monotonic()
    with daemon(tmp_path / "w", log) as running:
        assert running.request("GET", "/heads")[::2] == (200, b"")
        assert time.monotonic() - begun < 15


def test_pages_that_are_not_there_and_methods_that_are_not_theirs(running, log):
    """Two pages, no more."""
    for path in ("/", "/favicon.ico", "/add-checkpoint/", "/heads/x", "//heads"):
        assert running.request("GET", path)[0] == 404
        assert running.request("POST", path, b"x" * 1000)[0] == 404
    status, headers, _ = running.request("GET", "/add-checkpoint")
    assert (status, headers["allow"]) == (405, "POST")
    status, headers, _ = running.request("DELETE", "/heads")
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    status, headers, body = running.request("HEAD", "/heads")
    assert (status, body) == (200, b"")
    assert running.request("POST", "/add-checkpoint", b"old 0\n")[0] == 400


def test_the_specification_s_headers(running):
    """409 says its size as text/x.tlog.size; the rest is plain text."""
    toy = ToyLog("log.example/unknown")
    status, headers, _ = running.request("POST", "/add-checkpoint", toy.request(0, 1))
    assert (status, headers["content-type"]) == (404, "text/plain; charset=utf-8")


def test_a_conflict_over_the_wire(tmp_path, log):
    """Byte for byte what other logs' clients read."""
    with daemon(tmp_path / "w", log) as running:
        assert running.request("POST", "/add-checkpoint", log.request(0, 4))[0] == 200
        status, headers, body = running.request("POST", "/add-checkpoint", log.request(0, 6))
        assert (status, headers["content-type"], body) == (409, "text/x.tlog.size", b"4\n")


@pytest.mark.parametrize("size", [64 * 1024 + 1, 900_000])
def test_a_body_over_the_limit_is_413(running, size):
    """Its answer arrives; and the witness goes on."""
    assert running.request("POST", "/add-checkpoint", b"x" * size)[0] == 413
    chunks = (b"x" * 1000 for _ in range(size // 1000 + 1))
    assert running.request("POST", "/add-checkpoint", chunks)[0] == 413
    assert running.request("GET", "/heads")[0] == 200


def test_a_body_without_end_is_cut_off(running):
    """Whatever its sender says of its length."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 30) as stranger:
        stranger.sendall(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 99999999999\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(20_000):
                stranger.sendall(b"x" * 1000)
            pytest.fail("twenty megabytes were taken")
    assert running.request("GET", "/heads")[0] == 200


def test_silent_strangers_do_not_keep_a_log_waiting(running, log):
    """Half a head, half a body, nothing at all: others are answered meanwhile."""
    host, port = running.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as stack:
        for begun in (b"", b"POST /add-", b"POST /add-checkpoint HTTP/1.1\r\ncontent-length: 9\r\n\r\nold"):
            for _ in range(10):
                stranger = stack.enter_context(socket.create_connection((host, int(port)), 30))
                stranger.sendall(begun)
        with running.client() as client:
            assert submit(client, log, 1)


def test_a_full_disk_gives_500_and_no_cosignature(tmp_path, log):
    """The kernel refuses the write; when there is room again the log goes on from the old head."""
    with daemon(tmp_path / "w", log) as running, running.client() as client:
        submit(client, log, 4)
        unlimited = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))
        with pytest.raises(WitnessUnavailable, match="500"):
            submit(client, log, 6)
        [head] = parse_heads(client.heads())
        assert head.text == log.checkpoint(4).text
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert submit(client, log, 6)


def test_many_logs_and_many_requests_at_once(tmp_path):
    """Each log's head is the largest that was cosigned, and every cosigned tree is a prefix of it."""
    logs = [ToyLog(f"log.example/{n}") for n in range(4)]
    with daemon(tmp_path / "w", *logs) as running:

        def grow(log):
            with running.client() as client:
                for size in range(1, 30):
                    with contextlib.suppress(WitnessRefused, WitnessUnavailable):  # the other was quicker
                        submit(client, log, size)

        threads = [threading.Thread(target=grow, args=(log,)) for log in logs * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with running.client() as client:
            heads = parse_heads(client.heads())
    assert [head.text for head in heads] == [log.checkpoint(29).text for log in logs]
    assert not list((tmp_path / "w/evidence").iterdir())


def test_over_tls_only_a_trusted_certificate_is_spoken_to(tmp_path, log, monkeypatch):
    """With --tls-cert; the log trusts what its system trusts, or the file SSL_CERT_FILE names."""
    certificate, key = _certificate(tmp_path)
    options = ["--tls-cert", certificate, "--tls-key", key]
    with daemon(tmp_path / "w", log, options=options) as running:
        assert running.url.startswith("https://127.0.0.1:")
        with running.client() as client, pytest.raises(WitnessUnavailable, match="certificate"):
            submit(client, log, 3)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with running.client() as client:
            for size in (3, 5):
                assert submit(client, log, size)


def _certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "witness")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "cert.pem", folder / "key.pem"
