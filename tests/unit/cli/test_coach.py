"""`countenance coach` as a user meets it: real photos, real nets, and files that are no photos."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from PIL import Image, ImageFilter

from countenance.cli.coach import coach


@pytest.fixture
def run(default_pack):
    def invoke(*words):
        return subprocess.run(
            [sys.executable, "-m", "countenance.cli", "coach", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "COUNTENANCE_PACK": default_pack.manifest.name},
        )

    return invoke


@pytest.fixture
def photos(portraits, tmp_path):
    """A good photo, a blurred one, a file that is none and one that is not there."""
    with Image.open(portraits.stranger) as opened:
        good = opened.convert("RGB")
    good.save(tmp_path / "good.png")
    good.filter(ImageFilter.GaussianBlur(14)).save(tmp_path / "blurred.png")
    (tmp_path / "note.jpg").write_bytes(b"\xff\xd8 no photo")
    return tmp_path


def test_a_good_photo_passes_and_says_for_what(run, photos):
    done = run(photos / "good.png")
    assert done.returncode == 0, done.stderr
    assert "good.png: pass" in done.stdout
    assert "photo-library" in done.stdout


def test_each_file_is_told_and_the_rest_goes_on(run, photos):
    """One bad file of a thousand must not lose the other answers; the exit status tells of it."""
    names = ("note.jpg", "gone.jpg", "blurred.png", "good.png", "tiny.png")
    Image.new("RGB", (40, 40)).save(photos / "tiny.png")
    done = run("--json", *(photos / name for name in names), photos)
    assert done.returncode == 1
    note, gone, blurred, good, tiny, folder = json.loads(done.stdout)
    assert note["problem"] == "is no JPEG and no PNG, or a broken one: save it anew"
    assert tiny["problem"] == "is under 80 px wide or high: use a larger photo"
    assert gone["problem"] == "is not there"
    assert folder["problem"] == "is no file"
    assert blurred["signs"][0]["code"] in {"SHARPNESS", "NO_FACE"}
    assert (blurred["passes"], good["passes"], good["problem"]) == (False, True, None)
    assert good["measures"]["eye_distance"]["unit"] == "px"


def test_a_purpose_that_enrols_nobody_is_a_wrong_command_line():
    done = CliRunner().invoke(coach, ["--purpose", "identity-verification", "a.jpg"])
    assert done.exit_code == 2
    assert "photo-library" in done.output


def test_without_a_photo_it_says_what_is_missing():
    assert CliRunner().invoke(coach, []).exit_code == 2
