"""What is restored to be thrown away is thrown away, also by the next who comes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from countenance.backup.workplace import remove_deserted, workplace
from countenance.errors import SetupError

_HOLD = """
import os, pathlib, signal, sys
from countenance.backup.workplace import workplace
with workplace(pathlib.Path(sys.argv[1])) as data:
    data.mkdir()
    (data / "secret").write_text("in clear")
    print(data, flush=True)
    signal.pause()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process, at work in a folder of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith(str(tmp_path))
        yield process
        process.kill()


def folders(tmp_path):
    return list(tmp_path.glob("countenance-verify-*"))


def test_a_folder_goes_with_its_context(tmp_path):
    with pytest.raises(KeyError), workplace(tmp_path) as data:
        data.mkdir()
        raise KeyError
    assert folders(tmp_path) == []


def test_what_a_killed_one_has_left_goes_with_the_next(tmp_path, holder):
    holder.kill()
    holder.wait()
    (left,) = folders(tmp_path)
    assert (left / "data" / "secret").exists()
    with workplace(tmp_path) as data:
        assert folders(tmp_path) == [data.parent]
    assert folders(tmp_path) == []


def test_what_a_living_one_works_in_stays(tmp_path, holder):
    (tmp_path / "countenance-verified").mkdir()
    with workplace(tmp_path):
        remove_deserted(tmp_path)
        assert len(folders(tmp_path)) == 2
    assert [(each / "data" / "secret").exists() for each in folders(tmp_path)] == [True]
    assert (tmp_path / "countenance-verified").exists()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "letters" / "data").mkdir(parents=True)
    (tmp_path / "countenance-verify-x").symlink_to(tmp_path / "letters")
    remove_deserted(tmp_path)
    assert (tmp_path / "letters" / "data").exists()


def test_a_place_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SetupError, match="no place to restore to"), workplace(tmp_path / "nowhere"):
        pass
