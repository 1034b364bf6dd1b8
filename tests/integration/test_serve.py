"""`countenance serve` as an operator meets it: start, refuse, replace, stop."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from countenance.cli.server_process import running_server
from countenance.store import EmbeddedPostgres
from fixtures_server import CLIENT_CONFIG, Service, server_settings

pytestmark = pytest.mark.xdist_group("serve")


def _countenance(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "countenance.cli", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=180,
    )


def _options(settings):
    return ["--cache-dir", settings.cache_dir, *(["--models", settings.models] if settings.models else [])]


def _processes_in(directory):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(directory) in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_a_server_starts_refuses_a_second_one_and_stops_without_a_trace(tmp_path):
    """One server a data directory; Ctrl-C leaves no process and the directory usable."""
    settings = server_settings()
    data_dir = tmp_path / "data"
    with running_server(data_dir, settings, accept_terms="Test, suite", log=str) as running:
        service = Service(running, data_dir, settings)
        service.client().create_collection(CollectionId="kept")
        assert stat.S_IMODE((data_dir / "credentials").stat().st_mode) == 0o600
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700

        second = _countenance("serve", "--data-dir", data_dir, "--port", "0", *_options(settings))
        assert second.returncode == 3
        assert f"another server (process {running.process_id}) uses" in second.stderr
        assert "Traceback" not in second.stderr

        listed = _countenance("accounts", "list", "--data-dir", data_dir, "--json")
        assert len(json.loads(listed.stdout)) == 1
        first_key = running.access_key_id
    assert _processes_in(data_dir) == []

    with running_server(data_dir, settings, accept_terms="Test, suite", log=str) as running:
        assert running.access_key_id == first_key
        client = Service(running, data_dir, settings).client()
        assert client.list_collections()["CollectionIds"] == ["kept"]


def test_the_credentials_file_is_all_that_boto3_needs(tmp_path, service):
    """Profile, region and endpoint are in it."""
    script = "import boto3; print('CollectionIds' in boto3.client('rekognition').list_collections())"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **kept,
            "HOME": str(tmp_path),
            "AWS_SHARED_CREDENTIALS_FILE": str(service.data_dir / "credentials"),
            "AWS_PROFILE": "countenance",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize(
    ("arguments", "problem", "remedy"),
    [
        (["--host", "0.0.0.0"], "without TLS", "--insecure-http"),
        (["--tls-cert", "cert.pem"], "both a certificate and a key", "--tls-key"),
        (["--accept-terms", "Nobody"], "not a name and a role", "Name, role"),
        (
            ["--database-url", "postgresql://nobody@127.0.0.1:1/none"],
            "cannot connect to the database",
            "database URL",
        ),
        (["--pack", "no-such"], "no-such", "known packs"),
        (["--workers", "20", "--threads", "64"], "connections", "--threads"),
    ],
)
def test_what_cannot_work_is_refused_with_its_remedy(tmp_path, arguments, problem, remedy):
    """Exit code 3, two lines, no traceback."""
    settings = server_settings()
    done = _countenance(
        "serve", "--data-dir", tmp_path / "data", "--port", "0", *_options(settings), *arguments
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert problem in done.stderr
    assert remedy in done.stderr
    assert "Traceback" not in done.stderr
    assert _processes_in(tmp_path / "data") == []


def test_a_port_in_use_is_named(tmp_path):
    """With what to do about it."""
    settings = server_settings()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = _countenance("serve", "--data-dir", tmp_path / "data", "--port", port, *_options(settings))
    assert done.returncode == 3
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    ("module", "count"), [("countenance.cli.worker", 2), ("countenance.cli.sequencer", 1)]
)
def test_a_process_that_dies_is_replaced(service, module, count):
    """Calls are answered meanwhile, and soon there are as many as before."""
    client = service.client()

    def processes():
        listing = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(service.running.process_id)],
            capture_output=True,
            text=True,
        )
        return {int(line.split()[0]) for line in listing.stdout.splitlines() if module in line}

    before = processes()
    assert len(before) == count
    victim = next(iter(before))
    os.kill(victim, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (victim in processes() or len(processes()) < count):
        time.sleep(0.2)
    assert len(processes() - {victim}) == count
    for _ in range(5):
        assert client.list_collections()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_any_postgresql_will_do(tmp_path):
    """--database-url: the same service on a server that somebody else runs."""
    settings = server_settings()
    with EmbeddedPostgres(tmp_path / "elsewhere") as other:
        options = ["--database-url", other.url]
        with running_server(
            tmp_path / "data", settings, accept_terms="Test, suite", log=str, options=options
        ) as running:
            client = Service(running, tmp_path / "data", settings).client()
            client.create_collection(CollectionId="there")
            assert client.list_collections()["CollectionIds"] == ["there"]
        assert not (tmp_path / "data" / "postgres").exists()


def test_tls_is_served_and_listening_wide_is_allowed_with_it(tmp_path):
    """With a certificate of one's own; boto3 verifies it."""
    certificate, key = _self_signed(tmp_path)
    settings = server_settings()
    options = ["--tls-cert", str(certificate), "--tls-key", str(key)]
    with running_server(
        tmp_path / "data", settings, accept_terms="Test, suite", log=str, options=options
    ) as running:
        assert running.endpoint.startswith("https://")
        import boto3

        client = boto3.Session(
            running.access_key_id, running.secret_access_key, region_name="us-east-1"
        ).client("rekognition", endpoint_url=running.endpoint, verify=str(certificate), config=CLIENT_CONFIG)
        assert client.list_collections()["CollectionIds"] == []


def test_the_doctor_finds_nothing_wrong_with_a_running_server_and_something_with_a_broken_one(
    service, tmp_path
):
    """Exit code 0 and 1; JSON beside the pretty table."""
    settings = service.settings
    well = _countenance(
        "doctor", "--data-dir", service.data_dir, *service.database_options, *_options(settings), "--json"
    )
    findings = {finding["subject"]: finding for finding in json.loads(well.stdout)}
    assert well.returncode == 0, findings
    assert findings["models"]["state"] == findings["database and keys"]["state"] == "ok"
    assert findings["calibrations"]["state"] == "ok"  # with or without one that a test put in force

    empty = _countenance("doctor", "--data-dir", tmp_path / "none", "--cache-dir", tmp_path / "cache")
    assert empty.returncode == 1
    assert "countenance models install" in empty.stdout


def _self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    key_file.chmod(0o600)
    return certificate_file, key_file
