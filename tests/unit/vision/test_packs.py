"""Which packs there are."""

from __future__ import annotations

import re

import pytest

from countenance.errors import SetupError
from countenance.vision.packs import InstalledPack, find_packs
from tiny_packs import manifest_toml, write_pack


def test_the_packs_that_come_with_us_are_whole_and_run_from_declared_files():
    """A pack that ships with a wrong manifest would fail on the newcomer's machine."""
    packs = find_packs([])
    assert {name: pack.face_model_version for name, pack in packs.items()} == {
        "standard": "1.1",
        "standard-1": "1.0",
        "open": "2.0",
        "research": "3.0",
    }
    assert all(
        artifact.sources
        for pack in packs.values()
        for artifact in pack.artifacts
        if artifact.file != "mobilefacenet_foamliu.onnx"
    )
    assert all(pack.directory is None for pack in packs.values())


def test_research_is_for_research_and_says_whose_photographs_it_was_made_of():
    """GATE-002 goes by what its manifest says; and nobody is sent to fetch the weights."""
    research = find_packs([])["research"]
    assert research.use == "research"
    withdrawn = [artifact for artifact in research.artifacts if artifact.training_data == "withdrawn"]
    assert [artifact.name for artifact in withdrawn] == ["second-embedder"]
    assert not withdrawn[0].sources


def test_what_collections_of_before_are_bound_to_is_what_it_was():
    """Version 1.0 must mean the templates that it meant: its digest is of all that they depend on."""
    earlier = find_packs([])["standard-1"]
    assert earlier.digest == "2cb72de55b12911e59c6a80f4de720963c24692ff11718c33ea0ca2f6f041187"
    assert earlier.landmarker is None


def test_open_needs_no_address_but_the_package_index(tmp_path):
    """It is the pack for machines that reach nothing else."""
    sources = [source for artifact in find_packs([tmp_path])["open"].artifacts for source in artifact.sources]
    assert {type(source).__name__ for source in sources} == {"PypiMember"}


def test_a_users_pack_is_found_in_a_folder_and_one_below(tmp_path):
    """`--models` may be the pack's folder or a folder of packs; one that is not there holds none."""
    mine = write_pack(tmp_path / "mine", manifest_toml("mine", "7.0"))
    assert find_packs([tmp_path])["mine"].directory == mine
    assert find_packs([mine])["mine"].directory == mine
    assert "mine" in find_packs([tmp_path, mine, tmp_path / "gone"])


@pytest.mark.parametrize(
    ("name", "version"), [("mine", "7.1"), ("yours", "7.0"), ("standard", "8.0"), ("x", "1.0"), ("x", "1.1")]
)
def test_two_packs_of_one_name_or_version_are_refused(tmp_path, name, version):
    """A collection is bound to a version: it must mean one network for ever."""
    write_pack(tmp_path / "a", manifest_toml("mine", "7.0"))
    write_pack(tmp_path / "b", manifest_toml(name, version))
    with pytest.raises(SetupError, match=re.escape(f"pack `{name}` (version {version}")):
        find_packs([tmp_path])


def test_files_are_named_by_artifact(tmp_path):
    """Sessions are opened by the names that detector and embedder state."""
    manifest = find_packs([])["standard"]
    pack = InstalledPack(manifest, tmp_path)
    assert pack.path_of(manifest.detector.artifact) == tmp_path / "yunet_s_dynamic.onnx"
    assert (
        pack.path_of(manifest.embedder.artifact) == tmp_path / "face-reidentification-retail-0095-fp32.onnx"
    )
    with pytest.raises(KeyError):
        pack.path_of("other")
