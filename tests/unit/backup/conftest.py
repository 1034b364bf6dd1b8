"""An installation of a test's own, and an empty database to restore into."""

from __future__ import annotations

import pytest

from fixtures_store import fresh_database
from installations import installed


@pytest.fixture
def house(empty_database_url, tmp_path):
    """A collection `staff` with ten faces, one deleted; its log is signed."""
    with installed(empty_database_url, tmp_path / "data") as made:
        made.staff = made.make_collection("staff")
        made.faces = [face.face_id for face in made.enrol(made.staff, 11)]
        made.change(lambda uow: made.gallery.delete_faces(uow, made.staff, made.faces[10:]))
        del made.faces[10:]
        made.sign_log()
        yield made


@pytest.fixture
def target_url(postgres_url):
    with fresh_database(postgres_url) as url:
        yield url
