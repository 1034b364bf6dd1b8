"""A witness's directory: one owner, a key that is secret, heads that outlive the process."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

from countenance.errors import SetupError
from countenance.transparency.note import COSIGNATURE, Signer
from countenance.transparency.witness import Witness
from countenance.transparency.witness_state import (
    create_witness,
    load_key,
    read_heads,
)
from toy_log import ToyLog

LOG = ToyLog()
HOLD = (
    "import sys; from pathlib import Path\n"
    "from countenance.transparency.witness_state import WitnessState, load_key\n"
    "path = Path(sys.argv[1]); held = WitnessState(path, load_key(path).verifier)\n"
    "print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def directory(tmp_path):
    create_witness(tmp_path / "witness", "w.example/1")
    return tmp_path / "witness"


def _witness(directory):
    return Witness(directory, load_key(directory), [LOG.signer.verifier])


def test_a_new_witness_has_a_key_that_only_its_user_reads(tmp_path):
    """The printed key is the one that signs, and it is a cosigner's."""
    verifier = create_witness(tmp_path / "a/b", "w.example/1")
    assert load_key(tmp_path / "a/b").verifier == verifier
    assert verifier.algorithm == COSIGNATURE
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a/b/key").stat().st_mode) == 0o600


def test_a_witness_is_made_once(directory):
    """A second key in the same place would make the first one's heads worthless."""
    key = (directory / "key").read_bytes()
    with pytest.raises(SetupError, match="belongs to a witness already"):
        create_witness(directory, "w.example/2")
    assert (directory / "key").read_bytes() == key


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb"])
def test_names_that_no_key_can_have_are_refused(tmp_path, name):
    """Before anything is made."""
    with pytest.raises(SetupError, match="cannot be the name"):
        create_witness(tmp_path / "w", name)
    assert not (tmp_path / "w").exists()


def test_a_place_that_cannot_be_written_is_a_set_up_error(tmp_path):
    """With the reason."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot make the witness"):
        create_witness(tmp_path / "file", "w.example/1")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(directory, mode):
    """It may have been copied: whoever has it cosigns anything."""
    (directory / "key").chmod(mode)
    with pytest.raises(SetupError, match="open to other users"):
        load_key(directory)


def test_a_directory_that_others_can_read_is_refused(directory):
    """Its heads and its key are the witness's alone."""
    directory.chmod(0o755)
    with pytest.raises(SetupError, match="open to other users"):
        _witness(directory)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "",
        lambda text: text[:-6],
        lambda text: text + "\n",
        lambda text: text.replace("w.example", "v.example"),
        lambda text: text.replace("PRIVATE", "PUBLIC"),
        lambda text: "\u00e9" + text,
    ],
)
def test_a_damaged_key_is_refused_without_showing_it(directory, change):
    """A message ends up in logs."""
    text = (directory / "key").read_text("utf-8")
    (directory / "key").write_text(change(text), "utf-8")
    with pytest.raises(SetupError, match="is damaged") as caught:
        load_key(directory)
    assert text.rsplit("+", 1)[1][:10] not in str(caught.value)


def test_without_a_key_the_remedy_is_to_make_one(tmp_path):
    """Whoever runs it first has not read the manual."""
    with pytest.raises(SetupError, match="countenance witness init"):
        load_key(tmp_path)


@pytest.mark.parametrize("folder", ["heads", "evidence"])
def test_a_directory_without_its_folders_is_not_started_from(directory, folder):
    """An empty volume in the place of the heads is not a log that was never seen."""
    (directory / folder).rmdir()
    with pytest.raises(SetupError, match=f"no folder `{folder}`"):
        _witness(directory)


def test_a_directory_has_one_owner(directory):
    """In this process and among processes; a killed owner owns nothing."""
    with _witness(directory), pytest.raises(SetupError, match="another witness runs"):
        _witness(directory)
    command = [sys.executable, "-c", HOLD, directory]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(SetupError, match="another witness runs"):
            _witness(directory)
        process.kill()
        process.wait()
        with _witness(directory):
            pass


def test_what_a_crash_left_half_written_is_cleared_away(directory):
    """And is never read as a head."""
    with _witness(directory) as witness:
        witness.add_checkpoint(LOG.request(0, 3))
    (directory / "heads/.half").write_text("half")
    with _witness(directory) as witness:
        assert not (directory / "heads/.half").exists()
        assert witness.add_checkpoint(LOG.request(3, 4)).status == 200


def test_heads_outlive_the_process(directory):
    """The next run holds the log to what this one cosigned."""
    with _witness(directory) as witness:
        witness.add_checkpoint(LOG.request(0, 5))
    with _witness(directory) as witness:
        assert witness.add_checkpoint(LOG.request(0, 5)).body == b"5\n"
    [head], damaged = read_heads(directory, load_key(directory).verifier)
    assert (head.checkpoint, damaged) == (LOG.checkpoint(5), [])


def test_heads_of_another_key_are_damaged(directory):
    """Who replaces the key has not cosigned them."""
    with _witness(directory) as witness:
        witness.add_checkpoint(LOG.request(0, 5))
    whole, damaged = read_heads(directory, Signer.generate("w.example/1", COSIGNATURE).verifier)
    assert (whole, len(damaged)) == ([], 1)
