"""Files of weights: each optional, each pinned, and what is run is what was checked."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from countenance.errors import SetupError
from countenance.vision.attributes import attribute_pack as module
from countenance.vision.attributes.attribute_pack import (
    ROLES,
    AttributeManifest,
    AttributeStore,
    NetworkConversion,
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
    assert [(flaw.file, flaw.problem) for flaw in store.verify()] == [
        ("mesh.onnx", "missing"),
        ("cover.onnx", "missing"),
    ]


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


def test_a_cache_that_cannot_be_written_is_an_error_to_whoever_installs(tmp_path, models):
    """And no reason for a server not to start: it serves without what it cannot put there."""
    (tmp_path / "cache").write_text("a file")
    store = AttributeStore(tmp_path / "cache", models)
    with pytest.raises(SetupError, match="cannot write into"):
        store.install(offline=True)
    assert dict(store.at_hand().files) == {}


def test_the_manifest_that_comes_with_countenance_names_every_role(monkeypatch):
    monkeypatch.undo()
    manifest = load_attribute_manifest()
    assert manifest.artifacts.keys() | manifest.conversions.keys() >= set(ROLES)
    for made in manifest.conversions.values():
        assert set(made.made_from) <= manifest.artifacts.keys()
    assert all(artifact.training_data_note for artifact in manifest.artifacts.values())


# What is made from other files


@pytest.fixture
def convertible(manifest, monkeypatch, tmp_path):
    """The mesh is made from a bundle, or is at hand by itself; the converter counts what it made."""
    bundle = Artifact(
        name="bundle",
        file="bundle.task",
        sha256=hashlib.sha256(b"a bundle").hexdigest(),
        size_bytes=8,
        licence="none",
        training_data="stated",
        training_data_note="none",
        sources=(),
    )
    made = NetworkConversion("made.onnx", "tflite", ("bundle",), "inside")
    wide = dataclasses.replace(
        manifest, artifacts=manifest.artifacts | {"bundle": bundle}, conversions={"mesh": made}
    )
    monkeypatch.setattr(module, "load_attribute_manifest", lambda: wide)
    calls = []

    def convert(converter, contents, member):
        calls.append((converter, contents, member))
        return b"made of " + contents[0]

    monkeypatch.setattr("countenance.vision.attributes.convert_network.convert_network", convert)
    folder = tmp_path / "bundles"
    folder.mkdir()
    (folder / "bundle.task").write_bytes(b"a bundle")
    return AttributeStore(tmp_path / "cache", folder), calls


def test_a_network_is_made_from_its_bundle_once(convertible):
    store, calls = convertible
    assert store.at_hand().read("mesh") == b"made of a bundle"
    assert store.at_hand().read("mesh") == b"made of a bundle"
    assert calls == [("tflite", [b"a bundle"], "inside")]


def test_a_network_that_is_there_by_itself_is_not_made(convertible, models):
    store, calls = convertible
    store = AttributeStore(store.directory.parent.parent, models)
    assert store.at_hand().read("mesh") == b"a mesh"
    assert calls == []


def test_one_that_was_made_and_changed_is_told_and_made_again(convertible):
    store, calls = convertible
    store.at_hand()
    (store.directory / "made.onnx").write_bytes(b"something else")
    (flaw,) = store.changed()
    assert "changed since it was converted" in flaw.problem
    assert "mesh" not in store.installed().files
    assert store.at_hand().read("mesh") == b"made of a bundle"
    assert len(calls) == 2


def test_one_that_an_older_converter_made_is_made_again(convertible, monkeypatch):
    store, calls = convertible
    store.at_hand()
    monkeypatch.setitem(module._CONVERTER_REVISIONS, "tflite", 2)
    assert "by another version of Countenance" in store.changed()[0].problem
    assert store.at_hand().read("mesh") == b"made of a bundle"
    assert len(calls) == 2


def test_a_bundle_that_cannot_be_had_is_named_with_its_digest(convertible, tmp_path):
    with pytest.raises(SetupError) as caught:
        AttributeStore(tmp_path / "cache", tmp_path / "nothing").install(offline=True)
    assert "`bundle.task` of pack `attributes` cannot be had" in caught.value.problem
    assert "SHA-256" in caught.value.remedy
