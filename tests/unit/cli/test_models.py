"""`countenance models`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from countenance.cli.models import models
from countenance.errors import SetupError
from tiny_packs import DETECTOR, EMBEDDER, manifest_toml, write_pack


@pytest.fixture
def folder(tmp_path):
    """A models folder with one pack, its files beside its manifest."""
    pack = write_pack(tmp_path / "models/tiny", manifest_toml())
    (pack / "detector.onnx").write_bytes(DETECTOR)
    (pack / "embedder.onnx").write_bytes(EMBEDDER)
    return tmp_path / "models"


@pytest.fixture
def run(tmp_path, folder):
    """Runs `countenance models ...` on a cache of the test's own."""

    def invoke(command: str, *words: str) -> Result:
        folders = ["--models", str(folder), "--cache-dir", str(tmp_path / "cache")]
        return CliRunner().invoke(models, [command, *folders, *words], terminal_width=200)

    return invoke


def test_list_shows_every_pack_and_what_is_known_of_it(run):
    """Ours and the user's; licences and training data are told before anything is installed."""
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert set(rows) == {"standard", "standard-1", "open", "research", "tiny", "attributes"}
    assert rows["open"]["training_data"] == ["scraped", "stated"]
    assert not rows["tiny"]["installed"]
    table = run("list")
    assert table.exit_code == 0
    for name in rows:
        assert name in table.stdout


def test_install_then_list_and_verify(run, tmp_path):
    """A whole pack: exit code 0 and a line a person can read."""
    installed = run("install", "tiny", "--offline")
    assert installed.exit_code == 0
    assert f"pack tiny is installed in {tmp_path / 'cache/packs/tiny'}" in installed.stdout
    rows = {row["name"]: row["installed"] for row in json.loads(run("list", "--json").stdout)}
    assert {name for name, is_installed in rows.items() if is_installed} == {"tiny"}
    verified = run("verify")
    assert verified.exit_code == 0
    assert "whole" in verified.stdout
    assert json.loads(run("install", "tiny", "--json").stdout)[0]["directory"].endswith("packs/tiny")


def test_verify_names_what_is_wrong_and_exits_1(run, tmp_path):
    """For scripts: the exit code; for people: the file."""
    run("install", "tiny", "--offline")
    (tmp_path / "cache/packs/tiny/embedder.onnx").unlink()
    verified = run("verify")
    assert verified.exit_code == 1
    assert "embedder.onnx" in verified.stdout
    as_json = run("verify", "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout) == {"tiny": [{"file": "embedder.onnx", "problem": "missing"}]}


def test_verify_without_any_pack_says_how_to_get_one(run):
    """Nothing to check is not a success."""
    result = run("verify")
    assert isinstance(result.exception, SetupError)
    assert result.exception.remedy == "countenance models install"


def test_install_offline_without_the_files_is_a_set_up_error(run, folder):
    """`main` prints problem and remedy and exits 3."""
    (folder / "tiny/detector.onnx").unlink()
    result = run("install", "tiny", "--offline")
    assert isinstance(result.exception, SetupError)
    assert "`detector.onnx` of pack `tiny`" in result.exception.problem


def test_install_without_a_name_takes_the_default(run, open_pack, monkeypatch, folder):
    """`open` where `standard` cannot be had, said on standard error so that output can be piped."""
    for artifact in open_pack.manifest.artifacts:
        (folder / artifact.file).write_bytes(open_pack.path_of(artifact.name).read_bytes())
    result = run("install", "--offline", "--json")
    assert json.loads(result.stdout)[0]["name"] == "open"
    assert "note: pack `standard` cannot be had here" in result.stderr


def test_each_file_of_the_attribute_pack_is_optional(run, attribute_pack, folder, tmp_path):
    """They are installed one by one; those that cannot be had are told with the way to get them."""
    path, directory = attribute_pack.files["cover"].path, tmp_path / "cache/packs/attributes"
    (folder / path.name).write_bytes(path.read_bytes())
    installed = run("install", "attributes", "--offline")
    assert installed.exit_code == 0
    assert f"pack attributes is installed in {directory}, but for mesh" in installed.stdout
    assert "`face_landmarker.task` of pack `attributes` cannot be had" in installed.stderr
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows["attributes"]["installed"]
    assert "cover" not in rows["attributes"]["missing"]
    assert run("verify").exit_code == 0  # what was never installed is no flaw of what is there
    assert run("verify", "attributes").exit_code == 1
    (directory / path.name).write_bytes(b"another")
    assert run("verify").exit_code == 1


def test_an_attribute_pack_of_which_no_file_can_be_had_is_a_set_up_error(run):
    result = run("install", "attributes", "--offline")
    assert isinstance(result.exception, SetupError)
    assert "of pack `attributes` cannot be had" in result.exception.problem
