"""Files of weights: each optional, each pinned, and what is run is what was checked."""

from __future__ import annotations

import hashlib

import pytest

from countenance.errors import SetupError
from countenance.vision.attributes import attribute_pack as module
from countenance.vision.attributes.attribute_pack import (
    ROLES,
    AttributeManifest,
    AttributeStore,
    load_attribute_manifest,
)
from countenance.vision.manifest import Artifact

CONTENT = {"mesh": b"a mesh", "cover": b"a cover"}


@pytest.fixture(autouse=True)
def manifest(monkeypatch):
    """Of two small files."""
    artifacts = {
        role: Artifact(
            name=role,
            file=f"{role}.onnx",
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            licence="none",
            training_data="stated",
            training_data_note="none",
            sources=(),
        )
        for role, content in CONTENT.items()
    }
    small = AttributeManifest("attributes", "small", "none", artifacts)
    monkeypatch.setattr(module, "load_attribute_manifest", lambda: small)
    return small


class Told:
    """What a person is told while files are fetched."""

    def __init__(self):
        self.notices = []

    def notice(self, text):
        self.notices.append(text)

    def begin(self, *_, **__): ...
    def end(self): ...


@pytest.fixture
def models(tmp_path):
    """A folder of weights, one level down."""
    folder = tmp_path / "models" / "somewhere"
    folder.mkdir(parents=True)
    for role, content in CONTENT.items():
        (folder / f"{role}.onnx").write_bytes(content)
    return folder.parent


@pytest.fixture
def store(tmp_path, models):
    return AttributeStore(tmp_path / "cache", models)


def test_nothing_is_installed_at_first(store):
    installed = store.installed()
    assert dict(installed.files) == {}
    assert installed.missing == ROLES
    assert not store.is_begun()
    assert store.changed() == ()
    assert [flaw.problem for flaw in store.verify()] == ["missing", "missing"]


def test_what_lies_in_the_models_folder_is_taken_without_asking_anybody(store):
    """As the packs: a folder beside the checkout is enough."""
    installed = store.at_hand()
    assert set(installed.files) == {"mesh", "cover"}
    assert installed.read("mesh") == b"a mesh"
    assert store.verify() == ()


def test_each_file_is_optional_and_one_that_cannot_be_had_is_told(store, models):
    (models / "somewhere" / "cover.onnx").unlink()
    told = Told()
    installed = store.install(progress=told, offline=True)
    assert set(installed.files) == {"mesh"}
    (notice,) = told.notices
    assert "`cover.onnx` of pack `attributes` cannot be had" in notice
    assert "SHA-256" in notice
    assert set(store.at_hand().files) == {"mesh"}


def test_where_none_can_be_had_that_is_an_error(tmp_path):
    with pytest.raises(SetupError, match=r"`mesh.onnx` of pack `attributes` cannot be had"):
        AttributeStore(tmp_path / "cache").install(offline=True)
    assert dict(AttributeStore(tmp_path / "cache", tmp_path).at_hand().files) == {}


def test_another_file_of_that_name_is_not_taken(store, models):
    (models / "somewhere" / "mesh.onnx").write_bytes(b"A mesh")
    assert set(store.at_hand().files) == {"cover"}


def test_a_file_that_was_damaged_counts_as_missing_and_is_told(store):
    store.at_hand()
    (store.directory / "mesh.onnx").write_bytes(b"b mesh")
    assert set(store.installed().files) == {"cover"}
    (flaw,) = store.changed()
    assert flaw.file == "mesh.onnx"
    assert "another SHA-256" in flaw.problem
    assert set(store.at_hand().files) == {"mesh", "cover"}  # and is mended from the folder


@pytest.mark.parametrize("content", [b"b mesh", None])
def test_a_file_that_is_exchanged_after_it_was_checked_is_not_run(store, content):
    """A network loads when it is first needed, which may be days after the server started."""
    installed, path = store.at_hand(), store.directory / "mesh.onnx"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SetupError) as caught:
        installed.read("mesh")
    assert "models install attributes" in caught.value.remedy


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path, models):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(SetupError, match="cannot write into"):
        AttributeStore(tmp_path / "cache", models).at_hand()


def test_the_manifest_that_comes_with_countenance_names_every_role(monkeypatch):
    monkeypatch.undo()
    manifest = load_attribute_manifest()
    assert set(manifest.artifacts) == set(ROLES)
    assert all(artifact.training_data_note for artifact in manifest.artifacts.values())
