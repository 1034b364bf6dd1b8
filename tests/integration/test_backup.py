"""The drill: load, back up while calls run, erase one, destroy everything, restore; and what may go wrong."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent import futures
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from countenance.cli.installation import open_store
from countenance.cli.server_process import running_server
from countenance.settings import Settings
from fixtures_server import Service, server_settings

pytestmark = pytest.mark.xdist_group("backup")


def variants(path, count):
    """Distinct photos of one face."""
    with Image.open(path) as photo:
        whole = photo.convert("RGB").resize((200, round(200 * photo.height / photo.width)))
    for number in range(count):
        pixels = np.asarray(whole).astype(np.float32) * (0.9 + 0.1 * number / count)
        moved = pixels.astype(np.uint8)
        moved[0, 0] = (number % 256, number // 256, 9)
        target = io.BytesIO()
        Image.fromarray(moved).save(target, "PNG")
        yield target.getvalue()


def countenance(*words, fails=False):
    """What `countenance …` prints, run as people run it; its standard error where it must fail."""
    done = subprocess.run(
        [sys.executable, "-m", "countenance.cli", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        env={name: value for name, value in os.environ.items() if not name.startswith("COUNTENANCE_")},
    )
    assert (done.returncode != 0) == fails, (done.stdout, done.stderr)
    return done.stderr if fails else done.stdout


def told(*words):
    return json.loads(countenance(*words, "--json"))


def search(client, photo):
    """Who is found, and how similar."""
    answer = client.search_faces_by_image(
        CollectionId="staff", Image={"Bytes": photo}, FaceMatchThreshold=0, MaxFaces=4096
    )
    return {match["Face"]["FaceId"]: match["Similarity"] for match in answer["FaceMatches"]}


def face_ids(client):
    pages = client.get_paginator("list_faces").paginate(CollectionId="staff")
    return {face["FaceId"] for page in pages for face in page["Faces"]}


def served(data_dir, **options):
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return running_server(data_dir, server_settings(), accept_terms="Test, suite", log=str, options=words)


def until(found, *, within_s=30):
    deadline = time.monotonic() + within_s
    while not (answer := found()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return answer


def test_the_drill(tmp_path, portraits):
    """The rest is there with equal answers, the erased one is nowhere, and the log says what happened."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    elsewhere.mkdir()
    identity, backup, tombstones = elsewhere / "identity", elsewhere / "a.backup", elsewhere / "tombstones"
    recipient = told("backup", "keygen", identity)["Recipient"]
    photos = [path for paths in portraits.known.values() for path in paths]
    probe = photos[0].read_bytes()
    with served(data, workers=2, tombstones=tombstones) as running:
        client = Service(running, data, server_settings()).client()
        client.create_collection(CollectionId="staff")
        early = [index(client, photo) for photo in variants(photos[0], 12)] + [
            index(client, path.read_bytes()) for path in photos[1:]
        ]
        client.delete_faces(
            CollectionId="staff", FaceIds=early[10:11]
        )  # before the backup: in no tombstone of its
        writing, stop = [], threading.Event()

        def write():
            for photo in variants(photos[-1], 400):
                if stop.is_set():
                    return
                writing.append(index(client, photo))

        writer = threading.Thread(target=write)
        writer.start()
        until(lambda: len(writing) > 3)
        made = told(
            "backup", "--recipient", recipient, "--data-dir", data, "--tombstones", tombstones, backup
        )
        count = len(writing)
        until(lambda: len(writing) > count + 3)
        stop.set()
        writer.join()
        before = search(client, probe)
        client.delete_faces(CollectionId="staff", FaceIds=[early[0]])  # the one
        erased_late = writing[-1]  # enrolled after the backup: a tombstone of what is not there
        client.delete_faces(CollectionId="staff", FaceIds=[erased_late])
        heads = until(lambda: log_page(running, "checkpoint"))
        until(lambda: log_size(log_page(running, "checkpoint")) > made["LogEntries"])
        (elsewhere / "head").write_text(heads := log_page(running, "checkpoint"))
    assert made["Faces"] >= len(early) - 1 + 3
    assert backup.stat().st_mode & 0o777 == 0o600
    assert early[0] in tombstones.read_text()
    proved = told("backup", "verify", backup, "--identity", identity, "--log-key", made["LogKey"])
    assert (proved["TemplatesOpened"], proved["TemplatesBroken"]) == (made["Faces"], 0)

    shutil.rmtree(data)  # everything but what was kept elsewhere
    restored = told(
        *("restore", backup, "--data-dir", data, "--identity", identity, "--log-key", made["LogKey"]),
        *("--tombstones", tombstones, "--last-checkpoint", elsewhere / "head"),
    )
    again = restored["ErasedAgain"]
    assert again.pop("Faces") == 1
    assert set(again.values()) == {0}
    assert restored["LogBefore"].split()[-1] == str(log_size(heads))
    with served(data, workers=2, tombstones=tombstones) as running:
        service = Service(running, data, server_settings())
        client = service.client()
        there = face_ids(client)
        assert len(there) == made["Faces"] - 1 == restored["Faces"]
        assert set(early) - {early[0], early[10]} <= there
        assert not {early[0], early[10], erased_late} & there
        after = search(client, probe)
        assert after == {face_id: before[face_id] for face_id in there}
        assert [each["PendingFaces"] for each in client_of_ours(service).list_erasures()["Erasures"]] == [2]
        index(client, next(variants(photos[0], 1)))  # it takes new faces
        until(lambda: log_size(log_page(running, "checkpoint")) > restored["LogKept"] + 2)
        mirror = tmp_path / "mirror"
        countenance("audit", "export", "--format", "tlog", "-o", mirror, "--data-dir", data)
        says = told("audit", "verify", mirror, "--log-key", restored["LogKey"])
        assert says["valid"], says
        assert says["by_kind"]["log.continued"] == 1
        assert any("entries that it had signed there" in note for note in says["notes"])
        assert log_page(running, "checkpoint").splitlines()[0] == restored["Log"]
        assert told("audit", "reconcile", "--data-dir", data)["Mismatches"] == {}
    with open_store(Settings.from_env({}, data_dir=data)) as (database, _), database.read() as connection:
        (entry,) = connection.execute(
            "select told from audit_entry, cast(convert_from(entry, 'UTF8') as jsonb) as told"
            " where told->>'kind' = 'log.continued'"
        ).fetchone()
    assert entry["previous"]["size"] == log_size(heads)
    assert entry["erasures"]["replayed"] == 2


def index(client, photo):
    answer = client.index_faces(CollectionId="staff", Image={"Bytes": photo}, MaxFaces=1)
    return answer["FaceRecords"][0]["Face"]["FaceId"]


def client_of_ours(service):
    return service.client("countenance")


def log_page(running, page):
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"{running.endpoint}/log/{page}", timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError:
        return ""


def log_size(note):
    """Of a checkpoint; -1 if there is none yet."""
    found = re.search(r"^\d+$", note, re.MULTILINE)
    return int(found[0]) if found else -1


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A data directory without a server, with enough in it that a backup takes a while; and an identity."""
    from countenance.gallery import Gallery
    from countenance.store import UnitOfWork
    from fakes.faces import DIMENSIONS, new_face, random_templates

    folder = tmp_path_factory.mktemp("loaded")
    data = folder / "data"
    with open_store(Settings.from_env({}, data_dir=data), may_create=True) as (database, keys):
        from countenance.accounts import Accounts

        account = Accounts(database, keys).create_account("House")
        gallery = Gallery(database, keys)
        with UnitOfWork(database) as uow:
            collection = gallery.create_collection(
                uow,
                account_id=account.account_id,
                name="staff",
                region="us-east-1",
                face_model_version="1",
                dimensions=DIMENSIONS,
                tags={},
            )
            uow.commit()
        for _ in range(10):
            with UnitOfWork(database) as uow:
                templates = random_templates(np.random.default_rng(), 2_000)
                stored = gallery.enrol(uow, collection, [new_face(each) for each in templates])
                uow.commit()
        with UnitOfWork(database) as uow:
            gallery.erase_faces(uow, collection, [stored[0].face_id])
            uow.commit()
        with open_store(Settings.from_env({}, data_dir=data)) as _:
            pass
        folder_facts = told("backup", "keygen", folder / "identity")
        made = told(
            "backup", "--recipient", folder_facts["Recipient"], "--data-dir", data, folder / "a.backup"
        )
    return folder, folder_facts["Recipient"], made


def killed(words, after_s, *, once=None):
    """Run it and kill it, `after_s` after `once` holds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "countenance.cli", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while once is not None and not once() and process.poll() is None:
        time.sleep(0.002)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode


def test_a_backup_that_is_killed_leaves_no_file_under_its_name(loaded, tmp_path):
    """At several moments of its writing."""
    folder, recipient, _ = loaded
    deaths = 0
    for number in range(6):
        target = tmp_path / f"b{number}"
        words = ("backup", "--recipient", recipient, "--data-dir", folder / "data", target)
        unfinished = f".{target.name}.*"
        status = killed(words, 0.02 * number, once=lambda name=unfinished: any(tmp_path.glob(name)))
        if status == -signal.SIGKILL and any(tmp_path.glob(unfinished)):
            deaths += 1
            assert not target.exists()
    assert deaths >= 2


def test_a_restore_that_is_killed_serves_nobody_and_is_begun_anew(loaded, tmp_path):
    """While it loads, and whatever of its database was left running."""
    folder, _, made = loaded
    data = tmp_path / "data"

    def words():
        return (
            *("restore", folder / "a.backup", "--data-dir", data, "--identity", folder / "identity"),
            *("--log-key", made["LogKey"], "--tombstones", folder / "data" / "tombstones"),
        )

    def is_unfinished():
        return (data / "restore.unfinished").exists()

    deaths = 0
    for pause_s in (0.1, 2.0, 3.0):
        # It may be killed when it is done and has not ended yet: then it is whole, and is served.
        if killed(words(), pause_s, once=is_unfinished) == -signal.SIGKILL and is_unfinished():
            deaths += 1
            assert "did not end" in countenance("serve", "--data-dir", data, "--port", "0", fails=True)
            assert "did not end" in countenance("erasures", "list", "--data-dir", data, fails=True)
        else:
            data = tmp_path / f"data after {pause_s}"  # what was left running of the other may run on there
    assert deaths >= 1
    assert told(*words())["Faces"] == made["Faces"]
    assert told("erasures", "list", "--data-dir", data)[0]["PendingFaces"] == 1


def test_no_acknowledged_erasure_is_missing_from_the_list_after_kill_9(tmp_path, portraits):
    """In the middle of deletions, supervisor and workers; what a crash kept from the list is made good."""
    data = tmp_path / "data"
    photos = list(variants(next(iter(portraits.known.values()))[0], 60))
    acknowledged, enough = [], threading.Event()
    with served(data, workers=2) as running:
        client = Service(running, data, server_settings()).client()
        client.create_collection(CollectionId="staff")
        enrolled = [index(client, photo) for photo in photos]

        def delete(mine):
            for face_id in mine:
                try:
                    client.delete_faces(CollectionId="staff", FaceIds=[face_id])
                except (BotoCoreError, ClientError):
                    return
                acknowledged.append(face_id)
                if len(acknowledged) > 8:
                    enough.set()

        victims = (*children(running.process_id), running.process_id)
        with futures.ThreadPoolExecutor(4) as pool:
            streams = [pool.submit(delete, enrolled[n::4]) for n in range(4)]
            assert enough.wait(60)
            for process_id in victims:
                with suppress(ProcessLookupError):  # the death of another ended it
                    os.kill(process_id, signal.SIGKILL)
            futures.wait(streams, timeout=60)
        in_list = (data / "tombstones").read_text()
        assert all(face_id in in_list for face_id in acknowledged)
    assert 8 < len(acknowledged) < len(enrolled)
    with served(data) as running:
        there = face_ids(Service(running, data, server_settings()).client())
        in_list = (data / "tombstones").read_text()
        assert {face_id for face_id in enrolled if face_id in in_list} == set(enrolled) - there


def children(process_id):
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and f"PPid:\t{process_id}\n" in status_of(entry)
    ]


def status_of(entry):
    try:
        return (entry / "status").read_text()
    except OSError:
        return ""
