"""`countenance calibration`: an officer's decision about what a similarity means."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from countenance.similarity import Calibration
from countenance.store import Database
from countenance.vision.pipeline_digest import pipeline_digest
from fakes.calibrations import DOCUMENT

WHY = ("--reason", "our own cameras")


@pytest.fixture
def written(tmp_path, default_pack):
    """Writes a file of a calibration of the installed pack, moved by some cosine."""

    def write(*, by=0.0, **changes):
        own = default_pack.manifest.calibration
        moved = Calibration(
            tuple(round(each + by, 5) for each in own.cosine),
            own.neg_log10_fmr,
            1234,
            own.extrapolated_from + by,
            own.neg_log10_fmr_low,
            own.neg_log10_fmr_high,
        )
        document = replace(
            DOCUMENT,
            pack_digest=default_pack.manifest.digest,
            face_model_version=default_pack.manifest.face_model_version,
            pipeline_digest=pipeline_digest(),
            calibration=moved,
        )
        file = tmp_path / "calibration.json"
        file.write_bytes(replace(document, **changes).to_bytes())
        return file

    return write


def entries(cli):
    url = cli.environment["COUNTENANCE_DATABASE_URL"]
    with Database(url, max_connections=1) as database, database.read() as connection:
        rows = connection.execute("select entry from audit_event").fetchall()
    told = [json.loads(bytes(entry)) for (entry,) in rows]
    return [each for each in told if each["kind"].startswith("calibration.")]


def test_a_file_is_put_in_force_and_reverted_by_an_officer_with_a_reason(cli, house, written, default_pack):
    pack = default_pack.manifest
    told = cli.json("calibration", "use", written(by=0.001), *WHY)
    assert (told["Pack"], told["Version"], told["By"]) == (pack.name, 1, "Olga Officer")
    assert told["WeakerAt"] is None
    [choice] = cli.json("calibration", "list")
    assert (choice["Version"], choice["InForce"], choice["By"]) == (1, True, "Olga Officer")
    assert (choice["Reason"], choice["Pack"], choice["Digest"]) == (
        "our own cameras",
        pack.name,
        told["Digest"],
    )
    back = cli.json("calibration", "revert", pack.name, "--reason", "they were replaced")
    assert back["InForce"] == "the pack's own"
    last, first = cli.json("calibration", "list")
    assert (last["Version"], last["InForce"]) == ("the pack's own", True)
    assert first["InForce"] is False
    assert [each["kind"] for each in entries(cli)] == ["calibration.used", "calibration.reverted"]


def test_whoever_puts_a_weaker_one_in_force_is_told_where(cli, house, written):
    """A file may come from somebody else, who saw what it changes: a rule's threshold means less."""
    assert cli.json("calibration", "use", written(by=-0.001), *WHY)["WeakerAt"] == "80, 90, 99"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pack_digest": "00" * 32}, "the one installed"),
        ({"pipeline_digest": "00" * 32}, "another version of the code"),
        ({"face_model_version": "77.7"}, "no pack of face model `77.7`"),
        ({"by": -0.2}, "--accept-difference"),
        ({"by": 0.2}, "--accept-difference"),
    ],
)
def test_what_is_of_something_else_or_far_off_is_refused(cli, house, written, change, why):
    code, message = cli.fails("calibration", "use", written(**change), *WHY)
    assert code in {1, 3}
    assert why in message
    assert (cli.json("calibration", "list"), entries(cli)) == ([], [])


def test_what_is_far_off_is_taken_when_somebody_says_why(cli, house, written):
    """And it is known from then on, to whoever reads the list or the log."""
    cli.says("calibration", "use", written(by=-0.2), "--accept-difference", *WHY)
    assert cli.json("calibration", "list")[0]["AcceptedDifference"] is True
    assert entries(cli)[0]["far"] is True


def test_nobody_decides_without_a_reason_or_without_being_an_officer(cli, house, written, default_pack):
    file = written()
    assert "--reason" in cli.fails("calibration", "use", file)[1]
    assert "--reason" in cli.fails("calibration", "revert", default_pack.manifest.name)[1]
    code, message = cli.fails("calibration", "use", file, "--officer", "Nobody", *WHY)
    assert (code, "there is no officer `Nobody`" in message) == (1, True)
    assert entries(cli) == []


def test_a_file_that_was_changed_by_hand_is_refused(cli, house, written):
    file = written()
    file.write_bytes(file.read_bytes().replace(b'"trials":1234', b'"trials":9999'))
    code, message = cli.fails("calibration", "use", file, *WHY)
    assert (code, "somebody changed it" in message) == (1, True)


def test_a_list_without_decisions_says_so(cli, house):
    assert "every pack has its own calibration" in cli.says("calibration", "list")


def test_a_pack_that_has_its_own_cannot_be_reverted(cli, house, default_pack):
    code, message = cli.fails("calibration", "revert", default_pack.manifest.name, *WHY)
    assert (code, "in force already" in message) == (1, True)
