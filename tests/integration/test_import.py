"""`countenance import` as a user meets it: a real server, real nets and photos, processes that are killed."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from contextlib import ExitStack

import pytest
from PIL import Image, ImageFilter

from countenance.cli.server_process import running_server
from fixtures_server import Service, server_settings
from paths import SHARED

pytestmark = pytest.mark.xdist_group("import")
LFW = SHARED / "data" / "lfw-dev" if SHARED and (SHARED / "data" / "lfw-dev").is_dir() else None
PEOPLE, STRANGER = ("first", "second"), "stranger"


def command(data_dir, *words, database=()):
    """The command line, as a process would start it."""
    return [
        *(sys.executable, "-m", "countenance.cli", "import", *map(str, words)),
        *("--data-dir", str(data_dir), *database),
    ]


@pytest.fixture
def imports(service):
    """Run the command beside the session's server; exit code and what --json prints."""

    def run(*words, environment=None):
        done = subprocess.run(
            command(service.data_dir, *words, "--json", database=service.database_options),
            capture_output=True,
            text=True,
            timeout=600,
            env={**os.environ, **(environment or {})},
        )
        return done.returncode, (json.loads(done.stdout) if done.stdout.strip() else done.stderr)

    return run


def saved(photo, path, *, quality=90, size=None, blur=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(photo) as opened:
        picture = opened.convert("RGB")
    if size is not None:
        picture.thumbnail((size, size))
    if blur is not None:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    picture.save(path, "JPEG", quality=quality)


@pytest.fixture
def photos(portraits, tmp_path):
    """Two people, and everything that goes wrong with photos."""
    folder = tmp_path / "photos"
    (_, known), (_, others) = list(portraits.known.items())[:2]
    for number, photo in enumerate(known, start=1):
        saved(photo, folder / "first" / f"{number}.jpg")
    saved(others[0], folder / "second" / "1.jpg")
    saved(others[0], folder / "second" / "2 copy.jpg", quality=75)
    saved(portraits.stranger, folder / "first" / "stranger.jpg")
    saved(portraits.stranger, folder / "first" / "tiny.jpg", size=90)
    saved(known[1], folder / "first" / "blurred.jpg", size=800, blur=8)
    (folder / "first" / "broken.jpg").write_bytes((folder / "first" / "1.jpg").read_bytes()[:3000])
    (folder / "first" / "phone.heic").write_bytes(b"\x00\x00\x00\x18ftypheic")
    (folder / "representations_facenet.pkl").write_bytes(b"cposix\nsystem\n(S'false'\ntR.")
    return folder


def listed(client, collection):
    pages = client.get_paginator("list_faces").paginate(CollectionId=collection)
    faces = {face["FaceId"]: face for page in pages for face in page["Faces"]}
    users = {user["UserId"] for user in client.list_users(CollectionId=collection)["Users"]}
    return faces, users


def verdicts(folder):
    with (folder / "report.csv").open() as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def test_photos_are_enrolled_judged_reported_and_taken_back(
    service, rekognition, imports, collection, photos, tmp_path
):
    """As a job of the server's, watched from the command line."""
    before = listed(rekognition, collection)
    code, told = imports(
        photos, "--collection", collection, "--quality", "MEDIUM", "--report", tmp_path / "report"
    )
    assert (code, told["State"], told["PassedOver"]) == (1, "finished", {".pkl": 1}), told
    rows = verdicts(tmp_path / "report")
    got = {path: row["verdict"] for path, row in rows.items()}
    assert {path: got[path] for path in ("first/broken.jpg", "first/phone.heic", "first/stranger.jpg")} == {
        "first/broken.jpg": "BROKEN",
        "first/phone.heic": "UNSUPPORTED",
        "first/stranger.jpg": "UNLIKE_THE_PERSON",
    }
    assert {got[f"first/{number}.jpg"] for number in (1, 2, 3)} == {"ENROLLED"}
    assert sorted(got[f"second/{name}.jpg"] for name in ("1", "2 copy")) == ["DUPLICATE", "ENROLLED"]
    assert got["first/tiny.jpg"] in {"TOO_SMALL", "BLURRED", "NO_FACE"}
    assert got["first/blurred.jpg"] == "BLURRED"
    assert "hold the camera still" in rows["first/blurred.jpg"]["detail"]
    faces, users = listed(rekognition, collection)
    assert faces.keys() == {row["face_id"] for row in rows.values() if row["verdict"] == "ENROLLED"}
    assert users == {"first", "second"}
    jobs = subprocess.run(
        [sys.executable, "-m", "countenance.cli", "jobs", "list", "--all", "--json", "--data-dir",
         str(service.data_dir), *service.database_options],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert any(told["ImportId"] in json.dumps(job) for job in json.loads(jobs.stdout))
    code, undone = imports("--undo", told["ImportId"])
    assert (code, undone["DeletedFaces"], undone["DeletedUsers"]) == (0, len(faces), 2)
    assert listed(rekognition, collection) == before


def test_a_photo_that_lies_with_the_wrong_person_is_told(rekognition, imports, collection, photos, tmp_path):
    for path in photos.rglob("*"):
        if path.is_file() and path.name != "1.jpg":
            path.unlink()
    assert imports(photos, "--collection", collection)[0] == 0
    wrong = tmp_path / "more" / "third"
    wrong.mkdir(parents=True)
    (wrong / "9.jpg").write_bytes((photos / "second" / "1.jpg").read_bytes())
    dry = imports(wrong.parent, "--collection", collection, "--dry-run")[1]
    code, told = imports(wrong.parent, "--collection", collection, "--report", tmp_path / "report")
    assert (code, told["Verdicts"], dry["Verdicts"]) == (
        1,
        {"LOOKS_LIKE_ANOTHER": 1},
        {"LOOKS_LIKE_ANOTHER": 1},
    )
    assert verdicts(tmp_path / "report")["third/9.jpg"]["other_user_id"] == "second"
    code, told = imports(wrong.parent, "--collection", collection, "--look-alikes", "enrol")
    assert (code, told["Verdicts"]) == (0, {"ENROLLED": 1})
    assert listed(rekognition, collection)[1] == {"first", "second", "third"}


def test_a_table_says_who_is_who(rekognition, imports, collection, photos):
    table = photos / "people.csv"
    table.write_text(
        "path,ExternalImageId,UserId,age\nfirst/1.jpg,a:1,ann,7\nsecond/1.jpg,b:1,,\nno.jpg,c,cy,9\n"
    )
    code, told = imports(table, "--collection", collection)
    assert (code, told["Verdicts"]) == (1, {"ENROLLED": 2, "MISSING": 1})
    faces, users = listed(rekognition, collection)
    assert {face["ExternalImageId"]: face.get("UserId") for face in faces.values()} == {
        "a:1": "ann",
        "b:1": None,
    }
    assert users == {"ann"}


def test_what_cannot_begin_says_why(imports, photos, collection, tmp_path):
    for words, told in {
        (photos, "--collection", "no-such-collection"): "there is no collection `no-such-collection`",
        (tmp_path / "nowhere", "--collection", collection): "there is no",
        (photos, "--collection", collection, "--profile", "nobody"): "there is no profile `nobody`",
        (photos, "--collection", collection, "--endpoint-url", "http://127.0.0.1:9"): "countenance serve",
        ("--resume", str(uuid.uuid4())): "there is no import",
    }.items():
        code, said = imports(*words)
        assert (code, told in said) == (3, True), said
    assert imports()[0] == 2
    assert imports(photos)[0] == 2


def test_collections_come_over_from_a_rekognition_endpoint(
    service, rekognition, imports, photos, portraits, tmp_path
):
    """A second server plays Amazon's: faces, boxes and users are read from it; nothing is changed there."""
    for name in ("first/stranger.jpg", "first/tiny.jpg", "first/blurred.jpg", "first/broken.jpg"):
        (photos / name).unlink()
    group = photos / "group.jpg"
    with Image.open(photos / "first" / "1.jpg") as one, Image.open(photos / "second" / "1.jpg") as two:
        one.thumbnail((500, 500))
        two.thumbnail((400, 400))
        both = Image.new("RGB", (one.width + two.width, 500), "grey")
        both.paste(one, (0, 0))
        both.paste(two, (one.width, 0))
        both.save(group, "JPEG", quality=92)
    name, other = f"moved-{uuid.uuid4().hex[:8]}", f"moved-{uuid.uuid4().hex[:8]}"
    with running_server(
        tmp_path / "aws", server_settings(), accept_terms="Test, suite", log=str, options=["--workers", "1"]
    ) as amazon:
        there = Service(amazon, tmp_path / "aws", server_settings()).client()
        for collection in (name, other):
            there.create_collection(CollectionId=collection)
        for path, external in {
            "first/1.jpg": "first:1.jpg",
            "first/2.jpg": "first:2",
            "group.jpg": "group.jpg",
            "first/3.jpg": "no-such-photo",
        }.items():
            answer = there.index_faces(
                CollectionId=name, Image={"Bytes": (photos / path).read_bytes()}, ExternalImageId=external
            )
            if path == "first/1.jpg":
                there.create_user(CollectionId=name, UserId="president")
                face = answer["FaceRecords"][0]["Face"]["FaceId"]
                there.associate_faces(CollectionId=name, UserId="president", FaceIds=[face])
        there.create_user(CollectionId=name, UserId="nobody")
        source, source_users = listed(there, name)
        credentials = tmp_path / "aws-credentials"
        credentials.write_text(
            f"[amazon]\naws_access_key_id = {amazon.access_key_id}\n"
            f"aws_secret_access_key = {amazon.secret_access_key}\n"
        )
        code, told = imports(
            *(photos, "--from", "rekognition", "--create-collection", "--report", tmp_path / "report"),
            *("--source-endpoint-url", amazon.endpoint, "--source-region", "us-east-1"),
            *("--source-profile", "amazon"),
            environment={"AWS_SHARED_CREDENTIALS_FILE": str(credentials)},
        )
        assert (listed(there, name), source_users) == ((source, source_users), {"president", "nobody"})
    assert code == 1, told
    by_name = {each["Collection"]: each for each in told}
    assert by_name.keys() == {name, other}
    assert by_name[other]["Photos"] == 0
    assert by_name[name]["Verdicts"] == {"ENROLLED": 4, "MISSING": 1}
    faces, users = listed(rekognition, name)
    assert users == {"president"}

    def essence(faces):
        return sorted(
            (
                face["ExternalImageId"],
                face.get("UserId"),
                *(round(v, 3) for v in face["BoundingBox"].values()),
            )
            for face in faces.values()
            if face["ExternalImageId"] != "no-such-photo"
        )

    assert essence(faces) == essence(source)
    for collection in (name, other):
        rekognition.delete_collection(CollectionId=collection)


def _people(folder, count):
    """Photos of many people, one folder each: public ones where they lie beside, else none."""
    assert LFW is not None
    people = sorted(each for each in LFW.iterdir() if len(list(each.iterdir())) <= 4)[:count]
    total = 0
    for person in people:
        (folder / person.name).mkdir(parents=True)
        for photo in person.iterdir():
            (folder / person.name / photo.name).write_bytes(photo.read_bytes())
            total += 1
    return total


@pytest.mark.slow
@pytest.mark.skipif(LFW is None, reason="no photos of many people lie beside the repository")
def test_whatever_is_killed_no_photo_is_enrolled_twice_or_left_out(tmp_path):
    """kill -9 of the importer, of the server with all its processes, and of PostgreSQL; resumed each time."""
    chance = random.Random(3)
    folder, data_dir = tmp_path / "photos", tmp_path / "data"
    total = _people(folder, 80)
    with ExitStack() as lives:

        def start():
            return lives.enter_context(
                running_server(
                    data_dir,
                    server_settings(),
                    accept_terms="Test, suite",
                    log=str,
                    options=["--workers", "2"],
                )
            )

        server = start()
        words = [folder, "--collection", "staff", "--create-collection", "--foreground", "--json"]
        importer = subprocess.Popen(command(data_dir, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        importers = [importer]
        lives.callback(lambda: [each.kill() for each in importers if each.poll() is None])
        run = _await_run(data_dir)
        for victim in ("importer", "server", "importer", "postgres"):
            time.sleep(chance.uniform(1.0, 3.0))
            if victim == "importer":
                importer.kill()
                importer.communicate()
                words = ["--resume", run["ImportId"], "--foreground", "--json"]
                importer = subprocess.Popen(
                    command(data_dir, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE
                )
                importers.append(importer)
                time.sleep(2.0)
            elif victim == "server":
                os.kill(server.process_id, signal.SIGKILL)
                time.sleep(1.0)
                server = start()
            else:
                (pid_file,) = data_dir.rglob("postmaster.pid")
                postmaster = int(pid_file.read_text().split()[0])
                os.kill(postmaster, signal.SIGKILL)
                time.sleep(1.0)
                if os.waitid(os.P_PID, server.process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    server = start()
        out, err = importer.communicate(timeout=300)
        told = _resumed_to_the_end(data_dir, run, out, err)
        assert (told["State"], told["Done"], told["Photos"]) == ("finished", total, total)
        assert told["Verdicts"].get("FAILED", 0) == 0
        client = Service(server, data_dir, server_settings()).client()
        faces, users = listed(client, "staff")
        subprocess.run(
            command(data_dir, "--follow", run["ImportId"], "--report", tmp_path / "report"),
            capture_output=True,
        )
        rows = verdicts(tmp_path / "report")
        enrolled = [row for row in rows.values() if row["verdict"] == "ENROLLED"]
        assert faces.keys() == {row["face_id"] for row in enrolled}
        assert Counter(face["ExternalImageId"] for face in faces.values()) == {
            row["external_image_id"]: 1 for row in enrolled
        }
        assert users == {row["user_id"] for row in enrolled}
        print(told["Verdicts"])


def _await_run(data_dir, patience_s=120.0):
    """The import, once some of its photos are done."""
    deadline = time.monotonic() + patience_s
    while True:
        done = subprocess.run(command(data_dir, "--list", "--json"), capture_output=True, text=True)
        runs = json.loads(done.stdout or "[]")
        if runs and runs[0]["Done"] > 3:
            return runs[0]
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.2)


def _resumed_to_the_end(data_dir, run, out, err):
    """What --json says when it has ended: PostgreSQL may have been gone longer than there was patience."""
    for _ in range(3):
        if out.strip():
            told = json.loads(out)
            if told["State"] == "finished":
                return told
        done = subprocess.run(
            command(data_dir, "--resume", run["ImportId"], "--foreground", "--json"), capture_output=True
        )
        out, err = done.stdout, done.stderr
    raise AssertionError((out, err))
