"""The photo on the page of Try it: small in memory whatever was sent, and turned as the API turns it."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from countenance.console.preview import preview
from countenance.vision.decode import decode

MOST_MIB = 120
"""Over what the process had; before, a megabyte of bytes took 724."""


def picture(size: tuple[int, int], kind: str = "JPEG", *, orientation: int = 1, **options) -> bytes:
    """Half red and half blue, so that its turn can be seen."""
    image = Image.new("RGB", size, (200, 20, 20))
    image.paste((20, 20, 200), (0, 0, size[0] // 3, size[1] // 2))
    exif = Image.Exif()
    exif[274] = orientation
    target = io.BytesIO()
    image.save(target, kind, exif=exif, **options)
    return target.getvalue()


def shown(photo: bytes) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(preview(photo))))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_it_is_turned_as_what_the_boxes_are_drawn_over(kind, orientation):
    """A PNG's orientation is not asked for by the API: boxes over a turned one would be anywhere."""
    photo = picture((240, 120), kind, orientation=orientation)
    found = np.asarray(shown(photo)).astype(int)
    wanted = decode(photo).astype(int)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < 4


def test_a_large_one_is_small_and_in_proportion():
    assert shown(picture((4000, 3000), orientation=6)).size == (768, 1024)


@pytest.mark.parametrize(
    "photo",
    [
        b"",
        b"nothing",
        picture((300, 300))[:400],
        picture((10_001, 100)),
        picture((5000, 4000), "PNG"),
        picture((5000, 4000), progressive=True),
    ],
    ids=["empty", "no picture", "cut off", "a side too long", "large PNG", "large progressive"],
)
def test_what_is_no_picture_or_too_much_of_one_is_not_shown(photo):
    assert preview(photo) == ""


def test_a_small_file_of_many_pixels_takes_little_memory(tmp_path):
    """63 megapixels of one colour are a megabyte: four at once took the process to three gigabytes."""
    path = tmp_path / "big.jpg"
    path.write_bytes(picture((8000, 7900), quality=30, orientation=6))
    program = (
        "import resource, sys, pathlib\n"
        "from countenance.console.preview import preview\n"
        "most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "photo, before = pathlib.Path(sys.argv[1]).read_bytes(), most()\n"
        "assert preview(photo)\n"
        "print(most() - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(Path("src").resolve())},
    )  # fmt: skip
    assert int(ran.stdout) < MOST_MIB
