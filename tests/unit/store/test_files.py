from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store.files import make_private_directory, remove_durably, write_private, write_whole


def test_new_directories_are_private_and_existing_parents_keep_their_mode(tmp_path: Path):
    """The package we replace loosened parents; whoever owns a parent decides about it."""
    parent = tmp_path / "shared"
    parent.mkdir(mode=0o755)
    parent.chmod(0o755)
    make_private_directory(parent / "a" / "b")
    assert stat.S_IMODE(parent.stat().st_mode) == 0o755
    assert [stat.S_IMODE((parent / name).stat().st_mode) for name in ("a", "a/b")] == [0o700, 0o700]


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path):
    """Mending it silently would hide that what is in it was open until now."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(SetupError, match="chmod 700"):
        make_private_directory(tmp_path / "open")


def test_a_file_in_the_directorys_place_is_told(tmp_path: Path):
    """The message is for whoever installs, not a traceback."""
    (tmp_path / "file").touch(mode=0o600)
    with pytest.raises(SetupError, match="not a directory"):
        make_private_directory(tmp_path / "file")
    with pytest.raises(SetupError, match="cannot make"):
        make_private_directory(tmp_path / "file" / "below")


def test_a_private_file_is_complete_and_mode_600_whatever_the_umask(tmp_path: Path):
    """Key files are made by whatever shell starts the server."""
    before = os.umask(0)
    try:
        write_private(tmp_path / "key", b"content", replace=False)
    finally:
        os.umask(before)
    assert (tmp_path / "key").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_taken_name_keeps_its_content_unless_replacing_is_asked_for(tmp_path: Path):
    """A key must never be overwritten by accident; a credentials file may."""
    write_private(tmp_path / "key", b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "key", b"second", replace=False)
    assert (tmp_path / "key").read_bytes() == b"first"
    write_private(tmp_path / "key", b"third", replace=True)
    assert (tmp_path / "key").read_bytes() == b"third"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_removing_what_is_gone_is_no_error(tmp_path: Path):
    """A deletion that is repeated after a crash must come to its end."""
    write_private(tmp_path / "key", b"content", replace=False)
    remove_durably(tmp_path / "key")
    remove_durably(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []


def test_a_file_for_others_is_written_and_replaced_and_its_folder_is_made(tmp_path: Path):
    path = tmp_path / "report" / "a.json"
    assert write_whole(path, b"first") == path
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


def test_a_disk_that_fills_half_way_leaves_what_was_there(tmp_path: Path, monkeypatch):
    """A cut record that looks like one would be worse than none."""

    def full(descriptor):
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.json"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]
