"""`countenance calibrate`: real photographs through the real pipeline, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from countenance.assurance.calibration_document import parse_calibration
from countenance.vision.pipeline_digest import pipeline_digest
from paths import SHARED

LFW = SHARED / "data" / "lfw-dev" if SHARED and (SHARED / "data" / "lfw-dev").is_dir() else None
needs_lfw = pytest.mark.skipif(LFW is None, reason="photos of many people are beside the checkout only")


@pytest.fixture
def people(tmp_path):
    """A folder with one photo each of some people of the data set."""

    def make(count):
        for folder in sorted(each for each in LFW.iterdir() if each.is_dir())[:count]:
            (tmp_path / "set" / folder.name).mkdir(parents=True)
            shutil.copy(min(folder.glob("*.jpg")), tmp_path / "set" / folder.name)
        return tmp_path / "set"

    return make


@pytest.fixture
def environment(cli, tmp_path, default_pack):
    """The machine's packs, and a cache of the test's own."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/packs").symlink_to(default_pack.directory.parent)
    cli.environment |= {
        "COUNTENANCE_CACHE_DIR": str(tmp_path / "cache"),
        "COUNTENANCE_PACK": default_pack.manifest.name,
    }
    return cli


def test_too_few_people_are_refused_with_how_many_it_takes(environment, portraits, tmp_path):
    """And nothing is written."""
    for name, photos in portraits.known.items():
        (tmp_path / "set" / name).mkdir(parents=True)
        for photo in photos:
            shutil.copy(photo, tmp_path / "set" / name)
    out = tmp_path / "calibration.json"
    code, message = environment.fails("calibrate", tmp_path / "set", "--out", out)
    assert code == 1
    assert "about 101 people" in message
    assert not out.exists()


@needs_lfw
@pytest.mark.slow
def test_photos_make_a_file_that_is_put_in_force(environment, house, people, tmp_path, default_pack):
    """From photos to the record in one command; without --use nothing changes."""
    out = tmp_path / "calibration.json"
    told = environment.json("calibrate", people(112), "--out", out)
    document = parse_calibration(out.read_bytes())
    assert (document.subjects, document.samples, document.data_name) == (112, 112, "set")
    assert (document.pack_digest, document.pipeline_digest) == (
        default_pack.manifest.digest, pipeline_digest()
    )  # fmt: skip
    assert told["Digest"] == document.digest
    assert [row["Similarity"] for row in told["Changes"]] == ["80", "90", "99"]
    assert all("(model)" in row["NewCosine"] for row in told["Changes"])
    assert environment.json("calibration", "list") == []
    shown = environment.says(
        "calibrate", tmp_path / "set", "--out", out, "--use", "--accept-difference", "--reason", "a test"
    )
    assert "in force as version 1" in shown
    [choice] = environment.json("calibration", "list")
    assert (choice["Digest"], choice["InForce"], choice["Reason"]) == (document.digest, True, "a test")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--use",), "--use needs --reason"),
        (("--reason", "because"), "go with --use"),
        (("--accept-difference",), "go with --use"),
        (("--officer", "Olga"), "go with --use"),
    ],
)
def test_options_that_do_not_go_together_are_refused(environment, tmp_path, words, why):
    code, message = environment.fails("calibrate", tmp_path, *words)
    assert (code, why in message) == (2, True)


@pytest.mark.parametrize(
    ("given", "why"), [("nowhere", "is not there"), ("photo.jpg", "neither a folder nor a table")]
)
def test_what_is_no_data_set_is_said_to_be_none(environment, tmp_path, given, why):
    (tmp_path / "photo.jpg").write_bytes(b"")
    code, message = environment.fails("calibrate", Path(tmp_path) / given)
    assert (code, why in message) == (3, True)
