from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store import EmbeddedPostgres
from countenance.store.cluster import explain, require_cluster
from countenance.store.launch import find_binaries, find_launcher, major_version


@pytest.fixture
def password(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("secret")
    return tmp_path / "password"


def test_an_unfinished_cluster_of_a_crashed_start_is_made_anew(tmp_path: Path, password: Path):
    """A power cut in the first second must not need cleaning up by hand."""
    unfinished = tmp_path / "cluster.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18")
    require_cluster(tmp_path / "cluster", find_binaries(), find_launcher(), password_file=password)
    assert (tmp_path / "cluster" / "global" / "pg_control").exists()
    assert not unfinished.exists()


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("9", r"made by PostgreSQL 9 and this is PostgreSQL \d+.*dump"),
        (None, "does not say its version.*backup"),
    ],
)
def test_a_cluster_of_another_version_or_of_none_is_refused_and_left_alone(
    tmp_path: Path, password: Path, version: str | None, problem: str
):
    """A new release of the wheel brings a new major version; on old files it would fail obscurely."""
    cluster = tmp_path / "cluster"
    cluster.mkdir()
    if version is not None:
        (cluster / "PG_VERSION").write_text(version + "\n")
    before = sorted(cluster.iterdir())
    with pytest.raises(SetupError, match=problem):
        require_cluster(cluster, find_binaries(), find_launcher(), password_file=password)
    assert sorted(cluster.iterdir()) == before


def test_an_initdb_that_fails_says_why_and_leaves_nothing(tmp_path: Path):
    """Here for want of a password file."""
    with pytest.raises(SetupError, match="could not open file"):
        require_cluster(
            tmp_path / "cluster", find_binaries(), find_launcher(), password_file=tmp_path / "none"
        )
    assert list(tmp_path.iterdir()) == []


def test_the_version_that_is_refused_is_not_the_one_we_run():
    """The check would be empty if the program did not know its own version."""
    assert major_version(find_binaries()) >= 15


def test_a_full_disk_is_told_as_such(tmp_path: Path):
    """A real one: a small file system in a mount namespace of its own."""
    unshare = shutil.which("unshare")
    small = [unshare or "", "--user", "--map-root-user", "--mount"]
    mount = f"mount -t tmpfs -o size=24m,mode=700 tmpfs {tmp_path}"
    if (
        not unshare
        or subprocess.run([*small, "sh", "-c", mount], capture_output=True, check=False).returncode
    ):
        pytest.skip("no mount namespaces here")
    program = (
        "import sys; from pathlib import Path; from countenance.errors import SetupError\n"
        "from countenance.store import EmbeddedPostgres\n"
        "try: EmbeddedPostgres(Path(sys.argv[1]) / 'data').start()\n"
        "except SetupError as error: print(error)"
    )
    answer = subprocess.run(
        [*small, "sh", "-c", f'{mount} && exec "$0" "$@"', sys.executable, "-c", program, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the disk is full: free some space" in answer.stdout, answer


@pytest.mark.parametrize(
    ("log", "problem"),
    [
        ("FATAL:  could not write lock file: No space left on device", "disk is full"),
        ("FATAL:  could not map anonymous shared memory: Cannot allocate memory", "out of memory"),
        ("LOG:  starting\nPANIC:  could not locate a valid checkpoint record\nLOG:  ended", "damaged: PANIC"),
        (
            "LOG:  starting\nFATAL:  something else\nLOG:  database system is shut down",
            "did not start: FATAL:  some",
        ),
        ("", "no message"),
    ],
)
def test_messages_are_sorted_by_what_the_operator_has_to_do(log: str, problem: str):
    """Free space, free memory, fetch the backup, or read the log."""
    told = explain(log)
    assert problem in told.problem
    assert told.remedy


def test_a_second_start_makes_nothing(tmp_path: Path):
    """The cluster's identity is what readers' snapshots rest on."""
    identities = []
    for _ in range(2):
        with EmbeddedPostgres(tmp_path / "data"):
            identities.append((tmp_path / "data" / "postgres" / "cluster" / "PG_VERSION").stat().st_ino)
    assert identities[0] == identities[1]
