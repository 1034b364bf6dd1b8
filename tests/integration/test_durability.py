"""Nothing acknowledged is lost: many clients on two workers, and a server that is killed."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from concurrent import futures
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from countenance.cli.server_process import running_server
from countenance.gallery.memory import can_share
from fixtures_server import Service, server_settings

pytestmark = pytest.mark.xdist_group("durability")


def _variants(path, count):
    """`count` distinct photos of one face: the frame moves by a pixel or two and the light changes."""
    with Image.open(path) as photo:
        whole = photo.convert("RGB").resize((200, round(200 * photo.height / photo.width)))
    for number in range(count):
        pixels = np.asarray(whole).astype(np.float32) * (0.9 + 0.1 * number / count)
        moved = np.roll(pixels, number % 5, axis=1).astype(np.uint8)
        moved[0, 0] = (number % 256, number // 256, 7)
        target = io.BytesIO()
        Image.fromarray(moved).save(target, "PNG")
        yield target.getvalue()


def test_sixty_four_clients_index_into_one_collection_and_nothing_is_lost(service, collection, portraits):
    """On two workers: every answer's face is listed, counted, and found by a search."""
    client = service.client()
    name = next(iter(portraits.known))
    photos = list(_variants(portraits.known[name][0], 128))
    workers = list(_children(service.running.process_id))
    sockets_before = {worker: _connections(worker, service.endpoint) for worker in workers}

    def index(photo):
        while True:
            with suppress(client.exceptions.ThrottlingException):  # 64 at once on two cores: some may wait
                answer = client.index_faces(CollectionId=collection, Image={"Bytes": photo})
                return answer["FaceRecords"][0]["Face"]["FaceId"]

    with futures.ThreadPoolExecutor(64) as pool:
        acknowledged = list(pool.map(index, photos))
    # A connection is opened for a call, and every call was answered: who holds new ones has answered.
    assert len(workers) == 2
    assert all(_connections(worker, service.endpoint) - sockets_before[worker] for worker in workers)
    assert len(set(acknowledged)) == len(photos)
    pages = client.get_paginator("list_faces").paginate(CollectionId=collection)
    assert {face["FaceId"] for page in pages for face in page["Faces"]} == set(acknowledged)
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == len(photos)
    # Each worker answers some of these, and each must know every face whichever worker wrote it.
    for _ in range(4):
        found = service.client().search_faces(
            CollectionId=collection, FaceId=acknowledged[0], FaceMatchThreshold=0, MaxFaces=4096
        )
        assert len(found["FaceMatches"]) == len(photos) - 1


def test_every_acknowledged_face_is_there_after_kill_9(tmp_path, portraits):
    """The server is killed, supervisor and workers, in the middle of a stream of IndexFaces."""
    settings = server_settings()
    name = next(iter(portraits.known))
    photos = list(_variants(portraits.known[name][0], 200))
    acknowledged: list[str] = []
    enough = threading.Event()

    with running_server(tmp_path / "data", settings, accept_terms="Test, suite", log=str) as running:
        client = Service(running, tmp_path / "data", settings).client()
        client.create_collection(CollectionId="stream")

        def stream(mine):
            for photo in mine:
                try:
                    answer = client.index_faces(CollectionId="stream", Image={"Bytes": photo})
                except (BotoCoreError, ClientError):
                    return
                acknowledged.append(answer["FaceRecords"][0]["Face"]["FaceId"])
                if len(acknowledged) >= 20:
                    enough.set()

        with futures.ThreadPoolExecutor(4) as pool:
            streams = [pool.submit(stream, photos[n::4]) for n in range(4)]
            assert enough.wait(60)
            for process_id in (*_children(running.process_id), running.process_id):
                with suppress(ProcessLookupError):  # the death of another ended it
                    os.kill(process_id, signal.SIGKILL)
            futures.wait(streams, timeout=60)

    assert 20 <= len(acknowledged) < len(photos)
    with running_server(tmp_path / "data", settings, accept_terms="Test, suite", log=str) as running:
        client = Service(running, tmp_path / "data", settings).client()
        pages = client.get_paginator("list_faces").paginate(CollectionId="stream")
        kept = {face["FaceId"] for page in pages for face in page["Faces"]}
        assert set(acknowledged) <= kept
        found = client.search_faces(CollectionId="stream", FaceId=acknowledged[0], FaceMatchThreshold=0)
        assert len(found["FaceMatches"]) == len(kept) - 1


@pytest.mark.skipif(not can_share(), reason="no shared memory here")
def test_workers_share_a_gallery_and_one_that_is_killed_takes_nothing_with_it(tmp_path, portraits):
    """Killed again and again between writes and searches, each time in the middle of whatever it did."""
    name = next(iter(portraits.known))
    photos = list(_variants(portraits.known[name][0], 40))
    with running_server(
        tmp_path / "data", server_settings(), accept_terms="Test, suite", log=str, options=["--workers", "2"]
    ) as running:
        service = Service(running, tmp_path / "data", server_settings())
        client = service.client()
        client.create_collection(CollectionId="shared")
        there = {_again(client.index_faces, CollectionId="shared", Image={"Bytes": photos.pop()})}

        def search_on_both():
            """Each on a connection of its own, until both have mapped one gallery: one may just begin."""
            deadline, searches, memories = time.monotonic() + 60, 0, []
            while searches < 16 or len(memories) != 2 or not (memories[0] == memories[1] != set()):
                assert time.monotonic() < deadline, memories
                found = _again(
                    service.client().search_faces_by_image,
                    CollectionId="shared",
                    Image={"Bytes": photos[0]},
                    FaceMatchThreshold=50,
                )
                assert found == there
                searches += 1
                memories = [_gallery_memories(worker) for worker in _children(running.process_id)]

        for round_ in range(4):
            search_on_both()
            with futures.ThreadPoolExecutor(4) as pool:
                requests = [
                    pool.submit(_again, client.index_faces, CollectionId="shared", Image={"Bytes": photo})
                    for photo in photos[8 * round_ : 8 * round_ + 8]
                ]
                os.kill(next(_children(running.process_id)), signal.SIGKILL)
                there |= {request.result() for request in requests}
        assert len(there) == 33


def _again(operation, **request):
    """Ids of the faces that came of it; a client of its kind tries again where a worker died under it."""
    for _ in range(100):
        try:
            answer = operation(**request)
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
            continue
        if "FaceRecords" in answer:
            return answer["FaceRecords"][0]["Face"]["FaceId"]
        return {match["Face"]["FaceId"] for match in answer["FaceMatches"]}
    raise AssertionError(f"{operation} is not answered any more")


def _gallery_memories(process_id):
    """The galleries that a process has mapped, by the number that the system gave their memory."""
    with open(f"/proc/{process_id}/maps") as maps:
        return {line.split()[4] for line in maps if "memfd:countenance gallery" in line}


def _children(process_id):
    """The workers: children of the supervisor that are Python; PostgreSQL is left to find out by itself."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline") as command:
                parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                if parent == process_id and "countenance.cli.worker" in command.read():
                    yield int(entry)
        except OSError:
            continue


def _connections(process_id, endpoint):
    """The process's established connections to the port that it serves, as socket inodes."""
    port = f":{urlsplit(endpoint).port:04X}"
    with open(f"/proc/{process_id}/net/tcp") as table:
        rows = [line.split() for line in table][1:]
    established = {row[9] for row in rows if row[1].endswith(port) and row[3] == "01"}
    return {number for number in _socket_inodes(process_id) if number in established}


def _socket_inodes(process_id):
    for descriptor in Path(f"/proc/{process_id}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]
