"""What breaks on a machine (a row, a key, the disk, a setting) is named, contained and costs nothing else."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from countenance.cli.server_process import running_server
from countenance.store import EmbeddedPostgres, postmaster
from fixtures_server import Service, server_settings
from paths import SHARED

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

_DISK_BYTES = 700 << 20
_LEFT_BYTES = 1 << 20
_PATIENCE_S = 120.0


@pytest.fixture
def photo(portraits):
    with Image.open(portraits.known[next(iter(portraits.known))][0]) as whole:
        small = whole.convert("RGB").resize((200, round(200 * whole.height / whole.width)))
    target = io.BytesIO()
    small.save(target, "JPEG", quality=90)
    return {"Bytes": target.getvalue()}


@contextmanager
def serving(data_dir, *options):
    settings = server_settings()
    with running_server(
        data_dir, settings, accept_terms="Test, suite", log=str, options=["--workers", "2", *options]
    ) as running:
        yield Service(running, data_dir, settings)


def refused_start(data_dir, *options):
    """What `serve` says on its way out, with exit code 3."""
    settings = server_settings()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "countenance.cli", "serve", "--data-dir", data_dir, "--port", "0"),
            *("--cache-dir", settings.cache_dir, "--accept-terms", "Test, suite"),
            *(("--models", settings.models) if SHARED else ()),
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def execute(data_dir, statement, *values):
    with psycopg.connect(EmbeddedPostgres.running_url(data_dir), autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def index(client, collection, photo, name):
    answer = client.index_faces(CollectionId=collection, Image=photo, ExternalImageId=name)
    return answer["FaceRecords"][0]["Face"]["FaceId"]


def search(client, collection, face):
    """Which faces were found, and how many the answer says it left out."""
    answer = client.search_faces(CollectionId=collection, FaceId=face, FaceMatchThreshold=0)
    left_out = answer["ResponseMetadata"]["HTTPHeaders"].get("x-countenance-left-out", "0")
    return {match["Face"]["FaceId"] for match in answer["FaceMatches"]}, int(left_out)


def failure(operation, **request):
    with pytest.raises(ClientError) as caught:
        operation(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_damaged_row_and_a_missing_key_are_named_and_stop_nobody_else(tmp_path, photo):
    """And without its master key, or with another, a server does not start: it says which file it is."""
    data_dir = tmp_path / "data"
    with serving(data_dir) as service:
        client = service.client()
        faces = {}
        for name in ("damaged", "locked", "whole"):
            client.create_collection(CollectionId=name)
            faces[name] = [index(client, name, photo, f"{name}-{number}") for number in range(4)]
        ids = dict(execute(data_dir, "select name, collection_id from collection"))

        broken, *sound = faces["damaged"]
        execute(
            data_dir,
            "update face set"
            " sealed_template = set_byte(sealed_template, 99, get_byte(sealed_template, 99) # 1)"
            " where face_id = %s",
            broken,
        )
        for _ in range(4):  # whichever worker answers
            assert search(service.client(), "damaged", sound[0]) == (set(sound[1:]), 1)
        code, message = failure(client.search_faces, CollectionId="damaged", FaceId=broken)
        assert (code, broken in message) == ("InternalServerError", True)
        assert any(str(ids["damaged"]) in line and broken in line for line in service.log_lines())
        assert client.describe_collection(CollectionId="damaged")["FaceCount"] == 4
        assert client.delete_faces(CollectionId="damaged", FaceIds=[broken])["DeletedFaces"] == [broken]
        sound.append(index(client, "damaged", photo, "damaged-0"))  # as the remedy is: from its photo
        for _ in range(4):
            assert search(service.client(), "damaged", sound[0]) == (set(sound[1:]), 0)

        keys = data_dir / "keys" / "collections"
        for path in sorted(keys.glob(f"{ids['locked']}*")):
            path.rename(tmp_path / path.name)
        assert (
            failure(client.search_faces, CollectionId="locked", FaceId=faces["locked"][0])[0]
            == "InternalServerError"
        )
        assert failure(client.index_faces, CollectionId="locked", Image=photo)[0] == "InternalServerError"
        told = [line for line in service.log_lines() if "key missing" in line]
        assert told
        assert all(str(ids["locked"]) in line for line in told)
        assert search(client, "whole", faces["whole"][0]) == (set(faces["whole"][1:]), 0)
        index(client, "whole", photo, "one-more")
        for path in tmp_path.glob(f"{ids['locked']}*"):
            path.rename(keys / path.name)
        assert search(client, "locked", faces["locked"][0]) == (set(faces["locked"][1:]), 0)

    master = data_dir / "keys" / "master.key"
    kept = master.read_bytes()
    master.unlink()
    assert f"the master key `{master}` is missing" in refused_start(data_dir)
    assert not master.exists()
    master.write_bytes(secrets.token_bytes(32))
    master.chmod(0o600)
    assert f"the master key `{master}` is not the one in use" in refused_start(data_dir)
    shutil.move(data_dir / "keys", tmp_path / "keys")
    assert f"other keys than those in `{data_dir / 'keys'}`" in refused_start(data_dir)
    shutil.rmtree(data_dir / "keys")
    shutil.move(tmp_path / "keys", data_dir / "keys")
    master.write_bytes(kept)
    with serving(data_dir) as service:
        assert search(service.client(), "whole", faces["whole"][0])[0] > set(faces["whole"][1:])


def test_a_database_that_could_lose_what_it_confirmed_is_refused_at_start_and_noticed_when_it_becomes_one(
    tmp_path, monkeypatch
):
    """An operator's own PostgreSQL, which somebody tuned."""
    monkeypatch.delitem(postmaster._SETTINGS, "fsync")  # of this one, which plays the operator's
    with (
        EmbeddedPostgres(tmp_path / "postgresql") as theirs,
        psycopg.connect(theirs.url, autocommit=True) as operator,
    ):

        def turn(state):
            operator.execute(f"alter system set fsync = {state}")
            operator.execute("select pg_reload_conf()")

        where = ("--database-url", theirs.url)
        turn("off")
        said = refused_start(tmp_path / "data", *where)
        assert "runs with fsync off" in said
        assert "set fsync = on" in said
        turn("on")
        with serving(tmp_path / "data", *where) as service:
            client = service.client()
            client.create_collection(CollectionId="before")
            turn("off")
            with pytest.raises(ClientError, match="InternalServerError"):
                for _ in range(60):
                    service.client().list_collections()
                    time.sleep(0.5)
            turn("on")
            assert again(lambda: service.client().list_collections()["CollectionIds"]) == ["before"]
            (said,) = {line for line in service.log_lines() if "nothing is answered" in line}
            assert "nothing is answered: the database server runs with fsync off" in said


@contextmanager
def small_disk(place):
    """A file system of _DISK_BYTES at `place`; skips where this user may make none."""
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES},mode=700", "none", str(place)]
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount a file system of its own")
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(path, left):
    """A file that leaves so many bytes of its file system."""
    with path.open("wb") as file:
        free = shutil.disk_usage(path.parent).free
        os.posix_fallocate(file.fileno(), 0, free - left)


def again(call):
    """What it answers, once it does: until then it fails as what it is, a fault of ours."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            return call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
        if code != "InternalServerError":
            break
        time.sleep(0.5)
    raise AssertionError(code)


def test_a_full_disk_fails_calls_and_loses_nothing_and_room_is_all_it_takes(tmp_path, photo):
    """Nothing can be recorded, so nothing is answered, not even a search; what was confirmed is there."""
    disk = tmp_path / "disk"
    with small_disk(disk), serving(disk / "data") as service:
        client = service.client()
        client.create_collection(CollectionId="kept")
        confirmed = {index(client, "kept", photo, f"before-{number}") for number in range(5)}
        fill(disk / "filler", _LEFT_BYTES)
        failed, number = [], 0
        deadline = time.monotonic() + _PATIENCE_S
        while len(failed) < 5:
            number += 1
            assert time.monotonic() < deadline
            try:
                confirmed.add(index(client, "kept", photo, f"during-{number}"))
            except ClientError as error:
                failed.append(error.response["Error"]["Code"])
        assert set(failed) == {"InternalServerError"}
        with suppress(client.exceptions.InternalServerError):  # if it could be recorded, it is right as well
            assert search(client, "kept", min(confirmed))[0] >= confirmed - {min(confirmed)}
        with pytest.raises(ClientError):
            client.create_collection(CollectionId="never")
        assert any("DiskFull" in line or "No space left" in line for line in told(service))
        (disk / "filler").unlink()
        confirmed.add(again(lambda: index(client, "kept", photo, "after")))
        probe = min(confirmed)
        found, left_out = again(lambda: search(client, "kept", probe))
        assert found >= confirmed - {probe}
        assert left_out == 0
        assert client.describe_collection(CollectionId="kept")["FaceCount"] == len(found) + 1
        client.create_collection(CollectionId="never")
        assert client.describe_collection(CollectionId="never")["FaceCount"] == 0


def told(service):
    """By the server and by its PostgreSQL."""
    server_log = Path(service.data_dir) / "postgres" / "server.log"
    return [*service.log_lines(), *server_log.read_text("utf-8", "replace").splitlines()]
