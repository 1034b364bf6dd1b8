"""From bytes to pixels: every kind of picture, and every kind of broken one."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from countenance.errors import (
    ImageTooLargeException,
    InvalidImageFormatException,
    InvalidParameterException,
)
from countenance.vision.decode import Limits, decode
from tiny_pictures import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    PNG_SIGNATURE,
    RGB,
    RGB_ALPHA,
    coloured_blocks,
    compressed_zeros,
    encoded,
    exif,
    png,
    png_chunk,
    png_header,
    uniform_png,
    with_declared_size,
    with_repeated_last_scan,
    with_segment,
)

BLOCKS = coloured_blocks()
JPEG = encoded(BLOCKS)
PROGRESSIVE = encoded(BLOCKS, progressive=True)
PNG = encoded(BLOCKS, "PNG")
CMYK = encoded(BLOCKS, mode="CMYK", subsampling=-1)
APP_1 = 0xE1
JPEG_ERROR = 12  # of 255: what quality 95 and the way over YCbCr leave

# TIFF 6.0, tag 274: which side of what a viewer sees lie row 0 and column 0 of what is stored
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored(picture: np.ndarray, orientation: int) -> np.ndarray:
    """What a camera stores that says `orientation` and means `picture`."""
    row_0, column_0 = SIDES[orientation]
    if row_0 in {"left", "right"}:
        picture = picture.transpose(1, 0, 2)
    if row_0 in {"bottom", "right"}:
        picture = picture[::-1]
    if column_0 in {"bottom", "right"}:
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture)


def difference(pixels: np.ndarray, expected: np.ndarray) -> int:
    assert pixels.shape == expected.shape
    return int(np.abs(pixels.astype(int) - expected).max())


def shape_or_refusal(data: bytes) -> tuple[int, ...] | None:
    """Any other exception fails the test, and so does a warning: they are errors in this suite."""
    try:
        pixels = decode(data)
    except (InvalidImageFormatException, ImageTooLargeException, InvalidParameterException):
        return None
    assert pixels.dtype == np.uint8
    return pixels.shape


@pytest.mark.parametrize("orientation", SIDES)
def test_a_photo_comes_out_upright_whatever_way_the_camera_was_held(orientation):
    """Boxes are reported in the picture that people see; a phone's portrait is stored lying."""
    jpeg = with_segment(encoded(stored(BLOCKS, orientation)), APP_1, exif(orientation))
    pixels = decode(jpeg)
    assert difference(pixels, BLOCKS) <= JPEG_ERROR
    assert pixels.flags.c_contiguous
    assert pixels.dtype == np.uint8


def test_orientation_in_a_png_is_ignored():
    """AWS reads EXIF of JPEG only."""
    tilted = PNG[:33] + png_chunk(b"eXIf", exif(6)[6:]) + PNG[33:]
    assert (decode(tilted) == BLOCKS).all()


def test_a_png_is_decoded_exactly():
    """It is lossless: any difference would be ours. Interlaced as well."""
    assert (decode(PNG) == BLOCKS).all()
    assert (decode(encoded(np.repeat(BLOCKS, 5, axis=0), "PNG")) == np.repeat(BLOCKS, 5, axis=0)).all()


def test_jpegs_of_every_make_show_the_same_picture():
    """Baseline, progressive, with restart markers, subsampled, stored as RGB or CMYK."""
    for jpeg in (JPEG, PROGRESSIVE, encoded(BLOCKS, restart_marker_blocks=1), encoded(BLOCKS, keep_rgb=True)):
        assert difference(decode(jpeg), BLOCKS) <= JPEG_ERROR
    wide = np.kron(BLOCKS, np.ones((2, 2, 1), np.uint8))
    middles = (slice(4, None, 16), slice(4, None, 16))  # away from edges, where subsampling bleeds
    for subsampling in (1, 2):
        assert (
            difference(decode(encoded(wide, subsampling=subsampling))[middles], wide[middles]) <= JPEG_ERROR
        )
    assert difference(decode(CMYK)[4::8, 4::8], BLOCKS[4::8, 4::8]) <= 2 * JPEG_ERROR


def test_a_grey_jpeg_has_three_equal_channels():
    """Networks take three."""
    pixels = decode(encoded(BLOCKS, mode="L", subsampling=-1))
    assert (np.ptp(pixels, axis=2) == 0).all()
    luma = BLOCKS @ [0.299, 0.587, 0.114]
    assert np.abs(pixels[..., 0] - luma).max() <= JPEG_ERROR


@pytest.mark.parametrize(
    ("sample", "depth", "colour", "expected"),
    [
        ((1,), 1, GREY, (255, 255, 255)),
        ((2,), 2, GREY, (170, 170, 170)),
        ((5,), 4, GREY, (85, 85, 85)),
        ((77,), 8, GREY, (77, 77, 77)),
        ((0x4DFF,), 16, GREY, (0x4D, 0x4D, 0x4D)),
        ((0xFFFF,), 16, GREY, (255, 255, 255)),
        ((77, 0), 8, GREY_ALPHA, (77, 77, 77)),
        ((0x4DFF, 0), 16, GREY_ALPHA, (0x4D, 0x4D, 0x4D)),
        ((200, 100, 50), 8, RGB, (200, 100, 50)),
        ((0xC8FF, 0x6400, 0x3280), 16, RGB, (0xC8, 0x64, 0x32)),
        ((200, 100, 50, 0), 8, RGB_ALPHA, (200, 100, 50)),
        ((0xC8FF, 0x6400, 0x3280, 0x8000), 16, RGB_ALPHA, (0xC8, 0x64, 0x32)),
    ],
)
def test_a_png_of_any_depth_becomes_rgb(sample, depth, colour, expected):
    """Of 16 bits the upper 8 are kept (clipping would show white); what alpha hides is shown."""
    pixels = decode(uniform_png(sample, depth=depth, colour=colour))
    assert pixels.shape == (80, 80, 3)
    assert (pixels == expected).all()


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_is_looked_up(depth):
    """At every depth that a palette may have."""
    pixels = decode(uniform_png((1,), depth=depth, colour=PALETTE, palette=bytes((1, 2, 3, 200, 100, 50))))
    assert (pixels == (200, 100, 50)).all()


def test_a_colour_beyond_the_palette_is_a_picture_or_refused():
    """Broken files of this kind exist; an index must not read beyond the table."""
    broken = uniform_png((200,), depth=8, colour=PALETTE, palette=bytes((1, 2, 3)))
    assert shape_or_refusal(broken) in {None, (80, 80, 3)}


def test_of_several_pictures_it_is_the_first():
    """MPO (two JPEGs with an index, from 3D cameras and phones) is a JPEG; APNG is a PNG."""
    other = 255 - BLOCKS
    second = [Image.fromarray(other)]
    mpo = encoded(BLOCKS, "MPO", quality=95, subsampling=0, save_all=True, append_images=second)
    assert b"MPF\x00" in mpo
    assert mpo.count(b"\xff\xd8\xff") == 2
    assert difference(decode(mpo), BLOCKS) <= JPEG_ERROR
    animation = png_chunk(b"acTL", bytes((0, 0, 0, 2, 0, 0, 0, 0)))
    frame = png_chunk(b"fdAT", bytes(4) + zlib.compress(bytes(80 * 289)))
    assert (decode(PNG[:33] + animation + PNG[33:-12] + frame + PNG[-12:]) == BLOCKS).all()


@pytest.mark.parametrize(("width", "height"), [(79, 80), (80, 79), (1, 1), (79, 10_000)])
def test_a_side_under_80_px_is_refused_and_80_are_not(width, height):
    """AWS's least size for face operations, and its error."""
    for data in (encoded(np.zeros((height, width, 3), np.uint8)), png(width, height, b"")):
        with pytest.raises(InvalidParameterException):
            decode(data)
    assert decode(encoded(np.zeros((80, 80, 3), np.uint8))).shape == (80, 80, 3)


@pytest.mark.parametrize(
    ("width", "height"), [(10_001, 80), (80, 10_001), (10_001, 1), (60_000, 60_000), (65_535, 65_535)]
)
def test_a_side_over_10000_px_is_refused(width, height):
    """Even where another side is too small: that it is too large is what the caller must know."""
    for data in (with_declared_size(JPEG, width, height), png(width, height, b"")):
        with pytest.raises(ImageTooLargeException):
            decode(data)


def test_too_many_pixels_are_refused():
    """The limits are an argument: exactly at them is within."""
    limits = Limits(min_side_px=80, max_side_px=96, max_pixels=96 * 80)
    assert decode(PNG, limits).shape == BLOCKS.shape
    for fewer in (Limits(max_pixels=96 * 80 - 1), Limits(max_side_px=95)):
        with pytest.raises(ImageTooLargeException):
            decode(PNG, fewer)


def test_passes_beyond_reason_are_refused():
    """A few kilobytes of progressive JPEG may ask for a thousand passes over 81 megapixels: an hour."""
    bomb = with_declared_size(with_repeated_last_scan(PROGRESSIVE, 1000), 9000, 9000)
    with pytest.raises(InvalidImageFormatException):
        decode(bomb)
    assert shape_or_refusal(with_repeated_last_scan(PROGRESSIVE, 1000)) in {None, BLOCKS.shape}


# What runs in a process of its own, to see the most memory that it ever held.
MEASURE = """
import json, sys, time
from pathlib import Path
from countenance.errors import ServiceError
from countenance.vision.decode import decode

def peak_mib():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

decode(Path(sys.argv[1]).read_bytes())
for path in sys.argv[2:]:
    data = Path(path).read_bytes()
    before, begin = peak_mib(), time.process_time()
    try:
        outcome = list(decode(data).shape)
    except ServiceError as error:
        outcome = error.code
    print(json.dumps([outcome, peak_mib() - before, time.process_time() - begin]))
"""


def measured(tmp_path, *files: bytes) -> list[tuple[object, float, float]]:
    """(shape or error's code, MiB by which the peak rose, CPU seconds) of each file, one after another."""
    paths = []
    for number, data in enumerate([PNG, *files]):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(data)
    command = [sys.executable, "-c", MEASURE, *map(str, paths)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert result.stderr == ""
    return [tuple(json.loads(line)) for line in result.stdout.splitlines()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_is_refused_costs_neither_memory_nor_time(tmp_path):
    """Sizes are judged from the header: a bomb costs what its bytes cost."""
    begun = PNG_SIGNATURE + png_header(10_000, 10_000)
    for outcome, mib, seconds in measured(
        tmp_path,
        with_declared_size(JPEG, 65_535, 65_535),
        png(1 << 30, 1 << 30, compressed_zeros(1 << 20)),
        with_declared_size(with_repeated_last_scan(PROGRESSIVE, 1000), 9000, 9000),
        begun + png_chunk(b"IDAT", b"")[:8],
    ):
        assert outcome in {"ImageTooLargeException", "InvalidImageFormatException"}
        assert mib < 10
        assert seconds < 0.5


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_small_file_that_inflates_takes_the_memory_of_its_picture_only(tmp_path):
    """A PNG of 80 x 80 px with 256 MiB of zeros behind them; one of the largest size in 12 kB."""
    small, largest = measured(
        tmp_path,
        png(80, 80, compressed_zeros(1 << 28)),
        png(10_000, 10_000, compressed_zeros(10_000 * 1251), depth=1, colour=GREY),
    )
    assert small[0] in ([80, 80, 3], "InvalidImageFormatException")
    assert small[1] < 10
    assert small[2] < 1
    assert largest[0] == [10_000, 10_000, 3], "100 megapixels are within the limits"
    assert largest[1] < 2 * 300, "held once by the decoder and once by us"


def test_pixels_that_are_declared_but_not_there():
    """A header within the limits and no data for it: an error, or what a viewer would show; no crash."""
    with pytest.raises(InvalidImageFormatException):
        decode(png(2000, 2000, compressed_zeros(1000)))
    assert shape_or_refusal(with_declared_size(JPEG, 2000, 2000)) in {None, (2000, 2000, 3)}


def test_a_second_header_does_not_change_the_size():
    """Only the first was judged: a decoder that believes the second would allocate at will."""
    bomb = PNG[:33] + png_header(60_000, 60_000) + PNG[33:]
    late = PNG[:-12] + png_header(60_000, 60_000) + PNG[-12:]
    frame = JPEG.index(b"\xff\xc0")
    second = with_declared_size(JPEG[frame : frame + 19], 60_000, 60_000)
    for data in (bomb, late, JPEG[: frame + 19] + second + JPEG[frame + 19 :]):
        assert shape_or_refusal(data) in {None, BLOCKS.shape}


@pytest.mark.parametrize("data", [JPEG, PNG], ids=["JPEG", "PNG"])
def test_a_truncated_file_is_refused_in_silence(data, capfd):
    """Half a picture would be half a search; and nothing of the decoders may reach the log."""
    for end in [*range(0, len(data) - 40, 7), len(data) * 9 // 10]:
        with pytest.raises(InvalidImageFormatException):
            decode(data[:end])
    assert capfd.readouterr() == ("", "")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_pixels_or_an_error_of_ours(data):
    """No warning and no exception of the decoder's comes through; sizes stay within the limits."""
    file = bytearray(data.draw(st.sampled_from([JPEG, PROGRESSIVE, PNG, CMYK])))
    # half of the damage in the first bytes, where the structure is
    places = st.one_of(st.integers(0, 699), st.integers(0, len(file) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        file[place % len(file)] = value
    end = data.draw(st.integers(0, len(file)) | st.just(len(file)))
    shape = shape_or_refusal(bytes(file[:end]))
    assert shape is None or (len(shape) == 3 and shape[2] == 3 and min(shape[:2]) >= 80)


@settings(max_examples=150, deadline=None)
@given(
    header=st.tuples(*[st.sampled_from([0, 1, 79, 80, 96, 300])] * 2, *[st.integers(0, 17)] * 2),
    flags=st.tuples(*[st.integers(0, 2)] * 3),
    compressed=st.binary(max_size=60) | st.binary(max_size=60).map(zlib.compress),
    palette=st.none() | st.binary(max_size=20),
)
def test_a_well_formed_png_of_nonsense_is_pixels_or_an_error_of_ours(header, flags, compressed, palette):
    """With right checksums, so that what they would have stopped reaches the decoder's depths."""
    width, height, depth, colour = header
    fields = width.to_bytes(4) + height.to_bytes(4) + bytes((depth, colour, *flags))
    parts = [PNG_SIGNATURE, png_chunk(b"IHDR", fields)]
    if palette is not None:
        parts.append(png_chunk(b"PLTE", palette))
    data = b"".join([*parts, png_chunk(b"IDAT", compressed), png_chunk(b"IEND", b"")])
    assert shape_or_refusal(data) in {None, (height, width, 3)}
