"""The contact sheet."""

from __future__ import annotations

from PIL import Image

from countenance.cli.contact_sheet import Mark, Photo, write_contact_sheet


def test_boxes_are_drawn_where_the_api_says(tmp_path):
    """A mark's rectangle lies at the ratios of its photo, in its colour."""
    Image.new("RGB", (320, 320), "white").save(tmp_path / "photo.png")
    mark = Mark({"Left": 0.25, "Top": 0.25, "Width": 0.5, "Height": 0.5}, "name", "right")
    write_contact_sheet(
        tmp_path / "out" / "sheet.png", [Photo(tmp_path / "photo.png", [mark], "x")], title="t"
    )
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        left, top = 14, 48 + 14
        assert sheet.getpixel((left + 80, top + 160)) == (0x1A, 0x7F, 0x37)
        assert sheet.getpixel((left + 160, top + 160)) == (255, 255, 255)


def test_five_photos_take_two_rows(tmp_path):
    """Four a row."""
    Image.new("RGB", (100, 200), "white").save(tmp_path / "photo.png")
    heights = []
    for count in (4, 5):
        write_contact_sheet(
            tmp_path / "sheet.png", [Photo(tmp_path / "photo.png", [], "x")] * count, title="t"
        )
        with Image.open(tmp_path / "sheet.png") as sheet:
            heights.append(sheet.height)
    assert heights[1] - heights[0] == 320 + 26 + 14


def test_a_box_beyond_the_frame_is_no_error(tmp_path):
    """Boxes may reach outside the photograph, as AWS's do."""
    Image.new("RGB", (100, 100), "white").save(tmp_path / "photo.png")
    mark = Mark(
        {"Left": -0.2, "Top": -0.2, "Width": 1.5, "Height": 1.5}, "a very long name indeed " * 3, "wrong"
    )
    write_contact_sheet(tmp_path / "sheet.png", [Photo(tmp_path / "photo.png", [mark], "x")], title="t")
