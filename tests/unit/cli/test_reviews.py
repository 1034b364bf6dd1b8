"""`countenance reviews`."""

from __future__ import annotations

import uuid
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from countenance.accounts import Actor
from countenance.audit import AuditLog
from countenance.casework import Casework, Examiner
from countenance.cli.installation import open_store
from countenance.gallery import Gallery
from countenance.settings import Settings
from countenance.store import UnitOfWork
from fakes.faces import DIMENSIONS, new_face, towards
from fakes.vision import CROP_HEAD
from governed import open_governance

NAMES = ("Erin", "Emil")
PURPOSE = ("--purpose", "development")


def a_crop():
    file = BytesIO()
    Image.new("RGB", (20, 20)).save(file, "JPEG")
    return CROP_HEAD + file.getvalue()


@pytest.fixture
def faces(cli, house):
    """Three faces with pictures, and a fourth without, in `seen`; and two examiners."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        gallery = Gallery(database, keys)
        with UnitOfWork(database) as work:
            collection = gallery.create_collection(
                work,
                account_id=house,
                name="seen",
                region="us-east-1",
                face_model_version="1",
                dimensions=DIMENSIONS,
                tags={},
            )
            gallery.vaults.open(work, collection, kept_days=30)
            work.commit()
        with UnitOfWork(database) as work:
            made = [replace(new_face(towards(0.9)), crop=a_crop()) for _ in range(3)]
            enrolled = gallery.enrol(work, collection, [*made, new_face(towards(0.9))])
            work.commit()
        operators = open_governance(database, keys).operators
        for name in NAMES:
            operators.put(house, name, ["examiner"], actor=Actor("test"))
    return [str(each.face_id) for each in enrolled]


def examine(cli, house, review, verdict="support"):
    """Both examiners decide."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        casework = Casework.open(database, keys, least_view_s=0)
        with database.read() as connection:
            ids = dict(connection.execute("select name, operator_id from operator").fetchall())
        for name in NAMES:
            examiner = Examiner(house, ids[name], name)
            with UnitOfWork(database) as work:
                seat = casework.examinations.begin(work, examiner, uuid.UUID(review))
                said = [{"verdict": verdict, "features": []} for _ in seat.candidates]
                casework.examinations.submit(work, examiner, uuid.UUID(review), said, note=None)
                work.commit()


def test_a_trial_is_planted_listed_and_measured_and_the_log_says_so(cli, house, faces):
    """From the machine: what examiners get is a review like any other, and figures come of it."""
    probe, mate, other, _ = faces
    planted = cli.json(
        "reviews", "trial", "seen", *PURPOSE, "--probe", probe, "--mated", mate, "--other", other
    )
    assert planted["Candidates"] == 2
    [row] = cli.json("reviews", "list")
    assert (row["ReviewId"], row["Trial"], row["Status"]) == (planted["ReviewId"], True, "waiting")
    assert cli.json("reviews", "show", row["ReviewId"]) == row
    assert "no review" in cli.says("reviews", "list", "--status", "released")
    examine(cli, house, row["ReviewId"])
    assert cli.json("reviews", "show", row["ReviewId"])["Status"] == "over"  # a trial is released to nobody
    figures = cli.json("reviews", "examiners")
    assert [each["OperatorName"] for each in figures] == sorted(NAMES)
    assert {(each["TrialHits"], each["TrialFalseAlarms"], each["Agreed"]) for each in figures} == {(1, 1, 2)}
    with open_store(Settings.from_env(cli.environment)) as (database, keys), database.read() as connection:
        told = [each.members for each in AuditLog(keys).list_latest(connection, house)]
    assert {each["operation"] for each in told if each.get("review") == row["ReviewId"]} == {
        "PlantTrial",
        "DecideReview",
    }


def test_what_cannot_be_planted_says_why(cli, house, faces):
    probe, mate, _, without = faces
    for words, code, says in (
        (("seen", *PURPOSE, "--probe", probe), 1, "1 to 100 candidates"),
        (("seen", *PURPOSE, "--probe", probe, "--mated", probe), 1, "each face once"),
        (("seen", *PURPOSE, "--probe", probe, "--mated", mate, "--other", mate), 1, "each face once"),
        (("seen", *PURPOSE, "--probe", probe, "--mated", without), 1, "keeps no picture"),
        (("unseen", *PURPOSE, "--probe", probe, "--mated", mate), 1, "there is no collection"),
        (("seen", "--purpose", "curiosity", "--probe", probe, "--mated", mate), 2, "curiosity"),
        (("seen", *PURPOSE, "--probe", "him", "--mated", mate), 2, "not a valid UUID"),
    ):
        done, told = cli.fails("reviews", "trial", *words)
        assert (done, says in told) == (code, True), (words, told)
    assert cli.json("reviews", "list") == []


def test_another_accounts_review_is_not_shown(cli, house, faces):
    probe, mate, *_ = faces
    review = cli.json("reviews", "trial", "seen", *PURPOSE, "--probe", probe, "--mated", mate)["ReviewId"]
    other = cli.json("accounts", "create", "Other")["AccountId"]
    assert "there is no review" in cli.fails("reviews", "show", review, "--account", other)[1]
    assert cli.json("reviews", "list", "--account", other) == []
    assert "nobody has examined" in cli.says("reviews", "examiners", "--account", other)
