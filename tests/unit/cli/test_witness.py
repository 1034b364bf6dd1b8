"""`countenance witness`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from countenance.cli.witness import witness
from countenance.errors import SetupError
from countenance.transparency.note import COSIGNATURE, Signer, Verifier
from countenance.transparency.witness import Witness
from countenance.transparency.witness_state import load_key
from toy_log import ToyLog

LOG = ToyLog()


@pytest.fixture
def directory(tmp_path):
    assert run("init", tmp_path / "w", "--name", "w.example/1").exit_code == 0
    return tmp_path / "w"


def run(*words):
    return CliRunner().invoke(witness, [str(word) for word in words])


def refused(*words):
    result = run(*words)
    assert isinstance(result.exception, SetupError), result
    assert result.exception.remedy
    return result.exception.problem


@pytest.mark.parametrize("command", [[], ["init"], ["run"], ["heads"]])
def test_every_command_teaches_itself(command):
    """What it is for, what it prints, what to keep."""
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5


def test_init_prints_the_key_to_give_away(tmp_path):
    """Just that on standard output, so that a script can take it; a cosigner's key of that name."""
    result = run("init", tmp_path / "w", "--name", "w.example/1")
    verifier = Verifier.parse(result.stdout.removesuffix("\n"))
    assert (verifier.name, verifier.algorithm) == ("w.example/1", COSIGNATURE)
    assert load_key(tmp_path / "w").verifier == verifier
    assert "belongs to a witness" in refused("init", tmp_path / "w", "--name", "w.example/1")


def test_heads_tells_what_was_cosigned(directory):
    """For people and for scripts, beside a running witness too."""
    assert "nothing was cosigned yet" in run("heads", directory).stdout
    with Witness(directory, load_key(directory), [LOG.signer.verifier]) as running:
        running.add_checkpoint(LOG.request(0, 5))
        text = run("heads", directory).stdout
        [row] = json.loads(run("heads", directory, "--json").stdout)
    root = LOG.checkpoint(5).text.splitlines()[2]
    assert all(word in text for word in (LOG.origin, "size 5", root))
    cosigned = datetime.fromisoformat(row.pop("cosigned"))
    assert row == {"origin": LOG.origin, "size": 5, "root": root}
    assert abs(datetime.now(UTC) - cosigned) < timedelta(minutes=1)


def test_a_head_of_a_time_that_no_calendar_has_is_told_as_a_number(directory, monkeypatch):
    """Our own clock was wrong: what was cosigned then is a head all the same."""
    monkeypatch.setattr("countenance.transparency.note.time.time", lambda: 10.0**12)
    with Witness(directory, load_key(directory), [LOG.signer.verifier]) as running:
        running.add_checkpoint(LOG.request(0, 5))
    [row] = json.loads(run("heads", directory, "--json").stdout)
    assert (row["size"], row["cosigned"]) == (5, "1000000000000")


def test_heads_that_are_damaged_are_told_and_exit_1(directory):
    """A check of the directory that a job can run."""
    with Witness(directory, load_key(directory), [LOG.signer.verifier]) as running:
        running.add_checkpoint(LOG.request(0, 5))
    next((directory / "heads").iterdir()).write_text("")
    result = run("heads", directory, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, [])
    assert "cannot be read" in result.stderr


def test_what_cannot_run_is_refused_with_the_remedy(directory, tmp_path):
    """Before anything listens."""
    assert "no public key of a log" in refused("run", directory, "--log", "x")
    cosigner = Signer.generate("w.example/2", COSIGNATURE).verifier
    assert "key of a witness" in refused("run", directory, "--log", cosigner)
    assert "no key of a witness" in refused("run", tmp_path / "none", "--log", LOG.vkey)
    assert "certificate and its key" in refused("run", directory, "--log", LOG.vkey, "--tls-cert", "x")
    files = ["--tls-cert", tmp_path / "x", "--tls-key", tmp_path / "y"]
    assert "cannot use the certificate" in refused("run", directory, "--log", LOG.vkey, *files)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "cannot listen" in refused("run", directory, "--log", LOG.vkey, "--port", port)
    assert "cannot listen" in refused("run", directory, "--log", LOG.vkey, "--host", "192.0.2.1")
    assert run("run", directory).exit_code == 2


def test_a_witness_stands_alone():
    """It runs on other parties' machines: no models, no database, no cloud client is loaded."""
    heavy = ["numpy", "onnxruntime", "cv2", "boto3", "botocore", "cedarpy", "psycopg", "countenance.settings"]
    program = f"import sys, countenance.cli.witness; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
