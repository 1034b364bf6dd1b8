"""The list of what was erased: what was written is read, and what was changed is told."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store.tombstone_list import FACES_IN_A_LINE, TombstoneList, face_lines

KEY = b"k" * 32
AT = datetime(2026, 11, 26, 18, 37, 2, 114_000, tzinfo=UTC)
COLLECTION = "a5a5a5a5-0000-4000-8000-000000000001"


@pytest.fixture
def listed(tmp_path):
    return TombstoneList(tmp_path / "tombstones", KEY)


def append(listed, *words):
    with listed.held() as opened:
        return opened.append([(AT, each) for each in words])


def words(listed):
    return [(each.kind, *each.words) for each in listed.read()]


def test_what_was_appended_is_read_back(listed):
    """Over openings, with numbers and times."""
    append(listed, f"collection {COLLECTION}")
    head = append(listed, f"face {COLLECTION} one,two", "alive")
    read = list(listed.read())
    assert [each.number for each in read] == [1, 2, 3]
    assert read[1].words == (COLLECTION, "one,two")
    assert {each.at for each in read} == {AT}
    assert (head.number, head.code) == (3, read[-1].code)
    assert listed.path.stat().st_mode & 0o777 == 0o600


def test_a_deletion_of_thousands_is_several_lines(listed):
    """Each short enough that the end of a list is found in its last bytes."""
    ids = [f"{n:036}" for n in range(3 * FACES_IN_A_LINE + 1)]
    append(listed, *face_lines(COLLECTION, ids))
    assert append(listed, "alive").number == 5
    assert [each for line in listed.read() if line.kind == "face" for each in line.words[1].split(",")] == ids


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_what_a_crash_left_of_a_line_is_no_line(listed, cut):
    """And the next one is not taken for the rest of it."""
    append(listed, "alive", f"face {COLLECTION} one")
    content = listed.path.read_bytes()
    listed.path.write_bytes(content[:-cut])
    assert words(listed) == [("alive",)]
    append(listed, f"face {COLLECTION} two")
    assert words(listed) == [("alive",), ("face", COLLECTION, "two")]


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_what_a_crash_left_of_the_header_is_begun_anew(listed, cut):
    append(listed)
    listed.path.write_bytes(listed.path.read_bytes()[:-cut])
    append(listed, "alive")
    assert words(listed) == [("alive",)]


@pytest.mark.parametrize("line", [1, 2, 3])
@pytest.mark.parametrize("how", ["dropped", "doubled", "changed", "swapped"])
def test_a_list_that_was_changed_is_told(listed, line, how):
    """Whichever line it is."""
    append(listed, *(f"face {COLLECTION} face{n}" for n in range(5)))
    lines = listed.path.read_bytes().splitlines(keepends=True)
    match how:
        case "dropped":
            del lines[line]
        case "doubled":
            lines.insert(line, lines[line])
        case "changed":
            lines[line] = lines[line].replace(b"face", b"fake", 1)
        case _:
            lines[line], lines[line + 1] = lines[line + 1], lines[line]
    listed.path.write_bytes(b"".join(lines))
    with pytest.raises(SetupError, match=r"damaged at line [1-4]"):
        words(listed)


def test_a_last_line_that_was_changed_is_told_by_who_appends(listed):
    append(listed, "alive", f"face {COLLECTION} one")
    listed.path.write_bytes(listed.path.read_bytes().replace(b" one ", b" two "))
    with pytest.raises(SetupError, match="damaged at its end"):
        append(listed, "alive")


def test_another_keys_list_is_told(listed):
    """Of another installation."""
    append(listed, "alive")
    with pytest.raises(SetupError, match="another installation"):
        words(TombstoneList(listed.path, b"o" * 32))


def test_a_user_stands_there_as_a_digest(listed):
    """Another one in each collection, and under each key."""
    digest = listed.user_digest(COLLECTION, "ada")
    assert digest == listed.user_digest(COLLECTION, "ada") != listed.user_digest("other", "ada")
    assert digest != TombstoneList(listed.path, b"o" * 32).user_digest(COLLECTION, "ada")
    assert "ada" not in digest


def test_a_full_disk_leaves_the_list_as_it_was(listed):
    """So that what is appended later is read."""
    append(listed, "alive")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (listed.path.stat().st_size + 20, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            append(listed, f"face {COLLECTION} one")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    append(listed, f"face {COLLECTION} two")
    assert words(listed) == [("alive",), ("face", COLLECTION, "two")]


def test_one_list_in_two_places_is_made_whole_from_the_longer(listed, tmp_path):
    """And two that do not go together are told."""
    append(listed, *(f"face {COLLECTION} face{n}" for n in range(100)))
    copy = TombstoneList(tmp_path / "copy", KEY)
    with copy.held() as opened:
        opened.follow(listed.path)
        assert opened.head.number == 100
    assert copy.path.read_bytes() == listed.path.read_bytes()
    other = TombstoneList(tmp_path / "other", KEY)
    append(other, "alive")
    with other.held() as opened, pytest.raises(SetupError, match="do not go together"):
        opened.follow(listed.path)


def test_processes_that_append_at_once_make_one_list(listed):
    """By turns, each where the one before has ended."""
    program = (
        "import sys; from datetime import *; from pathlib import Path;"
        "from countenance.store.tombstone_list import TombstoneList\n"
        "listed = TombstoneList(Path(sys.argv[1]), b'k' * 32)\n"
        "for n in range(40):\n"
        "    with listed.held() as opened:\n"
        "        opened.append([(datetime.now(UTC), f'face c {sys.argv[2]}-{n}')])\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, listed.path, str(name)], env=os.environ)
        for name in range(3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(words(listed)) == 120


def test_a_list_that_is_missing_is_told():
    with pytest.raises(SetupError, match="cannot be read"):
        list(TombstoneList(Path("/nowhere/tombstones"), KEY).read())
