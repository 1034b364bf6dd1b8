"""While serving, nothing connects outwards and nothing is written outside the data directory."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from countenance.cli.server_process import running_server
from fixtures_server import Service, server_settings

pytestmark = pytest.mark.xdist_group("confinement")

AUDIT_HOOK = textwrap.dedent(
    """
    import os, sys

    TARGET = os.open(os.environ["CONFINEMENT_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def note(event, arguments):
        line = None
        if event in {"socket.connect", "socket.sendto", "socket.getaddrinfo"}:
            line = f"{event} {arguments[1] if event != 'socket.getaddrinfo' else arguments[0]}"
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            line = f"open {arguments[0]}"
        elif event in {"os.mkdir", "os.rename", "os.symlink", "os.link"}:
            line = f"{event} {arguments[0]}"
        if line is not None:
            os.write(TARGET, (line + chr(10)).encode("utf-8", "replace"))

    sys.addaudithook(note)
    """
)


@pytest.fixture
def watched(tmp_path, monkeypatch, default_pack):
    """Every Python process that is started now writes down what it opens and whom it calls.

    Settings are made before HOME changes: the models are in place, as they are when a server serves.
    """
    settings = server_settings()
    hooks, home, log = tmp_path / "hooks", tmp_path / "home", tmp_path / "confinement.log"
    hooks.mkdir()
    home.mkdir()
    (hooks / "sitecustomize.py").write_text(AUDIT_HOOK)
    monkeypatch.setenv("PYTHONPATH", str(hooks))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("CONFINEMENT_LOG", str(log))
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return home, log, settings


@pytest.fixture
def data_dir():
    """A short path, so that the socket lies in the data directory however long pytest's paths are."""
    with tempfile.TemporaryDirectory(prefix="c-") as folder:
        yield Path(folder) / "data"


def _calls(client, photo):
    client.create_collection(CollectionId="quiet")
    client.index_faces(CollectionId="quiet", Image={"Bytes": photo})
    client.search_faces_by_image(CollectionId="quiet", Image={"Bytes": photo})
    client.detect_faces(Image={"Bytes": photo})
    client.delete_collection(CollectionId="quiet")


def test_no_outbound_connection_and_no_write_elsewhere(data_dir, watched, portraits):
    """Models are in place; from the start of serving to its end the audit hooks of all processes are read."""
    home, log, settings = watched
    photo = portraits.stranger.read_bytes()
    with running_server(data_dir, settings, accept_terms="Test, suite", log=str) as running:
        service = Service(running, data_dir, settings)
        served_from = log.stat().st_size
        _calls(service.client(), photo)
    lines = log.read_bytes()[served_from:].decode().splitlines()
    starting = log.read_bytes()[:served_from].decode().splitlines()
    assert any(line.startswith("open ") for line in starting), "the hook saw nothing: it is not loaded"

    outside = [line for line in lines if line.startswith("socket.") and not _is_local(line, data_dir)]
    assert outside == []
    written = [line.split(" ", 1)[1] for line in starting + lines if line.startswith(("open ", "os."))]
    stray = [path for path in written if not _is_inside(path, data_dir)]
    assert stray == []
    assert list(home.rglob("*")) == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not on this machine")
def test_native_code_connects_nowhere_either(tmp_path, portraits, default_pack, monkeypatch):
    """The same through strace, which also sees what Python's hooks do not: runtimes and PostgreSQL."""
    trace = tmp_path / "trace"
    wrapper = tmp_path / "python"
    wrapper.write_text(
        f'#!/bin/sh\nexec strace -D -f -qq -e trace=connect -o {trace} {sys.executable} "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setattr("countenance.cli.server_process.sys.executable", str(wrapper))
    settings = server_settings()
    with running_server(tmp_path / "data", settings, accept_terms="Test, suite", log=str) as running:
        monkeypatch.undo()
        _calls(Service(running, tmp_path / "data", settings).client(), portraits.stranger.read_bytes())
    families = set(re.findall(r"sa_family=(AF_\w+)", trace.read_text()))
    assert families <= {"AF_UNIX"}, [line for line in trace.read_text().splitlines() if "AF_INET" in line][:5]
    assert families == {"AF_UNIX"}, "strace saw no connection to PostgreSQL: it is not looking"


def _is_inside(path, data_dir):
    if path.isdigit() or path.startswith("/proc/self/fd/"):  # what is open already
        return True
    resolved = Path(path).absolute()
    return resolved.is_relative_to(data_dir) or str(resolved) == os.devnull or "confinement.log" in path


def _is_local(line, data_dir):
    return str(data_dir) in line or "127.0.0.1" in line or "/tmp/countenance-" in line
