"""Importers against a real gateway on a socket, a real gallery and a real ledger; only the nets are fakes."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from countenance.importing.folders import list_folder, photos_of_people
from countenance.importing.ledger import Ledger
from countenance.importing.records import Request
from countenance.importing.runner import Work, run_import
from countenance.importing.server import Server
from fakes.vision import AS_JPEG, person, picture
from gateway_server import Server as Socket
from small_server import small_server


class House:
    """A server with one account, the photos of a folder, and a ledger."""

    def __init__(self, server, socket, folder):
        self.server, self.folder = server, folder
        self.photos = folder / "photos"
        self.photos.mkdir()
        self.ledger = Ledger(server.database)
        self.credentials = folder / "credentials"
        self.listen(socket)
        self.client = socket.client()

    def listen(self, socket):
        """Write where the server is, as it does itself."""
        key = self.server.bench.key
        self.credentials.write_text(
            f"[countenance]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret}\n"
            f"region = us-east-1\nendpoint_url = http://127.0.0.1:{socket.port}\n"
        )

    def photo(self, path, *people, **looks):
        """A photo file of people by name, each once; another path is another photo of them."""
        shown = [person(who, left=100 + 300 * place, **looks) for place, who in enumerate(people)]
        return self.file(path, AS_JPEG + picture(*shown, width=4000, note=path))

    def file(self, path, data):
        target = self.photos / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    def request(self, **changes):
        given = {
            "source": "photos",
            "root": str(self.photos),
            "kind": "folder",
            "profile": "countenance",
            "credentials": str(self.credentials),
            "endpoint_url": "",
            "tls_cert": "",
        }
        return Request(**given | changes)

    def begin(self, photos=None, *, collection="staff", with_users=True, **changes):
        """A run of all photos of the folder, or of these."""
        if photos is None:
            photos = photos_of_people(list_folder(self.photos).photos, with_users=with_users)
        return self.ledger.begin(
            account_id=self.server.bench.account.account_id,
            collection=collection,
            request=self.request(**changes),
            photos=photos,
        )

    def work(self, run, **changes):
        given = {
            "at_once": 4,
            "report": lambda _progress: None,
            "is_stopping": lambda: False,
            "patience_s": 20.0,
        }
        return Work(self.ledger, Server(run.request, at_once=4), **given | changes)

    def bring(self, run, **changes):
        """Do it; how it stands then."""
        state = run_import(run, self.work(run, **changes))
        assert state is self.ledger.state(run.import_id)
        return state

    def verdicts(self, run):
        """By path."""
        return {
            told.wanted.path: told.outcome and told.outcome.verdict.value
            for told in self.ledger.told(run.import_id)
        }

    def outcome(self, run, path):
        (found,) = [told.outcome for told in self.ledger.told(run.import_id) if told.wanted.path == path]
        return found

    def faces(self, collection="staff"):
        pages = self.client.get_paginator("list_faces").paginate(CollectionId=collection)
        return [face for page in pages for face in page["Faces"]]

    def users(self, collection="staff"):
        return {user["UserId"] for user in self.client.list_users(CollectionId=collection)["Users"]}


@pytest.fixture
def house(empty_database_url, tmp_path, models, policy):
    with ExitStack() as stack:
        server = stack.enter_context(
            small_server(empty_database_url, tmp_path / "data", models=models, policy=policy)
        )
        socket = stack.enter_context(Socket(server.bench))
        made = House(server, socket, tmp_path)
        made.client.create_collection(CollectionId="staff")
        made.stack = stack
        yield made
