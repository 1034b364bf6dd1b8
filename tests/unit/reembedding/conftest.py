"""A collection of faces that were enrolled from pictures in a folder, with packs that are stood in for."""

from __future__ import annotations

import hashlib
import secrets
import uuid

import pytest

from countenance.gallery import Gallery, NewFace
from countenance.operations.face_shapes import ratio_box
from countenance.operations.images import image_id_of
from countenance.store import UnitOfWork
from countenance.types import FaceId
from fakes.reembedded import NEW_MODEL, OLD
from governed import CHARTER


@pytest.fixture
def gallery(database, key_store):
    return Gallery(database, key_store)


@pytest.fixture
def commit(database):
    def run(method, *args, **kwargs):
        with UnitOfWork(database) as uow:
            answer = method(uow, *args, **kwargs)
            uow.commit()
        return answer

    return run


@pytest.fixture
def collection(database, gallery, commit):
    account_id = f"{secrets.randbelow(10**12):012d}"
    with database.transaction() as connection:
        connection.execute("insert into account (account_id, name) values (%s, 'Tester')", (account_id,))
    return commit(
        gallery.create_collection,
        account_id=account_id,
        name="friends",
        region="us-east-1",
        face_model_version=OLD.face_model_version,
        dimensions=OLD.dimensions,
        tags={},
        charter=CHARTER,
    )


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "photos"
    found.mkdir()
    return found


@pytest.fixture
def enrol_picture(gallery, collection, commit, folder):
    """`enrol_picture(name, picture)`: as IndexFaces does, with the file in the folder; FaceIds."""

    def run(name, data, *, crops=False, file=None):
        if file is not False:
            path = folder / (file or name.replace(":", "/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        pixels = OLD.decode(data)
        detection = OLD.detect(pixels)
        faces = [
            NewFace(
                face_id=FaceId(uuid.uuid4()),
                image_id=image_id_of(hashlib.sha256(data).hexdigest()),
                external_image_id=name,
                box=ratio_box(face, detection),
                confidence=face.confidence,
                template=template,
                crop=OLD.cut_crop(pixels, face) if crops else None,
            )
            for face, template in zip(detection.faces, OLD.embed(pixels, detection.faces), strict=True)
        ]
        return [face.face_id for face in commit(gallery.enrol, collection, faces)]

    return run


@pytest.fixture
def start(gallery, collection, commit):
    def run(source="folder"):
        commit(gallery.reembeddings.start, collection, NEW_MODEL, source)
        return gallery.reembeddings.require(collection)

    return run
