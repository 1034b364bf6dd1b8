"""Keys that sign evaluations."""

from __future__ import annotations

import stat

import pytest

from countenance.assurance.evaluator_key import open_key, read_key
from countenance.errors import SetupError


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "evaluations.key"
    signer = open_key(path, name="house/evaluations")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_key(path, name="another").verifier == read_key(path).verifier == signer.verifier
    assert signer.verifier.name == "house/evaluations"


def test_a_key_that_others_can_read_is_not_used(tmp_path):
    path = tmp_path / "evaluations.key"
    open_key(path, name="house")
    path.chmod(0o640)
    with pytest.raises(SetupError, match="can be read by others"):
        open_key(path, name="house")


@pytest.mark.parametrize(
    "content", [b"", b"house\n00\n", b"house\nnothex\n", b"\xff\n", b"a b\n" + b"00" * 32]
)
def test_a_damaged_key_is_told_and_not_replaced(tmp_path, content):
    """A new one in its place would sign what nobody trusts."""
    path = tmp_path / "evaluations.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SetupError, match="is no key for evaluations"):
        open_key(path, name="house")
    assert path.read_bytes() == content


def test_a_name_that_no_key_can_have_and_a_place_that_cannot_be_written_are_told(tmp_path):
    with pytest.raises(SetupError, match="cannot be a key's name"):
        open_key(tmp_path / "key", name="our house")
    with pytest.raises(SetupError, match="cannot be written"):
        open_key(tmp_path / "none" / "key", name="house")
    with pytest.raises(SetupError, match="cannot be read"):
        read_key(tmp_path / "key")
