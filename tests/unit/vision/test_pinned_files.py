"""Files that are whole or not there."""

from __future__ import annotations

import threading

import pytest

from countenance.vision.parse_manifest import parse_manifest
from countenance.vision.pinned_files import copy_whole, find_problem, index_by_name, locked, write_whole
from tiny_packs import DETECTOR, manifest_toml


@pytest.fixture
def artifact():
    return parse_manifest(manifest_toml(), file="pack.toml", directory=None).artifacts[0]


def test_a_file_is_the_artifact_only_with_its_size_and_digest(artifact, tmp_path):
    """The message tells a missing file from a short one from a changed one."""
    path = tmp_path / "detector.onnx"
    assert find_problem(path, artifact) == "missing"
    path.write_bytes(DETECTOR[:-1])
    assert find_problem(path, artifact) == f"of {len(DETECTOR) - 1} bytes, not {len(DETECTOR)}"
    path.write_bytes(DETECTOR[:-1] + b"!")
    assert "of another SHA-256" in find_problem(path, artifact)
    path.write_bytes(DETECTOR)
    assert find_problem(path, artifact) is None


def test_a_folder_in_a_files_place_is_no_artifact(artifact, tmp_path):
    """Odd, but no traceback."""
    (tmp_path / "detector.onnx").mkdir()
    assert find_problem(tmp_path / "detector.onnx", artifact) is not None


def test_files_are_found_at_any_depth_in_the_order_of_folders(tmp_path):
    """A models folder is laid out as its owner likes."""
    for place in ("b/deep/er", "a"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "w").write_bytes(b"")
    found = index_by_name([tmp_path / "b", tmp_path / "gone", tmp_path / "a"], {"w", "v"})
    assert found == {"w": [tmp_path / "b/deep/er/w", tmp_path / "a/w"]}


def test_what_is_written_or_copied_leaves_nothing_beside_it(tmp_path):
    """The name appears with the whole content; half a file has another name and is gone."""
    write_whole(tmp_path / "a", b"content")
    copy_whole(tmp_path / "a", tmp_path / "b")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"content", "b": b"content"}


def test_one_writer_at_a_time(tmp_path):
    """Two installations of one pack wait for one another."""
    order = []

    def second() -> None:
        with locked(tmp_path / "pack"):
            order.append("second")

    with locked(tmp_path / "pack"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
