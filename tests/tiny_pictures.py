"""Picture files made by hand, byte by byte: what an encoder would not write is what tests need."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int, *, depth: int = 8, colour: int = RGB) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png(width: int, height: int, compressed: bytes, *, depth: int = 8, colour: int = RGB) -> bytes:
    """A PNG whose header and coded data need not agree."""
    header = png_header(width, height, depth=depth, colour=colour)
    return PNG_SIGNATURE + header + png_chunk(b"IDAT", compressed) + png_chunk(b"IEND", b"")


def uniform_png(sample: tuple[int, ...], *, depth: int, colour: int, palette: bytes = b"") -> bytes:
    """80 x 80 px of one value, at any depth and colour type."""
    assert len(sample) == _SAMPLES[colour]
    bits = "".join(f"{value:0{depth}b}" for value in sample) * 80
    row = b"\x00" + int(bits, 2).to_bytes(len(bits) // 8)
    parts = [PNG_SIGNATURE, png_header(80, 80, depth=depth, colour=colour)]
    if palette:
        parts.append(png_chunk(b"PLTE", palette))
    return b"".join([*parts, png_chunk(b"IDAT", zlib.compress(row * 80)), png_chunk(b"IEND", b"")])


def compressed_zeros(length: int) -> bytes:
    """zlib of so many zero bytes: about a thousandth of them."""
    compressor, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [compressor.compress(block) for _ in range(length >> 20)]
    return b"".join([*parts, compressor.compress(bytes(length & 0xFFFFF)), compressor.flush()])


def coloured_blocks(width: int = 96, height: int = 80) -> np.ndarray:
    """A picture of 8 px blocks in many colours: small files, and every one decodes differently."""
    values = np.random.default_rng(5).integers(0, 256, (height // 8, width // 8, 3))
    return np.kron(values, np.ones((8, 8, 1))).astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str = "JPEG", *, mode: str = "RGB", **options: object) -> bytes:
    """By Pillow's encoder; JPEG at quality 95 without chroma subsampling unless told."""
    if kind == "JPEG":
        options = {"quality": 95, "subsampling": 0, **options}
    file = BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


def segment(marker: int, data: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def exif(orientation: int, *, order: str = ">", kind: int = 3, entries_before: int = 0) -> bytes:
    """An APP1 segment's content with orientation, after other entries."""
    mark = {">": b"MM\x00*", "<": b"II*\x00"}[order]
    others = struct.pack(order + "HHII", 0x0100, 4, 1, 7) * entries_before
    entry = struct.pack(order + "HHIHH", 0x0112, kind, 1, orientation, 0)
    count = struct.pack(order + "IH", 8, entries_before + 1)
    return b"Exif\x00\x00" + mark + count + others + entry + bytes(4)


def with_segment(jpeg: bytes, marker: int, data: bytes) -> bytes:
    """The file with one more segment at its beginning."""
    return jpeg[:2] + segment(marker, data) + jpeg[2:]


def with_declared_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A JPEG (baseline or progressive) whose header claims another size than its data has."""
    at = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def with_repeated_last_scan(jpeg: bytes, times: int) -> bytes:
    """A progressive JPEG that refines its last coefficients again and again."""
    at = jpeg.rindex(b"\xff\xda")
    return jpeg[:at] + jpeg[at:-2] * times + jpeg[-2:]
