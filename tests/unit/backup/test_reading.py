"""Whatever was done to a backup by somebody who can open it, its signature or its digests tell."""

from __future__ import annotations

import io
import tarfile

import pytest

from countenance.backup.archive import HEADER, MANIFEST, SIGNATURE
from countenance.backup.envelope import decrypted, encrypted, load_identities
from countenance.errors import SetupError
from installations import back_up


@pytest.fixture
def kept(house, tmp_path):
    return back_up(house, tmp_path / "kept")


def rewritten(kept, change):
    """The backup with its members changed: (name, content) → the same, another pair, or None."""
    identities = load_identities(kept.identity)
    with kept.path.open("rb") as file, decrypted(file, identities, name="x") as plain:
        content = plain.read()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = [(member.name, archive.extractfile(member).read()) for member in archive]
    with (
        kept.path.open("wb") as file,
        encrypted(file, [identities[0].to_public()]) as sink,
        tarfile.open(fileobj=sink, mode="w|") as tar,
    ):
        for name, content in filter(None, (change(*each) for each in members)):
            told = tarfile.TarInfo(name)
            told.size = len(content)
            tar.addfile(told, io.BytesIO(content))
    return kept.file


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        (HEADER, None),
        (MANIFEST, "its manifest or its signature is missing"),
        (SIGNATURE, "its manifest or its signature is missing"),
        ("tables/face/000001.gz", "the table `face` is not as the manifest has it"),
        ("keys/master.key", "the file `keys/master.key` is not as the manifest has it"),
    ],
)
def test_a_member_that_is_missing_is_named(kept, gone, told):
    backup = rewritten(kept, lambda name, content: None if name == gone else (name, content))
    if told is None:  # it says nothing that the manifest does not
        backup.check()
        return
    with pytest.raises(SetupError, match=told):
        backup.check()


def test_a_member_that_was_changed_is_named(kept):
    backup = rewritten(
        kept, lambda name, content: (name, content[:-1] + b"!" if name == "keys/master.key" else content)
    )
    with pytest.raises(SetupError, match=r"the file `keys/master\.key`"):
        backup.check()


def test_rows_that_are_no_gzip_are_told(kept):
    backup = rewritten(
        kept, lambda name, content: (name, b"x" * 50 if name.startswith("tables/face/") else content)
    )
    with pytest.raises(SetupError, match="is damaged"):
        backup.check()


@pytest.mark.parametrize(
    "place", ["../escaped", "/etc/cron.d/x", "keys/../../escaped", "keys/.hidden", "letters"]
)
def test_a_member_leads_nowhere_else(kept, place):
    """Only files that a data directory has, in it."""
    backup = rewritten(kept, lambda name, content: (place if name == "keys/ring" else name, content))
    with pytest.raises(SetupError, match="does not belong there"):
        backup.check()


def test_a_manifest_that_was_changed_is_not_signed(kept):
    backup = rewritten(
        kept,
        lambda name, content: (
            name,
            content.replace(b'"entries": ', b'"entries": 1') if name == MANIFEST else content,
        ),
    )
    with pytest.raises(SetupError, match="signature is of another backup"):
        backup.check()
