"""Public-domain portraits that two packages carry: fetched as files by pip, checked, never imported.

Official portraits (works of the United States government) from the sdist of `face_recognition`, and
NASA's portrait of Eileen Collins from a wheel of `scikit-image`. Demo and tests run on them; nothing
of them is part of this package.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from countenance.cli.progress import install_progress
from countenance.vision.fetch import digest_of, download_with_pip, unpack
from countenance.vision.manifest import PypiMember
from countenance.vision.pinned_files import locked, settle
from countenance.vision.progress import Progress

_OFFICIAL = PypiMember(
    package="face_recognition",
    version="1.3.0",
    distribution="sdist",
    sha256="5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    member="face_recognition-1.3.0/tests/test_images/",
)
_ASTRONAUT = PypiMember(
    package="scikit-image",
    version="0.26.0",
    distribution="wheel",
    # any machine's wheel holds the same picture; naming one makes its digest the same everywhere
    sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    member="skimage/data/",
    platform="manylinux_2_28_x86_64",
)


@dataclass(frozen=True, slots=True)
class _Portrait:
    file: str
    size_bytes: int
    sha256: str


_OBAMA = (
    _Portrait("obama.jpg", 279922, "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6"),
    _Portrait("obama2.jpg", 184455, "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6"),
    _Portrait("obama3.jpg", 595944, "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3"),
)
_BIDEN = (_Portrait("biden.jpg", 353723, "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c"),)
_COLLINS = _Portrait(
    "astronaut.png", 791555, "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"
)


@dataclass(frozen=True, slots=True)
class Portraits:
    """Photos on disk.

    Attributes:
        known: person → photos of them; one person has three, another has one.
        stranger: a photo of somebody else.
    """

    known: Mapping[str, Sequence[Path]]
    stranger: Path


def load_portraits(cache_dir: Path) -> Portraits:
    """The portraits, fetched into `cache_dir` on the first call.

    Raises:
        SetupError: they are not there and pip cannot bring them.
    """
    folder = cache_dir / "portraits"
    with locked(folder), install_progress() as progress:
        _require(folder, _OFFICIAL, (*_OBAMA, *_BIDEN), progress)
        _require(folder, _ASTRONAUT, (_COLLINS,), progress)
    return Portraits(
        known={
            "obama": [folder / portrait.file for portrait in _OBAMA],
            "biden": [folder / portrait.file for portrait in _BIDEN],
        },
        stranger=folder / _COLLINS.file,
    )


def _require(folder: Path, source: PypiMember, portraits: Sequence[_Portrait], progress: Progress) -> None:
    missing = [portrait for portrait in portraits if not _is_whole(folder / portrait.file, portrait)]
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        package = download_with_pip(source, Path(scratch), progress=progress)
        for portrait in missing:
            part = Path(scratch) / portrait.file
            unpack(package, source.member + portrait.file, part, size_bytes=portrait.size_bytes)
            assert _is_whole(part, portrait), "pip checked the package and the member is pinned"
            settle(part, folder / portrait.file)


def _is_whole(path: Path, portrait: _Portrait) -> bool:
    return path.exists() and digest_of(path) == portrait.sha256
