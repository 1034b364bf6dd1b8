"""From files to what is sent."""

from __future__ import annotations

import hashlib
import io
import os

import numpy as np
import pytest
from PIL import Image

from countenance.importing import photos
from countenance.importing.photos import NotSent, load_photo_file
from countenance.importing.records import Verdict


def jpeg(width, height, *, orientation=None, noise=False):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = 255
    if noise:
        pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=100 if noise else 90, exif=exif, subsampling=0)
    return target.getvalue()


def told(root, path):
    with pytest.raises(NotSent) as caught:
        load_photo_file(root, path)
    return caught.value.verdict


def test_a_photo_that_fits_is_sent_as_it_is(tmp_path):
    data = jpeg(200, 100)
    (tmp_path / "1.jpg").write_bytes(data)
    found = load_photo_file(tmp_path, "1.jpg")
    assert (found.data, found.sha256, found.note) == (data, hashlib.sha256(data).digest(), "")


def test_one_that_does_not_is_made_smaller_upright_and_says_so(tmp_path):
    """Orientation 6: the camera lay on its side; the left half, white, is the upper one."""
    data = jpeg(3000, 2000, noise=True)
    assert len(data) > photos.MOST_BYTES
    (tmp_path / "1.jpg").write_bytes(data)
    found = load_photo_file(tmp_path, "1.jpg")
    assert len(found.data) <= photos.MOST_BYTES
    assert found.sha256 == hashlib.sha256(data).digest()
    assert "3000 x 2000 px" in found.note
    (tmp_path / "2.jpg").write_bytes(jpeg(10_400, 200, orientation=6))
    with Image.open(io.BytesIO(load_photo_file(tmp_path, "2.jpg").data)) as upright:
        assert upright.height > upright.width
        assert upright.getpixel((upright.width // 2, 5))[0] > 200
        assert upright.getpixel((upright.width // 2, upright.height - 5))[0] < 50


def test_what_is_no_photo_is_told_by_what_it_is(tmp_path):
    files = {
        "a.jpg": (b"", Verdict.BROKEN),
        "b.jpg": (b"text", Verdict.BROKEN),
        "c.png": (b"GIF89a", Verdict.UNSUPPORTED),
        "d.jpg": (b"RIFF\x00\x00\x00\x00WEBPVP8 ", Verdict.UNSUPPORTED),
        "e.jpg": (b"\x00\x00\x00\x18ftypheic", Verdict.UNSUPPORTED),
        "f.jpg": (b"\x00\x00\x00\x18ftypavif", Verdict.UNSUPPORTED),
        "g.jpg": (b"MM\x00*", Verdict.UNSUPPORTED),
        "h.jpg": (b"BM", Verdict.UNSUPPORTED),
        "i.jpg": (jpeg(79, 200), Verdict.TOO_SMALL),
    }
    for name, (data, verdict) in files.items():
        (tmp_path / name).write_bytes(data)
        assert told(tmp_path, name) is verdict, name


def test_a_large_file_that_is_broken_is_broken(tmp_path):
    (tmp_path / "1.jpg").write_bytes(jpeg(100, 100)[:300] + b"\x00" * (6 << 20))
    assert told(tmp_path, "1.jpg") is Verdict.BROKEN


def test_nothing_outside_the_folder_is_read(tmp_path):
    """Whatever a table says, or a link that came there after the folder was listed."""
    root = tmp_path / "photos"
    root.mkdir()
    (tmp_path / "secret.jpg").write_bytes(jpeg(100, 100))
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "up").symlink_to(tmp_path)
    for path in ("../secret.jpg", str(tmp_path / "secret.jpg"), "link.jpg", "up/secret.jpg", "/etc/passwd"):
        assert told(root, path) is Verdict.MISSING, path


def test_what_is_not_there_is_missing(tmp_path):
    (tmp_path / "file.jpg").write_bytes(jpeg(100, 100))
    assert told(tmp_path, "1.jpg") is Verdict.MISSING
    assert told(tmp_path, "file.jpg/1.jpg") is Verdict.MISSING


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "1.jpg")
    assert told(tmp_path, "1.jpg") is Verdict.BROKEN
    (tmp_path / "2.jpg").mkdir()
    assert told(tmp_path, "2.jpg") is Verdict.BROKEN


def test_a_file_larger_than_any_photo_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "_LARGEST_FILE", 1000)
    (tmp_path / "1.jpg").write_bytes(jpeg(500, 500))
    assert told(tmp_path, "1.jpg") is Verdict.TOO_LARGE
