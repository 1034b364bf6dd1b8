"""The report, and thumbnails beside it."""

from __future__ import annotations

import csv
import io
import stat
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from countenance.errors import SetupError
from countenance.importing.records import Outcome, Verdict, Wanted
from countenance.importing.report import guarded, write_report
from countenance.importing.thumbnails import remove_old_thumbnails, write_thumbnails

EVIL = '<script>alert("x")</script>&.jpg'


@pytest.fixture
def run(house):
    """An import of photos with names that somebody chose badly, done by hand."""
    run = house.begin(
        [
            Wanted("ada/1.jpg", "ada:1", "ada"),
            Wanted(EVIL, "=cmd", "ada"),
            Wanted("eve/1.jpg", "eve:1", "eve"),
            Wanted("eve/2.jpg", "eve:2", "eve"),
        ]
    )
    house.photo("ada/1.jpg", "ada")
    house.photo("eve/1.jpg", "ada", likeness=0.9)
    house.bring(run, at_once=1)
    house.ledger.save(run.import_id, [Outcome(4, Verdict.FAILED)])
    return house.ledger.require(run.import_id)


def write(house, run, folder, **given):
    ledger = house.ledger
    write_report(folder, run, ledger.progress(run.import_id), ledger.told(run.import_id), **given)


def test_it_is_for_this_user_alone(house, run, tmp_path):
    write(house, run, tmp_path / "report")
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "report").iterdir()} == {0o600}
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(SetupError, match="open to other users"):
        write(house, run, tmp_path / "open")


def test_the_table_has_every_photo_and_no_formula(house, run, tmp_path):
    write(house, run, tmp_path / "report")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report" / "report.csv").read_text())))
    assert [(row["path"], row["verdict"]) for row in rows] == [
        ("ada/1.jpg", "ENROLLED"),
        (EVIL, "MISSING"),
        ("eve/1.jpg", "LOOKS_LIKE_ANOTHER"),
        ("eve/2.jpg", "MISSING"),
    ]
    assert rows[1]["external_image_id"] == "'=cmd"
    assert rows[2]["other_face_id"] == rows[0]["face_id"]
    assert [guarded(cell) for cell in ("=1", "+1", "-1", "@x", "\tx", "x", "")] == [
        *("'=1", "'+1", "'-1", "'@x", "'\tx", "x", ""),
    ]


def test_the_page_shows_names_and_runs_none(house, run, tmp_path):
    write(house, run, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert "http:" not in page
    assert "https:" not in page
    assert "LOOKS_LIKE_ANOTHER" in page
    assert "ada/1.jpg (ada), similarity" in page
    assert str(run.import_id) in page


def test_thumbnails_are_private_told_and_gone_in_time(house, tmp_path):
    picture = io.BytesIO()
    Image.fromarray(np.zeros((300, 400, 3), np.uint8)).save(picture, "JPEG")
    house.file("eve/1.jpg", picture.getvalue())
    run = house.begin()
    outcome = Outcome(1, Verdict.NO_FACE)
    house.ledger.save(run.import_id, [outcome])
    folder, until = tmp_path / "report", datetime.now(UTC) + timedelta(days=1)
    told = house.ledger.told(run.import_id)
    pictures = write_thumbnails(folder, run, told, house.ledger, until=until)
    write(house, run, folder, pictures=pictures)
    (file,) = (folder / "thumbnails").iterdir()
    assert stat.S_IMODE((folder / "thumbnails").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with Image.open(file) as small:
        assert max(small.size) == 160
    page = (folder / "report.html").read_text()
    assert f'src="thumbnails/{file.name}"' in page
    assert "removed at" in page
    assert "more have none" not in page
    assert remove_old_thumbnails(house.ledger) == 0
    house.server.execute("update import_run set thumbnails_until = now() - interval '1 minute'")
    (folder / "thumbnails" / "mine.txt").write_text("stays")
    assert remove_old_thumbnails(house.ledger) == 1
    assert [each.name for each in (folder / "thumbnails").iterdir()] == ["mine.txt"]
    assert remove_old_thumbnails(house.ledger) == 0


def test_the_page_says_how_many_thumbnails_are_left_out(house, tmp_path):
    picture = io.BytesIO()
    Image.fromarray(np.zeros((300, 400, 3), np.uint8)).save(picture, "JPEG")
    for number in range(5):
        house.file(f"eve/{number}.jpg", picture.getvalue())
    run = house.begin()
    house.ledger.save(run.import_id, [Outcome(number, Verdict.NO_FACE) for number in range(1, 6)])
    folder, until = tmp_path / "report", datetime.now(UTC) + timedelta(days=1)
    told = house.ledger.told(run.import_id)
    pictures = write_thumbnails(folder, run, told, house.ledger, until=until, most=2)
    write(house, run, folder, pictures=pictures)
    assert len(list((folder / "thumbnails").iterdir())) == 2
    assert "3 more have none" in (folder / "report.html").read_text()
