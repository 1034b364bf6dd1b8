"""A contact sheet: photos with boxes, names and Similarity, as one PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from PIL import Image, ImageDraw, ImageFont, ImageOps

Kind = Literal["enrolled", "right", "wrong"]

_COLOURS: Mapping[Kind, str] = {"enrolled": "#1f6feb", "right": "#1a7f37", "wrong": "#cf222e"}
_TILE_PX = 320
_CAPTION_PX = 26
_MARGIN_PX = 14
_TITLE_PX = 48
_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """A box as the API answered it (ratios) with its words."""

    box: Mapping[str, float]
    words: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo with its marks; `picture` holds the pixels when the file will be gone."""

    source: Path
    marks: Sequence[Mark]
    caption: str
    picture: Image.Image | None = None

    @classmethod
    def of(cls, source: Path, marks: Sequence[Mark], caption: str) -> Self:
        """Read the pixels now."""
        return cls(source, marks, caption, _open(source))


def write_contact_sheet(target: Path, photos: Sequence[Photo], *, title: str) -> None:
    """Draw `photos` in rows of four and write a PNG."""
    rows = -(-len(photos) // _COLUMNS)
    cell_width, cell_height = _TILE_PX + _MARGIN_PX, _TILE_PX + _CAPTION_PX + _MARGIN_PX
    sheet = Image.new(
        "RGB", (_COLUMNS * cell_width + _MARGIN_PX, rows * cell_height + _MARGIN_PX + _TITLE_PX), "white"
    )
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN_PX, _MARGIN_PX), title, fill="black", font=ImageFont.load_default(20))
    for place, photo in enumerate(photos):
        left = _MARGIN_PX + (place % _COLUMNS) * cell_width
        top = _TITLE_PX + _MARGIN_PX + (place // _COLUMNS) * cell_height
        sheet.paste(_tile(photo), (left, top))
        pen.text((left, top + _TILE_PX + 4), photo.caption, fill="#444444", font=ImageFont.load_default(14))
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target)


def _tile(photo: Photo) -> Image.Image:
    picture = photo.picture or _open(photo.source)
    scaled = ImageOps.contain(picture, (_TILE_PX, _TILE_PX))
    tile = Image.new("RGB", (_TILE_PX, _TILE_PX), "#f0f0f0")
    offset_x, offset_y = (_TILE_PX - scaled.width) // 2, (_TILE_PX - scaled.height) // 2
    tile.paste(scaled, (offset_x, offset_y))
    pen = ImageDraw.Draw(tile)
    font = ImageFont.load_default(15)
    for mark in photo.marks:
        left = offset_x + mark.box["Left"] * scaled.width
        top = offset_y + mark.box["Top"] * scaled.height
        right, bottom = left + mark.box["Width"] * scaled.width, top + mark.box["Height"] * scaled.height
        colour = _COLOURS[mark.kind]
        pen.rectangle((left, top, right, bottom), outline=colour, width=3)
        width = pen.textlength(mark.words, font=font)
        anchor = min(max(left, 0), max(_TILE_PX - width - 8, 0))
        label_top = bottom if bottom + 20 < _TILE_PX else max(top - 20, 0)
        pen.rectangle((anchor, label_top, anchor + width + 8, label_top + 20), fill=colour)
        pen.text((anchor + 4, label_top + 1), mark.words, fill="white", font=font)
    return tile


def _open(source: Path) -> Image.Image:
    with Image.open(source) as photo:
        return ImageOps.exif_transpose(photo).convert("RGB")
