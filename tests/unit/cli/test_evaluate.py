"""`countenance evaluate`: real photographs through the real pipeline, and what is refused before."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from countenance.assurance.signed_evaluation import parse_signed, sign_evaluation
from countenance.cli.evaluate import evaluate
from countenance.errors import SetupError
from countenance.measuring.evaluation_file import load_evaluation
from countenance.measuring.template_cache import cache_folder
from countenance.transparency.note import Signer
from countenance.vision.manifest_facts import model_facts
from countenance.vision.pipeline import Vision
from fakes.calibrations import document_for
from paths import SHARED

LFW = SHARED / "data" / "lfw-dev" if SHARED and (SHARED / "data" / "lfw-dev").is_dir() else None
needs_lfw = pytest.mark.skipif(LFW is None, reason="photos of many people are beside the checkout only")


@pytest.fixture
def cache(tmp_path, default_pack):
    """A cache of the test's own, with the packs of the machine's."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/packs").symlink_to(default_pack.directory.parent)
    return tmp_path / "cache"


@pytest.fixture
def run(cache, default_pack):
    def invoke(*words) -> Result:
        environment = {"COUNTENANCE_PACK": default_pack.manifest.name}
        given = [str(word) for word in ("--cache-dir", cache, *words)]
        return CliRunner(env=environment).invoke(evaluate, given, terminal_width=200)

    return invoke


@pytest.fixture
def says(run):
    """The evaluation that it prints as JSON."""

    def invoke(*words):
        done = run(*words, "--json")
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)

    return invoke


@pytest.fixture
def folder(tmp_path, portraits):
    """Three photos of one man, one each of two others, and one that is none."""
    people = {**portraits.known, "collins": [portraits.stranger]}
    for name, photos in people.items():
        (tmp_path / "set" / name).mkdir(parents=True)
        for photo in photos:
            shutil.copy(photo, tmp_path / "set" / name)
    (tmp_path / "set/biden/broken.jpg").write_bytes(b"no picture")
    return tmp_path / "set"


@pytest.fixture
def table(folder):
    """The same as a table with cohorts."""
    rows = [f"{path.parent.name},{path.relative_to(folder)},mon" for path in sorted(folder.glob("*/*"))]
    file = folder / "people.csv"
    file.write_text("\n".join(["subject,path,session", *rows]) + "\n")
    return file


def test_a_folder_of_real_photos(says, folder, default_pack):
    """End to end: three mated pairs of one man that match, nobody else who does, one photo amiss."""
    found = says(folder)
    assert found["data"]["samples"] == 6
    assert (found["data"]["subjects"], found["data"]["subjects_with_two"]) == (3, 2)
    assert found["pack"]["digest"] == default_pack.manifest.digest
    assert found["failure_to_enrol"]["by_reason"] == [{"reason": "no picture, or a broken one", "samples": 1}]
    at_80 = found["verification"]["at_similarity"][0]
    assert at_80["fmr"]["rate"] == 0
    assert found["verification"]["mated_trials"] == 4
    assert at_80["fnmr"]["rate"] == pytest.approx(
        1 / 2
    )  # of two people; the broken photo is one of Biden's two
    assert "refused" in found["verification"]["at_fmr"][0]


def test_nobody_is_named_in_what_is_written(says, run, folder, tmp_path):
    """The record goes to others; names and photos stay."""
    text = json.dumps(says(folder, "--out", tmp_path / "out"))
    written = b"".join(file.read_bytes() for file in (tmp_path / "out").iterdir())
    for name in ("obama", "biden", "collins", "astronaut", ".jpg", str(tmp_path)):
        assert name not in text.replace('"set"', "")
        assert name.encode() not in written


def test_what_is_written_is_an_evaluation_and_its_reports(says, folder, tmp_path):
    printed = says(folder, "--out", tmp_path / "out/deep")
    names = {file.name for file in (tmp_path / "out/deep").iterdir()}
    assert {"evaluation.json", "report.html"} <= names
    assert any(name.endswith(".csv") for name in names)
    assert load_evaluation(tmp_path / "out/deep/evaluation.json") == printed


def test_the_same_seed_gives_the_same_record(says, folder):
    """All but its time."""
    first, second = says(folder, "--seed", 3), says(folder, "--seed", 3)
    first.pop("made_at"), second.pop("made_at")
    assert first == second
    assert says(folder, "--seed", 4)["protocol"]["seed"] == 4


def test_a_second_run_looks_at_nothing(says, folder, monkeypatch, cache):
    """What was seen is kept, for nobody else to read."""
    says(folder)
    looked = []
    real = Vision.detect
    monkeypatch.setattr(Vision, "detect", lambda self, pixels: looked.append(1) or real(self, pixels))
    says(folder)
    assert looked == []
    kept = cache_folder(cache)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in kept.iterdir())
    says(folder, "--no-cache")
    assert len(looked) == 5


def test_without_the_cache_nothing_is_kept_and_forgetting_removes_all(run, folder, cache):
    run(folder, "--no-cache")
    assert not cache_folder(cache).exists()
    run(folder)
    assert cache_folder(cache).exists()
    assert "MiB of templates" in run("--forget").stdout
    assert not cache_folder(cache).exists()
    assert "no templates were kept" in run("--forget").stdout


def test_people_read_tables_with_refusals_and_notes(run, folder):
    (folder / "biden/notes.txt").write_text("x")
    shutil.copy(folder / "obama/obama.jpg", folder / "collins/copy.jpg")
    done = run(folder)
    assert done.exit_code == 0
    for words in ("one against one", "failure to enrol", "refused", "it takes 1,000", "FMR (stated 1e-04)"):
        assert words in done.stdout
    assert "labelled as two subjects" in done.stdout
    assert ".txt 1" in done.stdout


def test_a_table_with_boxes_measures_the_detector_and_takes_the_labelled_face(
    says, run, folder, table, vision
):
    """The default where boxes are given; a box on nothing is a failure to enrol."""
    photo = folder / "collins/astronaut.png"
    box = vision.detect(vision.decode(photo.read_bytes())).faces[0].box
    right = f'"{box.left},{box.top},{box.width},{box.height}"'
    table.write_text(
        f'subject,path,box\nc,collins/astronaut.png,{right}\no,obama/obama.jpg,"0,0,5,5"\no,obama/obama2.jpg,\n'
    )
    found = says(table)
    assert found["protocol"]["face"] == "labelled"
    assert found["detection"]["faces"] == 2
    assert found["detection"]["recall"]["rate"] == 0.5
    assert found["failure_to_enrol"]["by_reason"] == [{"reason": "labelled face not found", "samples": 1}]
    assert says(table, "--face", "largest")["failure_to_enrol"]["by_reason"] == []


def test_attacks_are_counted_and_in_no_comparison(says, table, folder):
    table.write_text(
        "subject,path,attack\no,obama/obama.jpg,\no,obama/obama2.jpg,\nb,biden/biden.jpg,print\n"
    )
    found = says(table)
    assert found["data"]["attacks"] == [{"species": "print", "samples": 1}]
    assert found["data"]["samples"] == 2


def test_attack_detection_is_evaluated_although_nobody_can_be_compared(says, run, table, tmp_path):
    """One photo of one man is too few to verify, and with masks enough to say how many of them passed."""
    table.write_text(
        "subject,path,attack,pad_score\n"
        "o,obama/obama.jpg,,0.9\no,obama/gone.jpg,,\no,biden/biden.jpg,print,0.5\no,obama/obama2.jpg,mask,0.4\n"
    )
    found = says(table, "--pad-threshold", 0.5, "--out", tmp_path / "out")
    assert "refused" in found["verification"]
    detection = found["attack_detection"]
    assert [(each["species"], each["rate"]) for each in detection["apcer"]] == [("mask", 0.0), ("print", 1.0)]
    assert (detection["apcer_worst"], detection["bpcer"]["rate"], detection["bpnrr"]["rate"]) == (
        1.0,
        0.0,
        0.5,
    )
    assert any("Countenance ships none" in note for note in found["notes"])
    assert load_evaluation(tmp_path / "out/evaluation.json") == found
    assert "APCER of the worst species" in run(table, "--pad-threshold", 0.5).stdout
    table.write_text("subject,path,attack,pad_score\no,obama/gone.jpg,,0.9\no,biden/biden.jpg,print,0.5\n")
    found = says(table, "--pad-threshold", 0.5, "--out", tmp_path / "none")
    assert found["failure_to_enrol"]["rate"] == 1.0
    assert "none of 1 photos has a template" in found["verification"]["refused"]
    assert load_evaluation(tmp_path / "none/evaluation.json") == found


def test_scores_and_their_threshold_are_given_together(run, folder, table):
    """A species without a score, or scores without a threshold, would be counted in silence."""
    done = run(folder, "--pad-threshold", 0.5)
    assert "no column `pad_score`" in done.exception.problem
    table.write_text("subject,path,attack\no,obama/obama.jpg,\nb,biden/biden.jpg,print\n")
    done = run(table, "--pad-threshold", 0.5)
    assert "no column `pad_score`" in done.exception.problem
    table.write_text("subject,path,pad_score\no,obama/obama.jpg,1\n")
    done = run(table)
    assert "--pad-threshold" in done.exception.remedy


def test_an_evaluation_for_an_operators_calibration_binds_to_it(says, run, folder, tmp_path, default_pack):
    """The gate asks for the digest of the calibration in force, which may be the operator's."""
    manifest = default_pack.manifest
    document = document_for(manifest, dataclasses.replace(manifest.calibration, trials=19_900))
    file = tmp_path / "calibration.json"
    file.write_bytes(document.to_bytes())
    found = says(folder, "--calibration", file)
    assert (found["calibration"]["origin"], found["calibration"]["digest"]) == ("operator", document.digest)
    assert document.digest != manifest.calibration.digest
    signed = sign_evaluation(
        json.dumps(found).encode(), Signer.generate("lab/key"), now=datetime.now(UTC) + timedelta(minutes=1)
    )
    in_force = model_facts(manifest, calibration=document.calibration)  # as a server runs it
    assert parse_signed(signed.to_bytes(), now=datetime.now(UTC)).digests == in_force.digests
    assert in_force.digests != model_facts(manifest).digests
    file.write_bytes(dataclasses.replace(document, pack_digest="e" * 64).to_bytes())
    done = run(folder, "--calibration", file)
    assert "is of the pack eeee" in done.exception.problem


def test_a_list_of_pairs(says, folder, tmp_path):
    for name, photos in (
        ("obama", ("obama", "obama2", "obama3")),
        ("biden", ("biden",)),
        ("collins", ("astronaut",)),
    ):
        for number, photo in enumerate(photos, 1):
            source = next((folder / name).glob(f"{photo}.*"))
            source.rename(source.with_name(f"{name}_{number:04d}{source.suffix}"))
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("2 1\nobama 1 2\nobama 1 biden 1\nobama 1 3\nobama 2 collins 1\n")
    found = says(folder, "--pairs", pairs)
    assert found["data"]["kind"] == "pairs"
    assert found["verification"]["balanced"]["accuracy"] == 1.0
    assert "identification" not in found


def test_label_errors_are_left_out_and_told(says, folder, tmp_path):
    errors = tmp_path / "errors.toml"
    errors.write_text('[[set]]\nsamples = ["biden/broken.jpg"]\nreason = "no picture of anybody"\n')
    found = says(folder, "--label-errors", errors)
    assert found["data"]["label_errors"] == [{"samples_or_subjects": 1, "reason": "no picture of anybody"}]
    assert found["data"]["samples"] == 5


def test_worst_pairs_are_written_on_request_only_for_nobody_else(run, folder, tmp_path):
    """They name photos, so who asks is told who may see them."""
    file = tmp_path / "worst.json"
    done = run(folder, "--worst-pairs", file)
    assert done.exit_code == 0
    assert "for those who may see these photographs" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    worst = json.loads(file.read_text())
    assert {photo.split("/")[0] for pair in worst["mated_least_alike"] for photo in pair["photos"]} == {
        "obama"
    }
    assert len(worst["non_mated_most_alike"]) == 3 + 3 + 1
    similarities = [pair["similarity"] for pair in worst["non_mated_most_alike"]]
    assert similarities == sorted(similarities, reverse=True)
    again = run(folder, "--worst-pairs", file)
    assert isinstance(again.exception, SetupError)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "Missing argument 'DATASET'"),
        (("{set}", "--cohort", "sex"), "--cohort needs --labels-by"),
        (("{set}", "--cohort", "sex", "--labels-by", " "), "--cohort needs --labels-by"),
        (("{set}", "--labels-by", "me"), "give --cohort"),
        (("{set}", "--cohort", "subject", "--labels-by", "me"), "whom or what a photo shows"),
        (("{set}", "--cohort", "a", "--cohort", "a", "--labels-by", "me"), "names a column twice"),
        (("{set}", "--cohort", "a", "--labels-by", "me\x1b[2J"), "cannot be seen"),
        (("{set}", "--pack", "a", "--compare", "a", "b"), "exclude one another"),
        (("{set}", "--compare", "a", "a"), "two different packs"),
        (("{set}", "--pairs", "p", "--cohort", "s", "--labels-by", "me"), "exclude one another"),
        (("{set}", "--compare", "a", "b", "--calibration", "c"), "exclude one another"),
        (("{set}", "--compare", "a", "b", "--pad-threshold", "1"), "exclude one another"),
        (("{set}", "--pad-threshold", "nan"), "takes a number"),
        (("{set}", "--pad-threshold", "1e7"), "is not in the range"),
        (("{set}", "--forget"), "give no DATASET"),
        (("{set}", "--face", "smallest"), "not one of"),
        (("{set}", "--seed", "-1"), "-1 is not in the range"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(run, folder, words, problem):
    done = run(*(word.format(set=folder) for word in words))
    assert done.exit_code == 2
    assert problem in done.output


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("{set}/none",), "is not there"),
        (("{set}", "--cohort", "sex", "--labels-by", "me"), "a folder has no columns"),
        (("{set}", "--face", "labelled"), "no photo of the data set has a labelled face"),
        (("{set}", "--pack", "no-such-pack"), "no-such-pack"),
        (("{set}/biden", "--pairs", "{set}/none.txt"), "cannot be read"),
        (("{set}", "--label-errors", "{set}/none.toml"), "cannot be read"),
    ],
)
def test_what_is_wrong_with_the_set_up_is_said(run, folder, words, problem):
    """`main` prints problem and remedy and exits 3."""
    done = run(*(word.format(set=folder) for word in words))
    assert isinstance(done.exception, SetupError)
    assert problem in str(done.exception)


@pytest.mark.parametrize("option", ["--out", "--worst-pairs"])
def test_where_nothing_can_be_written_nothing_is_measured(run, folder, tmp_path, monkeypatch, option):
    """Said before hours of work and not after."""
    monkeypatch.setattr(Vision, "detect", lambda *_: pytest.fail("it looked at a photo"))
    (tmp_path / "taken").write_text("x")
    place = tmp_path / "taken/below" if option == "--out" else tmp_path / "taken"
    done = run(folder, option, place)
    assert isinstance(done.exception, SetupError), done.exception
    assert option in str(done.exception.remedy)


def test_figures_are_told_although_the_disk_became_full(run, folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("countenance.cli.evaluate_work.write_tables", full)
    done = run(folder, "--out", tmp_path / "out", "--json")
    assert isinstance(done.exception, SetupError)
    assert "No space left" in done.exception.problem
    assert json.loads(done.stdout)["data"]["samples"] == 6


def test_nothing_to_evaluate_is_no_success(run, tmp_path):
    """Photos without a single template say nothing about a pack."""
    (tmp_path / "none/ann").mkdir(parents=True)
    (tmp_path / "none/ann/1.jpg").write_bytes(b"x")
    (tmp_path / "none/ann/2.jpg").write_bytes(b"y")
    done = run(tmp_path / "none")
    assert isinstance(done.exception, SetupError)
    assert "nothing to evaluate: none of 2 photos" in done.exception.problem


def test_help_teaches_with_examples(run):
    done = run("--help")
    for words in ("countenance evaluate photos/", "--labels-by", "personal data", "Exit codes"):
        assert words in done.output


@pytest.mark.slow
@needs_lfw
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_killed_half_way_it_goes_on_where_it_was(cache, default_pack, tmp_path, how):
    """Ctrl-C exits 130 and loses nothing; kill -9 loses two seconds. Only the rest is looked at again."""
    for person in sorted(LFW.iterdir())[:60]:
        shutil.copytree(person, tmp_path / "set" / person.name)
    command = [sys.executable, "-m", "countenance.cli", "evaluate", str(tmp_path / "set"), "--threads", "1"]
    environment = {
        **os.environ,
        "COUNTENANCE_CACHE_DIR": str(cache),
        "COUNTENANCE_PACK": default_pack.manifest.name,
    }
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not list(cache_folder(cache).glob("*.sqlite3")) or _photos_kept(cache) < 5:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    if how is signal.SIGINT:
        assert process.returncode == 130, errors
        assert "what was seen is kept" in errors
    assert "Traceback" not in errors
    kept, photos = _photos_kept(cache), len(list((tmp_path / "set").glob("*/*")))
    assert 5 <= kept < photos
    done = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert _photos_kept(cache) == photos
    fresh = subprocess.run(
        [*command, "--json", "--no-cache"], env=environment, capture_output=True, text=True
    )
    resumed, whole = json.loads(done.stdout), json.loads(fresh.stdout)
    resumed.pop("made_at"), whole.pop("made_at")
    assert resumed == whole


@pytest.mark.slow
@needs_lfw
def test_two_packs_side_by_side(says, open_pack, standard_pack, tmp_path, cache):
    """Each with its own evaluation, and differences paired by person; what could have been seen is said."""
    for person in [person for person in sorted(LFW.iterdir()) if 3 <= len(list(person.iterdir())) <= 4][:25]:
        shutil.copytree(person, tmp_path / "set" / person.name)
    found = says(tmp_path / "set", "--compare", "standard", "open", "--out", tmp_path / "out")
    assert found["pack"]["name"] == "standard"
    other = found["comparison"]["with"]
    assert other["pack"]["name"] == "open"
    assert other["data"]["digest"] == found["data"]["digest"]
    first = found["comparison"]["differences"][0]
    assert first["of"] == "fnmr at fmr 0.001"
    assert first["first"] == pytest.approx(found["verification"]["at_fmr"][0]["fnmr"]["rate"])
    assert first["second"] == pytest.approx(other["verification"]["at_fmr"][0]["fnmr"]["rate"])
    assert first["interval"]["low"] <= first["difference"] <= first["interval"]["high"]
    assert "refused" in found["comparison"]["differences"][-2]
    assert load_evaluation(tmp_path / "out/evaluation.json") == found


@pytest.mark.slow
@needs_lfw
def test_cohorts_of_a_table_say_whose_labels_they_are(says, tmp_path):
    """lfw-dev has no labels: these are planted by the first letter of a name, and mean nothing."""
    rows = ["subject,path,half"]
    for person in [person for person in sorted(LFW.iterdir()) if len(list(person.iterdir())) == 2][:50]:
        shutil.copytree(person, tmp_path / "set" / person.name)
        half = "first" if len(rows) < 50 else "second"
        rows += [f"{person.name},{person.name}/{photo.name},{half}" for photo in person.iterdir()]
    table = tmp_path / "set/people.csv"
    table.write_text("\n".join(rows) + "\n")
    found = says(table, "--cohort", "half", "--labels-by", "this test", "--replicates", 200)
    cohort = found["cohorts"][0]
    assert (cohort["column"], cohort["labels_by"]) == ("half", "this test")
    assert [group["group"] for group in cohort["rates"]] == ["first", "second"]
    assert sum(group["subjects"] for group in cohort["rates"]) == 50
    assert found["data"]["labels_by"] == "this test"


def _photos_kept(cache):
    import sqlite3

    for file in cache_folder(cache).glob("*.sqlite3"):
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute("SELECT count(*) FROM looks").fetchone()[0]
        except sqlite3.OperationalError:
            return 0
        finally:
            connection.close()
    return 0
