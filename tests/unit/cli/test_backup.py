"""`countenance backup` and its commands, on an installation without a server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from countenance.backup.last_made import find_last_backup
from countenance.cli.installation import open_store
from countenance.gallery import Gallery
from countenance.settings import Settings
from countenance.store import UnitOfWork
from countenance.store.processes import processes_in
from fakes.faces import DIMENSIONS, new_face, unit


@pytest.fixture
def faces(cli, account):
    """Three of them in a collection."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        gallery = Gallery(database, keys)
        with UnitOfWork(database) as uow:
            collection = gallery.create_collection(
                uow,
                account_id=account,
                name="c",
                region="r",
                face_model_version="1",
                dimensions=DIMENSIONS,
                tags={},
            )
            uow.commit()
        with UnitOfWork(database) as uow:
            stored = gallery.enrol(uow, collection, [new_face(unit([1])) for _ in range(3)])
            uow.commit()
    return collection, [face.face_id for face in stored]


@pytest.fixture
def recipient(cli, tmp_path):
    return cli.json("backup", "keygen", tmp_path / "identity")["Recipient"]


def test_a_file_alone_makes_a_backup(cli, faces, recipient, tmp_path):
    """`backup FILE`, as `backup create FILE`; options may come first."""
    first = cli.json("backup", "--recipient", recipient, tmp_path / "a")
    second = cli.json("backup", "create", tmp_path / "b", "--recipient", recipient)
    third = cli.json("backup", tmp_path / "c", "--recipient", recipient)
    assert [each["Faces"] for each in (first, second, third)] == [3, 3, 3]
    assert first["Bytes"] == (tmp_path / "a").stat().st_size
    assert "keep the log's key" in cli.says("backup", "--recipient", recipient, tmp_path / "d")
    code, message = cli.fails("backup", "--recipient", recipient, tmp_path / "a")
    assert (code, "--force" in message) == (3, True)
    cli.says("backup", "--recipient", recipient, "--force", tmp_path / "a")


def test_when_it_was_made_is_noted_for_a_running_server(cli, faces, recipient, tmp_path):
    """Health says so to officers; a note that cannot be written spoils no backup."""
    assert find_last_backup(cli.data_dir) is None
    made = cli.json("backup", "--recipient", recipient, tmp_path / "a")
    assert find_last_backup(cli.data_dir) == datetime.fromisoformat(made["Made"])
    (cli.data_dir / "last-backup").unlink()
    (cli.data_dir / "last-backup").mkdir()
    cli.json("backup", "--recipient", recipient, tmp_path / "b")
    assert (tmp_path / "b").stat().st_size > 0


def test_it_is_never_in_clear(cli, faces, tmp_path):
    """There is no backup without a recipient."""
    code, message = cli.fails("backup", tmp_path / "a")
    assert (code, "--recipient" in message) == (2, True)
    assert cli.fails("backup", tmp_path / "a", "--recipient", "age1x")[0] == 3
    assert not (tmp_path / "a").exists()


def test_verify_restores_it_and_says_what_it_saw(cli, faces, recipient, tmp_path):
    """Signed by the log of the installation that is here, unless another key is given."""
    made = cli.json("backup", "--recipient", recipient, tmp_path / "a")
    seen = cli.json("backup", "verify", tmp_path / "a", "--identity", tmp_path / "identity")
    assert (seen["TemplatesOpened"], seen["TemplatesBroken"], seen["SignedBy"]) == (3, 0, made["LogKey"])
    other = made["LogKey"].replace("countenance.local", "countenance.global")
    assert (
        cli.fails(
            "backup", "verify", tmp_path / "a", "--identity", tmp_path / "identity", "--log-key", other
        )[0]
        == 2
    )


def test_verify_names_faces_that_do_not_open(cli, faces, recipient, tmp_path):
    """A backup of damage restores the damage: exit code 1, by the face's id."""
    _, (face, *_) = faces
    with (
        open_store(Settings.from_env(cli.environment)) as (database, _),
        database.transaction() as connection,
    ):
        connection.execute(
            "update face set sealed_template = sealed_template || '\\x00' where face_id = %s", (face,)
        )
    cli.json("backup", "--recipient", recipient, tmp_path / "a")
    done = cli.run(
        *(
            "backup",
            "verify",
            tmp_path / "a",
            "--identity",
            tmp_path / "identity",
            "--work-dir",
            tmp_path,
            "--json",
        )
    )
    assert done.exit_code == 1
    assert (json.loads(done.stdout)["Broken"], json.loads(done.stdout)["TemplatesOpened"]) == ([str(face)], 2)
    assert not list(tmp_path.glob("countenance-verify-*"))


def test_restore_asks_for_a_list_of_what_was_erased(cli, faces, recipient, tmp_path, postgres_url):
    """Or for the reason why there is none; the configured second place is taken unasked."""
    made = cli.json("backup", "--recipient", recipient, tmp_path / "a")
    words = (
        *("restore", tmp_path / "a", "--identity", tmp_path / "identity", "--log-key", made["LogKey"]),
        *("--data-dir", tmp_path / "new"),
    )
    code, message = cli.fails(*words)
    assert (code, "--no-tombstones" in message) == (3, True)
    both = cli.fails(*words, "--no-tombstones", "none", "--tombstones", cli.data_dir / "tombstones")
    assert both[0] == 2
    assert "300 bytes and may have 256" in cli.fails(*words, "--no-tombstones", "x" * 300)[1]
    from fixtures_store import fresh_database

    with fresh_database(postgres_url) as url:
        cli.environment["COUNTENANCE_TOMBSTONES"] = str(cli.data_dir / "tombstones")
        told = cli.says(*words, "--database-url", url)
    assert "0 faces" in told
    assert "next: tell witnesses" in told


def test_a_passphrase_is_read_from_a_file(cli, faces, tmp_path):
    (tmp_path / "words").write_text("open sesame\n")
    (tmp_path / "none").write_text("\n")
    made = cli.json("backup", "keygen", tmp_path / "locked", "--passphrase-file", tmp_path / "words")
    cli.json("backup", "--recipient", made["Recipient"], tmp_path / "a")
    verify = ("backup", "verify", tmp_path / "a", "--identity", tmp_path / "locked")
    assert cli.json(*verify, "--passphrase-file", tmp_path / "words")["TemplatesOpened"] == 3
    assert "has a passphrase" in cli.fails(*verify)[1]
    assert "is empty" in cli.fails(*verify, "--passphrase-file", tmp_path / "none")[1]


def test_what_was_erased_on_the_command_line_is_in_the_list_when_it_ends(cli, faces, account):
    """As for calls: no erasure that a restore could bring back."""
    cli.says("accounts", "forget", account, "--yes")
    assert f" account {account} " in (cli.data_dir / "tombstones").read_text()


@pytest.fixture
def verifying(cli, faces, recipient, tmp_path):
    """`verifying()`: a process that restores a backup of its own at this moment, keys and all."""
    cli.json("backup", "--recipient", recipient, tmp_path / "a")
    (tmp_path / "work").mkdir()
    words = (
        "backup",
        "verify",
        tmp_path / "a",
        "--identity",
        tmp_path / "identity",
        "--work-dir",
        tmp_path / "work",
    )
    with ExitStack() as stack:

        def run():
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "countenance.cli", *map(str, words)],
                    env=os.environ | cli.environment,
                    stdout=subprocess.DEVNULL,
                )
            )
            stack.callback(process.kill)
            deadline = time.monotonic() + 60
            while not list((tmp_path / "work").glob("countenance-verify-*/data/keys/*")):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.005)
            return process

        run.words = words
        yield run


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_verify_that_is_ended_leaves_neither_keys_nor_rows(verifying, tmp_path, number):
    process = verifying()
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert list((tmp_path / "work").iterdir()) == []


def test_what_a_killed_verify_leaves_is_removed_by_the_next_with_its_server(cli, verifying, tmp_path):
    process = verifying()
    process.kill()
    process.wait()
    (left,) = (tmp_path / "work").iterdir()
    cluster = left / "data" / "postgres" / "cluster"
    assert processes_in(cluster)
    assert cli.json(*verifying.words)["TemplatesOpened"] == 3
    assert list((tmp_path / "work").iterdir()) == []
    assert not [each for each in Path("/proc").glob("[0-9]*/cwd") if str(left) in link_of(each)]


def link_of(path):
    try:
        return str(path.readlink())
    except OSError:
        return ""
