from __future__ import annotations

import stat
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store.launch import Launcher
from countenance.store.sockets import find_socket_directory, make_socket_directory, remove_socket_directory


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    home = tmp_path / ("d" * 100)
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def shallow(tmp_path_factory) -> Path:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        yield Path(home)


def test_a_short_path_keeps_the_socket_in_the_data_directory(shallow: Path):
    """Nothing is written elsewhere while it can be helped."""
    sockets = make_socket_directory(shallow, Launcher())
    assert sockets == shallow / "run" == find_socket_directory(shallow)
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    remove_socket_directory(shallow)
    assert sockets.exists()


def test_a_long_path_gets_a_private_directory_elsewhere_once(deep: Path):
    """The second start removes the first one's: they must not pile up."""
    first = make_socket_directory(deep, Launcher())
    second = make_socket_directory(deep, Launcher())
    assert len(str(second)) < 90
    assert stat.S_IMODE(second.stat().st_mode) == 0o700
    assert find_socket_directory(deep) == second
    assert not first.exists()
    remove_socket_directory(deep)
    assert not second.exists()
    with pytest.raises(FileNotFoundError):
        find_socket_directory(deep)


def test_the_users_runtime_directory_is_preferred_if_it_is_short_and_there(
    deep: Path, shallow: Path, monkeypatch
):
    """It is private to the user and emptied at log-out."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shallow))
    assert make_socket_directory(deep, Launcher()).parent == shallow
    for unusable in (str(shallow / "gone"), str(shallow) + "/" + "x" * 80):
        monkeypatch.setenv("XDG_RUNTIME_DIR", unusable)
        assert make_socket_directory(deep, Launcher()).parent == Path("/tmp")
    remove_socket_directory(deep)


def test_a_record_that_was_tampered_with_removes_nothing(deep: Path, tmp_path: Path):
    """The record is a path to be deleted: only a directory of our own making may go."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (deep / "run.path").write_text(str(precious))
    remove_socket_directory(deep)
    assert precious.exists()


def test_no_place_for_a_socket_is_told(deep: Path, monkeypatch):
    """The remedy is a shorter path."""
    import tempfile

    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(SetupError, match=r"No space left.*shorter --data-dir"):
        make_socket_directory(deep, Launcher())
