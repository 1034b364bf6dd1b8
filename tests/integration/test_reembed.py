"""A collection that changes its model on a running server: what it answers before, meanwhile and after.

With two real packs and real photographs: labelled faces where they lie beside the repository, else the
portraits of the demo.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
import psycopg
import pytest
from botocore.config import Config

from countenance.cli.server_process import running_server
from countenance.store import EmbeddedPostgres
from fixtures_server import Service, server_settings
from paths import SHARED

OLD, NEW = "open", "standard"
PEOPLE = 12
NAME = "people"


@dataclass(frozen=True)
class Moving:
    """A server whose new collections have the old pack, and photographs to enrol into them."""

    service: Service
    photos: dict[str, Path]
    folder: Path

    def countenance(self, *words, timeout=300.0):
        """Run a command of ours on its data directory; what it printed."""
        done = self.begin(*words)
        out, err = done.communicate(timeout=timeout)
        assert done.returncode == 0, (words, out, err)
        return out

    def begin(self, *words):
        command = [sys.executable, "-m", "countenance.cli", *map(str, words), *self.options(words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def options(self, words):
        given = ["--data-dir", str(self.service.data_dir), *self.service.database_options]
        if words[0] == "reembed":
            given += ["--cache-dir", str(self.service.settings.cache_dir)]
        return given

    def reembed(self, *words, **given):
        """`countenance reembed … --json`."""
        return json.loads(self.countenance("reembed", *words, "--json", **given))

    def enrol(self, client, collection, names=None):
        """Each photograph under its name; FaceIds by name."""
        client.create_collection(CollectionId=collection)
        return {name: self.index(client, collection, name) for name in names or self.photos}

    def index(self, client, collection, name):
        told = client.index_faces(
            CollectionId=collection,
            ExternalImageId=name,
            Image={"Bytes": self.photos[name].read_bytes()},
            MaxFaces=1,
        )
        return told["FaceRecords"][0]["Face"]["FaceId"]

    def rows(self, statement, *values):
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def held_face(self, collection):
        """While nothing can be written for the collection's last picture."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute(
                "select from face join collection using (collection_id) where name = %s "
                "order by image_id desc limit 1 for update of face",
                (collection,),
            )
            yield

    def wait_for(self, process, statement, *values):
        """Until the statement has rows; the process goes on meanwhile."""
        until = time.monotonic() + 60
        while not self.rows(statement, *values):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, statement
            time.sleep(0.02)

    @property
    def database_url(self):
        given = self.service.database_options
        return given[1] if given else EmbeddedPostgres.running_url(self.service.data_dir)


def answers(client, collection, faces):
    """What each face finds, by the names of photographs: FaceIds differ between collections."""
    names = {face_id: name for name, face_id in faces.items()}
    found = {}
    for name, face_id in faces.items():
        told = client.search_faces(CollectionId=collection, FaceId=face_id, FaceMatchThreshold=0)
        found[name] = [(names[match["Face"]["FaceId"]], match["Similarity"]) for match in told["FaceMatches"]]
    return found


def pick_photos():
    """The folder, and two photographs of each of some people: ExternalImageId → file."""
    root = SHARED / "data" / "lfw-dev" if SHARED else None
    if root is None or not root.is_dir():
        pytest.skip("needs labelled photographs of several people")
    people = sorted(folder for folder in root.iterdir() if len(list(folder.glob("*.jpg"))) >= 2)
    random.Random(5).shuffle(people)
    photos = [photo for person in people[:PEOPLE] for photo in sorted(person.glob("*.jpg"))[:2]]
    return root, {f"{photo.parent.name}:{photo.name}": photo for photo in photos}


@contextmanager
def serving(data_dir, pack):
    settings = replace(server_settings(), pack=pack)
    with ExitStack() as stack:
        running = stack.enter_context(
            running_server(
                data_dir, settings, accept_terms="Test, suite", options=["--workers", "2"], log=str
            )
        )
        yield Service(running, data_dir, settings)


@pytest.fixture(scope="module")
def moving(tmp_path_factory, open_pack, standard_pack):
    root, photos = pick_photos()
    with serving(tmp_path_factory.mktemp("moving") / "data", OLD) as service:
        yield Moving(service, photos, root)


@pytest.fixture(scope="module")
def reference(tmp_path_factory, moving):
    """What a server answers whose collection was enrolled with the new pack from the start."""
    with serving(tmp_path_factory.mktemp("reference") / "data", NEW) as service:
        client = service.client()
        faces = moving.enrol(client, NAME)
        return answers(client, NAME, faces)


@pytest.fixture
def client(moving):
    return moving.service.client()


@pytest.fixture
def collection(moving, client, request):
    name = f"c-{request.node.name[:40]}-{random.randrange(10**6)}"
    yield name
    client.delete_collection(CollectionId=name)


def test_a_collection_is_re_embedded_switched_and_rolled_back(
    moving, client, collection, reference, tmp_path
):
    """After the switch it answers as one that was enrolled anew; after the rollback bit for bit as before."""
    faces = moving.enrol(client, collection)
    for number, name in enumerate(sorted(faces)[:4]):
        client.create_user(CollectionId=collection, UserId=f"user-{number}")
        client.associate_faces(CollectionId=collection, UserId=f"user-{number}", FaceIds=[faces[name]])
    listed = client.list_faces(CollectionId=collection)["Faces"]
    before = answers(client, collection, faces)

    told = moving.reembed("start", collection, "--onto", NEW, "--from", moving.folder)
    assert (told["State"], told["Faces"], told["Missing"]) == ("ready", len(faces), 0)
    assert answers(client, collection, faces) == before
    assert client.describe_collection(CollectionId=collection)["FaceModelVersion"] == "2.0"

    csv_file = tmp_path / "changes.csv"
    report = moving.reembed("report", collection, "--csv", csv_file)
    assert (report["faces"], report["is_exact"], report["users"]) == (len(faces), True, 4)
    assert csv_file.stat().st_mode & 0o777 == 0o600

    told = moving.reembed("switch", collection)
    assert told["State"] == "switched"
    after = answers(client, collection, faces)
    assert after.keys() == reference.keys()
    for name, matches in after.items():
        expected = dict(reference[name])
        assert {other for other, _ in matches} == expected.keys()
        assert max(abs(similarity - expected[other]) for other, similarity in matches) <= 0.02
    described = client.describe_collection(CollectionId=collection)
    assert (described["FaceModelVersion"], described["FaceCount"], described["UserCount"]) == (
        "1.1",
        len(faces),
        4,
    )
    again = client.list_faces(CollectionId=collection)["Faces"]
    for old, new in zip(listed, again, strict=True):
        assert {**old, "IndexFacesModelVersion": "1.1"} == new

        client.delete_faces(CollectionId=collection, FaceIds=[faces[max(faces)]])
    moving.reembed("rollback", collection)
    gone = max(faces)
    expected = {
        name: [match for match in matches if match[0] != gone]
        for name, matches in before.items()
        if name != gone
    }
    assert (
        answers(client, collection, {name: each for name, each in faces.items() if name != gone}) == expected
    )

    told = moving.reembed("discard", collection)
    assert (told["FaceModelVersion"], told["DeletedTemplates"]) == ("2.0", len(faces) - 1)
    assert moving.rows("select count(*) from shadow_template") == [(0,)]


class Load:
    """Clients with boto3's own retries, who know what each model answers and say what is wrong."""

    def __init__(self, moving, collection, faces, expected):
        self.moving, self.collection, self.faces, self.expected = moving, collection, faces, expected
        self.names = {face_id: name for name, face_id in faces.items()}
        self.wrong, self.errors, self.seen = [], [], Counter()
        self._over = threading.Event()
        works = [self.search_by_image, self.search_by_image, self.search_by_face, self.enrol]
        self._threads = [
            threading.Thread(target=self._work, args=(work, number)) for number, work in enumerate(works)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self, work, number):
        running = self.moving.service.running
        client = boto3.Session(
            aws_access_key_id=running.access_key_id,
            aws_secret_access_key=running.secret_access_key,
            region_name=running.region,
        ).client("rekognition", endpoint_url=running.endpoint, config=Config(read_timeout=120))
        chance = random.Random(number)
        while not self._over.is_set():
            try:
                work(client, chance.choice(sorted(self.faces)))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                self.errors.append(f"{work.__name__}: {error}")

    def search_by_image(self, client, name):
        told = client.search_faces_by_image(
            CollectionId=self.collection,
            Image={"Bytes": self.moving.photos[name].read_bytes()},
            FaceMatchThreshold=0,
            MaxFaces=4096,
        )
        self._judge("image", name, told)

    def search_by_face(self, client, name):
        told = client.search_faces(
            CollectionId=self.collection, FaceId=self.faces[name], FaceMatchThreshold=0, MaxFaces=4096
        )
        self._judge("face", name, told)

    def _judge(self, kind, name, told):
        """Faces that were there from the start; others come and go."""
        version = told["FaceModelVersion"]
        found = {
            self.names[match["Face"]["FaceId"]]: match["Similarity"]
            for match in told["FaceMatches"]
            if match["Face"]["FaceId"] in self.names
        }
        self.seen[kind, version] += 1
        if found != self.expected[version][kind][name]:
            self.wrong.append((kind, version, name))

    def enrol(self, client, name):
        """One that was answered is found at once, whatever the model is by then; deleted, it is not."""
        told = client.index_faces(
            CollectionId=self.collection,
            ExternalImageId=f"load:{time.monotonic_ns()}",
            Image={"Bytes": self.moving.photos[name].read_bytes()},
            MaxFaces=1,
        )
        face_id = told["FaceRecords"][0]["Face"]["FaceId"]
        found = client.search_faces(CollectionId=self.collection, FaceId=face_id, FaceMatchThreshold=90)
        self.seen["enrolled", told["FaceModelVersion"]] += 1
        if self.faces[name] not in {match["Face"]["FaceId"] for match in found["FaceMatches"]}:
            self.wrong.append(("enrolled", found["FaceModelVersion"], name))
        client.delete_faces(CollectionId=self.collection, FaceIds=[face_id])
        found = client.search_faces(
            CollectionId=self.collection, FaceId=self.faces[name], FaceMatchThreshold=90, MaxFaces=4096
        )
        if face_id in {match["Face"]["FaceId"] for match in found["FaceMatches"]}:
            self.wrong.append(("deleted", found["FaceModelVersion"], name))


def all_answers(client, moving, collection, faces):
    """By kind of search: who finds whom, how similar."""
    names = {face_id: name for name, face_id in faces.items()}

    def matches(told):
        return {names[match["Face"]["FaceId"]]: match["Similarity"] for match in told["FaceMatches"]}

    searched = {"CollectionId": collection, "FaceMatchThreshold": 0, "MaxFaces": 4096}
    return {
        "face": {name: matches(client.search_faces(FaceId=faces[name], **searched)) for name in faces},
        "image": {
            name: matches(
                client.search_faces_by_image(Image={"Bytes": moving.photos[name].read_bytes()}, **searched)
            )
            for name in faces
        },
    }


def test_clients_get_no_wrong_answer_and_no_error_while_it_is_switched_to_and_fro(moving, client, collection):
    """Two workers, four clients with boto3's own retries: each answer is that of the model that it names."""
    faces = moving.enrol(client, collection)
    moving.reembed("start", collection, "--onto", NEW, "--from", moving.folder)
    expected = {"2.0": all_answers(client, moving, collection, faces)}
    moving.reembed("switch", collection)
    expected["1.1"] = all_answers(client, moving, collection, faces)
    with Load(moving, collection, faces, expected) as load:
        for _ in range(3):
            for command in ("rollback", "switch"):
                time.sleep(1.5)
                moving.reembed(command, collection)
    print(dict(load.seen))
    assert (load.errors, load.wrong) == ([], [])
    assert {version for _, version in load.seen} == {"1.1", "2.0"}
    assert min(load.seen[kind, version] for kind in ("image", "face", "enrolled") for version in expected) > 0
    moving.reembed("rollback", collection)
    moving.reembed("discard", collection)
    assert all_answers(client, moving, collection, faces) == expected["2.0"]


def shadows(moving, collection):
    """How many templates lie beside those in use."""
    return moving.rows(
        "select count(*) from shadow_template join collection using (collection_id) where name = %s",
        collection,
    )[0][0]


def killed(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_killed_while_it_looks_at_pictures_it_goes_on_where_it_ended(moving, client, collection, reference):
    faces = moving.enrol(client, collection)
    kept, held_s = 0, 0.1
    # What was gathered is written when the last time is over 2 s ago: so it is halted, and woken, and then it
    # cannot write the rest. Halted too early it gathers all first and has written nothing: once more.
    while kept == 0 and held_s < 4:
        with moving.held_face(collection):
            process = moving.begin(
                "reembed", "start", collection, "--onto", NEW, "--from", moving.folder, "--threads", 1
            )
            moving.wait_for(
                process,
                "select from reembedding join collection using (collection_id) "
                "where name = %s and state = 'building'",
                collection,
            )
            time.sleep(held_s)
            process.send_signal(signal.SIGSTOP)
            time.sleep(2.2)
            process.send_signal(signal.SIGCONT)
            moving.wait_for(
                process,
                "select from pg_stat_activity where wait_event_type = 'Lock' "
                "and query like '%%shadow_template%%'",
            )
            killed(process)
        kept, held_s = shadows(moving, collection), held_s * 1.5
    assert 0 < kept < len(faces)
    told = moving.reembed("status", collection)
    assert (told["State"], told["Embedded"]) == ("building", kept)
    told = moving.reembed("start", collection, "--onto", NEW, "--from", moving.folder)
    assert (told["State"], told["Missing"]) == ("ready", 0)
    moving.reembed("switch", collection)
    after = answers(client, collection, faces)
    assert {name: dict(matches) for name, matches in after.items()} == {
        name: dict(matches) for name, matches in reference.items()
    }


def test_killed_while_it_switches_it_has_either_switched_or_not(moving, client, collection):
    faces = moving.enrol(client, collection, sorted(moving.photos)[:6])
    moving.reembed("start", collection, "--onto", NEW, "--from", moving.folder)
    expected = {"2.0": all_answers(client, moving, collection, faces)}
    moving.reembed("switch", collection)
    expected["1.1"] = all_answers(client, moving, collection, faces)
    seen, delay_s, began = Counter(), 0.0, time.monotonic()
    moving.reembed("rollback", collection)
    whole_s, version = time.monotonic() - began, "2.0"
    # Later and later, until it is killed too late; then the other way. Most of the time goes into beginning.
    # The one that was timed may have been slow: then the steps are made shorter.
    while seen["done"] < 2 or seen["killed before"] <= 2:
        assert seen.total() < 400, dict(seen)
        process = moving.begin("reembed", "rollback" if version == "1.1" else "switch", collection)
        time.sleep(delay_s)
        ended = process.poll()
        killed(process)
        assert ended in {None, 0}
        now = client.describe_collection(CollectionId=collection)["FaceModelVersion"]
        state = moving.reembed("status", collection)["State"]
        assert state == {"1.1": "switched", "2.0": "rolled_back"}[now]
        assert all_answers(client, moving, collection, faces) == expected[now]
        assert ended is None or now != version
        seen["killed before" if now == version else "done" if ended == 0 else "killed after"] += 1
        if ended == 0 and seen["killed before"] <= 2:
            whole_s /= 2
        delay_s = delay_s + whole_s / 8 if now == version else 0.4 * whole_s
        version = now
    print(dict(seen))
    assert seen["killed before"] > 2


def test_a_vault_changes_the_model_without_a_single_photograph(moving, client, collection, reference):
    """What it answers is close to what the photographs would have given; how close is told here."""
    client.create_collection(CollectionId=collection, Tags={"countenance:vault-days": "30"})
    faces = {name: moving.index(client, collection, name) for name in moving.photos}
    assert moving.reembed("vault", "show", collection)["Crops"] == len(faces)
    told = moving.reembed("start", collection, "--onto", NEW, "--from", "vault")
    assert (told["Source"], told["Missing"]) == ("vault", 0)
    moving.reembed("switch", collection)
    after = answers(client, collection, faces)
    differences = [
        abs(similarity - dict(reference[name])[other])
        for name, matches in after.items()
        for other, similarity in matches
        if max(similarity, dict(reference[name])[other]) >= 50
    ]
    print(f"similarities over 50: {len(differences)}, largest difference {max(differences):.2f}")
    assert max(differences) < 5
    moving.reembed("discard", collection)
    moving.reembed("vault", "close", collection)
    assert moving.reembed("vault", "show", collection) == {
        **moving.reembed("vault", "show", collection),
        "Vault": "closed",
        "Crops": 0,
    }
    assert moving.rows("select count(*) from vault_crop") == [(0,)]


def test_wrong_photographs_are_told_and_refuse_the_switch(moving, client, collection, tmp_path):
    names = sorted(moving.photos)[:4]
    faces = moving.enrol(client, collection, names)
    folder = tmp_path / "photos"
    for name in names[:2]:
        place = folder / name.replace(":", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(moving.photos[name], place)
    (folder / names[1].replace(":", "/")).write_bytes(moving.photos[names[2]].read_bytes() + b"\0")
    told = moving.reembed("start", collection, "--onto", NEW, "--from", folder)
    assert told["Reasons"] == {"no photo": 2, "changed photo": 1}
    missing = moving.reembed("status", collection, "--missing")
    assert {each["ExternalImageId"]: each["Reason"] for each in missing} == {
        names[1]: "changed photo",
        names[2]: "no photo",
        names[3]: "no photo",
    }
    refused = moving.begin("reembed", "switch", collection)
    _, words = refused.communicate()
    assert refused.returncode == 3
    assert "3 faces" in words
    assert "--leave-behind" in words
    assert client.describe_collection(CollectionId=collection)["FaceModelVersion"] == "2.0"
    moving.reembed("switch", collection, "--leave-behind")
    found = client.search_faces(CollectionId=collection, FaceId=faces[names[0]], FaceMatchThreshold=0)
    assert found["FaceMatches"] == []
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 4
    # the photographs turn up: what was left behind is found again
    moving.reembed("start", collection, "--onto", NEW, "--from", moving.folder)
    found = client.search_faces(CollectionId=collection, FaceId=faces[names[0]], FaceMatchThreshold=0)
    assert len(found["FaceMatches"]) == 3
    moving.reembed("discard", collection)


def test_the_log_says_what_was_done_and_names_nobody(moving, client, collection):
    faces = moving.enrol(client, collection, sorted(moving.photos)[:2])
    client.create_user(CollectionId=collection, UserId="ada-lovelace")
    client.associate_faces(
        CollectionId=collection, UserId="ada-lovelace", FaceIds=[next(iter(faces.values()))]
    )
    moving.reembed("start", collection, "--onto", NEW, "--from", moving.folder)
    moving.reembed("report", collection)
    moving.reembed("switch", collection)
    moving.reembed("rollback", collection)
    moving.reembed("discard", collection)
    wanted = ["StartReembedding", "SwitchModel", "RollBackModel", "DiscardTemplates"]
    own, deadline = moving.service.client("countenance"), time.monotonic() + 30
    while True:  # until the sequencer has given the last of them its place
        told = [
            entry
            for operation in wanted
            for entry in own.list_audit_entries(Operation=operation, Order="NEWEST_FIRST")["Entries"]
            if collection in json.dumps(entry["Openings"])
        ]
        if len(told) == len(wanted) or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert [(entry["Operation"], entry["Kind"]) for entry in told] == [(name, "change") for name in wanted]
    assert not any("ada-lovelace" in line for line in moving.service.log_lines())
    assert not any("ada-lovelace" in json.dumps(entry, default=str) for entry in told)
