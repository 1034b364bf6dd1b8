"""Reading a file's header, and leaving its metadata behind."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.errors import InvalidImageFormatException
from countenance.vision.container import parse_container, parse_exif_orientation
from tiny_pictures import (
    PNG_SIGNATURE,
    coloured_blocks,
    compressed_zeros,
    encoded,
    exif,
    png,
    png_chunk,
    png_header,
    segment,
    with_declared_size,
    with_repeated_last_scan,
    with_segment,
)

JPEG = encoded(coloured_blocks())
PROGRESSIVE = encoded(coloured_blocks(), progressive=True)
PNG = encoded(coloured_blocks(), "PNG")
APP_1, APP_2, APP_13, APP_14, COMMENT = 0xE1, 0xE2, 0xED, 0xEE, 0xFE


def test_the_kind_is_told_by_content_and_the_size_by_the_header():
    """Names and declared types are not ours to trust; the size is judged before memory is spent."""
    for data, kind in ((JPEG, "JPEG"), (PROGRESSIVE, "JPEG"), (PNG, "PNG")):
        container = parse_container(data)
        assert (container.kind, container.width, container.height) == (kind, 96, 80)
        assert container.orientation == 1
    assert parse_container(with_declared_size(JPEG, 65535, 40000)).width == 65535
    assert parse_container(png(1 << 31, 7, b"")).width == 1 << 31


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"\xff\xd8\xff",
        PNG_SIGNATURE,
        PNG_SIGNATURE[:7],
        b"\x00" + JPEG,
        encoded(coloured_blocks(), "GIF"),
        encoded(coloured_blocks(), "BMP"),
        encoded(coloured_blocks(), "TIFF"),
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
    ],
    ids=range(12),
)
def test_what_is_neither_jpeg_nor_png_is_refused(data):
    """The contract knows two formats; whatever else the decoder could open stays closed."""
    with pytest.raises(InvalidImageFormatException):
        parse_container(data)


@pytest.mark.parametrize("data", [with_declared_size(JPEG, 0, 80), with_declared_size(JPEG, 80, 0)])
def test_a_jpeg_without_extent_is_refused(data):
    """A height of zero would be told after the pixels (DNL), which nobody writes."""
    with pytest.raises(InvalidImageFormatException):
        parse_container(data)


def test_a_header_that_ends_early_is_refused():
    """Every cut before the pixels begin: no size is guessed from what is left."""
    begins = JPEG.index(b"\xff\xda")
    for end in range(begins + 2):
        with pytest.raises(InvalidImageFormatException):
            parse_container(JPEG[:end])
    for end in range(len(PNG)):
        with pytest.raises(InvalidImageFormatException):
            parse_container(PNG[:end])


def test_a_png_must_begin_with_its_header_and_have_extent():
    """A decoder that takes chunks in any order would read a size that was never judged."""
    pixels, end = png_chunk(b"IDAT", compressed_zeros(9)), png_chunk(b"IEND", b"")
    for data in (
        PNG_SIGNATURE + end,
        PNG_SIGNATURE + pixels + png_header(80, 80) + end,
        png(0, 80, b""),
        png(80, 0, b""),
    ):
        with pytest.raises(InvalidImageFormatException):
            parse_container(data)


def test_metadata_does_not_reach_the_decoder():
    """Places, names and colour profiles are neither needed nor safe to parse."""
    jpeg = JPEG
    for marker in (APP_1, APP_2, APP_13, COMMENT):
        jpeg = with_segment(jpeg, marker, b"private words")
    assert b"private words" not in parse_container(jpeg).picture
    assert parse_container(jpeg).picture == parse_container(JPEG).picture
    texts = [png_chunk(kind, b"private words") for kind in (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf")]
    marked = PNG[:33] + b"".join(texts) + PNG[33:]
    assert parse_container(marked).picture == parse_container(PNG).picture == PNG


def test_what_says_how_colours_are_stored_stays():
    """Without Adobe's segment a CMYK file turns negative and an RGB one turns green."""
    cmyk = encoded(coloured_blocks(), mode="CMYK", subsampling=-1)
    assert b"Adobe" in parse_container(cmyk).picture
    assert b"JFIF" in parse_container(JPEG).picture


def test_what_follows_the_picture_is_not_part_of_it():
    """Cameras append previews and films: a PNG ends with IEND, and a film is no scan of the JPEG."""
    film = np.random.default_rng(3).bytes(1 << 20)
    assert film.count(b"\xff\xda") > 5
    assert parse_container(PNG + film).picture == PNG
    assert parse_container(JPEG + film + PROGRESSIVE).scans == 1


def test_scans_are_counted():
    """They are what decoding costs; restart markers and bytes of segments that look alike are none."""
    assert parse_container(JPEG).scans == 1
    assert parse_container(encoded(coloured_blocks(), restart_marker_blocks=1)).scans == 1
    scans = parse_container(PROGRESSIVE).scans
    assert scans == PROGRESSIVE.count(b"\xff\xda") > 5
    assert parse_container(with_repeated_last_scan(PROGRESSIVE, 700)).scans == scans + 699
    at = PROGRESSIVE.rindex(b"\xff\xda")
    between = PROGRESSIVE[:at] + segment(COMMENT, b"\xff\xd9\xff\xda") + PROGRESSIVE[at:]
    assert parse_container(between).scans == scans, "a comment neither ends the picture nor is a scan"


def test_padding_without_end_is_walked_once():
    """0xFF may be repeated before a marker: five megabytes of it must not cost the square of that."""
    at = JPEG.rindex(b"\xff\xd9")
    begin = time.process_time()
    assert parse_container(JPEG[:at] + b"\xff" * 5_000_000 + b"\x00").scans == 1
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(("order", "before"), list(itertools.product("<>", (0, 3))))
def test_orientation_is_read_in_both_byte_orders(order, before):
    """Intel's and Motorola's: cameras write either, and other entries come first."""
    for orientation in range(1, 9):
        data = exif(orientation, order=order, entries_before=before)
        assert parse_exif_orientation(data) == orientation
        assert parse_container(with_segment(JPEG, APP_1, data)).orientation == orientation


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Exif\x00\x00",
        b"http://ns.adobe.com/xap/1.0/\x00<x/>",
        exif(0),
        exif(9),
        exif(65535),
        exif(6, kind=2),
        b"Exif\x00\x00MM\x00*\xff\xff\xff\xff\x00\x01",
        b"Exif\x00\x00XX\x00*" + exif(6)[10:],
        exif(6)[:20],
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff",
    ],
    ids=range(11),
)
def test_an_orientation_that_is_not_valid_is_as_none(data):
    """A face is found in a picture that lies on its side, too; a broken tag is no reason to refuse it."""
    assert parse_exif_orientation(data) == 1


def test_orientation_survives_a_second_app1_segment():
    """XMP lives in APP1 as well, before or after EXIF."""
    xmp = b"http://ns.adobe.com/xap/1.0/\x00<x/>"
    for first, second in itertools.permutations((exif(6), xmp)):
        both = with_segment(with_segment(JPEG, APP_1, second), APP_1, first)
        assert parse_container(both).orientation == 6


@settings(max_examples=200, deadline=None)
@given(start=st.sampled_from([b"", b"\xff\xd8\xff", PNG_SIGNATURE, JPEG[:170]]), rest=st.binary(max_size=300))
def test_any_bytes_are_a_container_or_refused(start, rest):
    """Whatever a stranger sends, the walk ends and raises one error."""
    try:
        container = parse_container(start + rest)
    except InvalidImageFormatException:
        return
    assert min(container.width, container.height) > 0
    assert 1 <= container.orientation <= 8
    assert container.scans >= 1


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_give_an_orientation(rest):
    """EXIF is written by everybody: nothing in it may raise."""
    assert 1 <= parse_exif_orientation(exif(6)[:10] + rest) <= 8
    assert 1 <= parse_exif_orientation(rest) <= 8
