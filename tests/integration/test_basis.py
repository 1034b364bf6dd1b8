"""A basis is renewed, killed half-way and left beside a server that answers all the while."""

from __future__ import annotations

import io
import json
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from countenance.cli.server_process import running_server
from fixtures_server import Service, server_settings

pytestmark = pytest.mark.slow
COLLECTION = "staff"


@pytest.fixture(scope="module")
def portraits_of(portraits):
    """Two photographs of each of five people, by name: one to enrol and a darker one to look for."""
    people = {}
    for name, paths in list(portraits.known.items())[:5]:
        with Image.open(paths[0]) as photo:
            pixels = np.asarray(photo.convert("RGB").resize((320, round(320 * photo.height / photo.width))))
        people[name] = [as_png(pixels), as_png((pixels * 0.9).astype(np.uint8))]
    return people


def as_png(pixels):
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    data = tmp_path_factory.mktemp("basis") / "data"
    with running_server(
        data, server_settings(), accept_terms="Test, suite", options=["--workers", "2"], log=str
    ) as running:
        yield Service(running, data, server_settings())


def begin(service, *words):
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "countenance.cli", "basis", *words, "--json"),
            *("--data-dir", str(service.data_dir), *service.database_options),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def basis(service, *words):
    """What `countenance basis …` prints."""
    process = begin(service, *words)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, (out, err)
    return json.loads(out)


class Client(threading.Thread):
    """Looks for everybody, enrols and deletes one face, over and over; what went wrong."""

    def __init__(self, service, people, faces):
        super().__init__()
        self._rekognition, self._people, self._faces = service.client(), people, faces
        self.over, self.rounds, self.wrong = threading.Event(), 0, []

    def run(self):
        while not self.over.is_set():
            try:
                for name, (_, other) in self._people.items():
                    self._look(name, other)
                self._come_and_go()
                self.rounds += 1
            except Exception as error:  # noqa: BLE001  # in a thread
                self.wrong.append(error)
                return

    def _look(self, name, photo):
        found = self._rekognition.search_faces_by_image(
            CollectionId=COLLECTION, Image={"Bytes": photo}, FaceMatchThreshold=95
        )["FaceMatches"]
        if [match["Face"]["ExternalImageId"] for match in found] != [name]:
            self.wrong.append((name, found))
        by_face = self._rekognition.search_faces(
            CollectionId=COLLECTION, FaceId=self._faces[name], FaceMatchThreshold=95
        )["FaceMatches"]
        if [match for match in by_face if match["Face"]["ExternalImageId"] != f"again-{name}"]:
            self.wrong.append((name, by_face))

    def _come_and_go(self):
        name, (_, other) = next(iter(self._people.items()))
        told = self._rekognition.index_faces(
            CollectionId=COLLECTION, Image={"Bytes": other}, ExternalImageId=f"again-{name}", MaxFaces=1
        )["FaceRecords"]
        face_id = told[0]["Face"]["FaceId"]
        found = self._rekognition.search_faces(
            CollectionId=COLLECTION, FaceId=self._faces[name], FaceMatchThreshold=95
        )["FaceMatches"]
        if face_id not in [match["Face"]["FaceId"] for match in found]:
            self.wrong.append((face_id, found))
        self._rekognition.delete_faces(CollectionId=COLLECTION, FaceIds=[face_id])


def test_it_is_renewed_killed_and_left_beside_clients_that_see_nothing_of_it(service, portraits_of):
    rekognition = service.client()
    rekognition.create_collection(CollectionId=COLLECTION, Tags={"countenance:basis": "own"})
    faces = {}
    for name, (photo, _) in portraits_of.items():
        told = rekognition.index_faces(
            CollectionId=COLLECTION, Image={"Bytes": photo}, ExternalImageId=name, MaxFaces=1
        )
        faces[name] = told["FaceRecords"][0]["Face"]["FaceId"]
    (row,) = basis(service, "status", "--collection", COLLECTION)
    assert (row["Basis"], row["Renewal"]) == ("its own", None)
    client, chance, kills = Client(service, portraits_of, faces), random.Random(23), 0
    client.start()
    try:
        begun = time.monotonic()
        assert basis(service, "renew", COLLECTION)["Renewal"] is None
        whole_s = time.monotonic() - begun
        for turn in range(20):
            if turn >= 5 and kills:
                break
            process = begin(service, "renew", COLLECTION)
            # The first, that was timed, was the slowest: until one is killed they are tried sooner.
            time.sleep(whole_s * chance.uniform(0.4, 1.0) * 0.8 ** max(turn - 4, 0))
            kills += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate()
        basis(service, "renew", COLLECTION)  # what was begun, if one was
        assert basis(service, "leave", COLLECTION)["Basis"] == "the model's"
        assert basis(service, "renew", COLLECTION)["Basis"] == "its own"
        rounds = client.rounds
        while client.rounds < rounds + 2 and client.is_alive():
            time.sleep(0.05)
    finally:
        client.over.set()
        client.join()
    assert client.wrong == []
    assert (kills > 0, client.rounds > 2) == (True, True)
    assert len(list((service.data_dir / "keys" / "collections").glob("*.basis-*"))) == 1
