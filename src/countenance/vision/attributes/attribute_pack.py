"""The weights that attributes are read with: one pack for all face models, each of its files optional."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, Literal, cast, get_args

from countenance.errors import SetupError
from countenance.vision.attributes.description import Attribute
from countenance.vision.install_artifact import obtain
from countenance.vision.manifest import Artifact
from countenance.vision.manifest_table import ManifestTable
from countenance.vision.parse_manifest import MANIFEST_FORMAT, to_artifact
from countenance.vision.pinned_files import find_problem, index_by_name, locked
from countenance.vision.progress import Progress, SilentProgress
from countenance.vision.verify import Flaw

Role = Literal["mesh", "blendshapes", "age-gender", "expression", "sunglasses", "cover", "quality"]
"""What a file is for; it is the file's name in the manifest."""
ROLES: Final = cast("tuple[Role, ...]", get_args(Role))
PACK_NAME: Final = "attributes"
NEEDS: Final[dict[Attribute, tuple[Role, ...]]] = {
    "AGE_RANGE": ("mesh", "age-gender"),
    "BEARD": ("mesh",),
    "EMOTIONS": ("mesh", "expression"),
    "EYEGLASSES": ("mesh",),
    "EYES_OPEN": ("mesh", "blendshapes"),
    "EYE_DIRECTION": ("mesh", "blendshapes"),
    "FACE_OCCLUDED": ("mesh", "cover", "sunglasses"),
    "GENDER": ("mesh", "age-gender"),
    "MOUTH_OPEN": ("mesh",),
    "MUSTACHE": ("mesh",),
    "SMILE": ("mesh", "blendshapes"),
    "SUNGLASSES": ("mesh", "sunglasses"),
}
"""The files that each attribute is read with."""


@dataclass(frozen=True, slots=True)
class AttributeManifest:
    """What attributes.toml says: `artifacts` by their roles."""

    name: str
    description: str
    licence: str
    artifacts: Mapping[Role, Artifact]


@dataclass(frozen=True, slots=True)
class InstalledAttributes:
    """The files that are there: role → the bytes that had the digest of the manifest when they were read.

    INVARIANT: what a network is loaded from is what was checked, so that a file that is exchanged
    afterwards is not run.
    """

    files: Mapping[Role, Path]
    artifacts: Mapping[Role, Artifact]

    @property
    def missing(self) -> tuple[Role, ...]:
        """Roles without a file."""
        return tuple(role for role in ROLES if role not in self.files)

    @property
    def supported(self) -> frozenset[Attribute]:
        """The attributes of which all files are there."""
        return frozenset(name for name, roles in NEEDS.items() if self.files.keys() >= set(roles))

    def read(self, role: Role) -> bytes:
        """The bytes of a file, checked once more.

        Raises:
            SetupError: it is gone, or no longer what it was.
        """
        path, artifact = self.files[role], self.artifacts[role]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise _damaged(path, f"unreadable ({error.strerror})") from None
        if hashlib.sha256(content).hexdigest() != artifact.sha256:
            raise _damaged(path, "changed since it was installed")
        return content


NO_ATTRIBUTES: Final = InstalledAttributes({}, {})
"""Of a machine without any of the files."""


class AttributeStore:
    """The pack's folder in a cache. Thread and process safety: as `PackStore`."""

    def __init__(self, cache_dir: Path, models_dir: Path | None = None) -> None:
        """`models_dir` is searched before any address, at any depth; nothing is read yet."""
        self._directory = cache_dir / "packs" / PACK_NAME
        self._models_dir = models_dir

    @property
    def directory(self) -> Path:
        return self._directory

    def installed(self) -> InstalledAttributes:
        """The files that are there and whole; about a millisecond a megabyte."""
        artifacts = load_attribute_manifest().artifacts
        whole = {
            role: self._directory / artifact.file
            for role, artifact in artifacts.items()
            if find_problem(self._directory / artifact.file, artifact) is None
        }
        return InstalledAttributes(whole, artifacts)

    def verify(self) -> tuple[Flaw, ...]:
        """Each file that is missing or another one."""
        found = (
            (artifact.file, find_problem(self._directory / artifact.file, artifact))
            for artifact in load_attribute_manifest().artifacts.values()
        )
        return tuple(Flaw(file, problem) for file, problem in found if problem is not None)

    def changed(self) -> tuple[Flaw, ...]:
        """As `verify`, of the files that are there."""
        return tuple(flaw for flaw in self.verify() if (self._directory / flaw.file).exists())

    def is_begun(self) -> bool:
        """Whether any of the files was ever installed."""
        artifacts = load_attribute_manifest().artifacts.values()
        return any((self._directory / artifact.file).exists() for artifact in artifacts)

    def install(self, *, progress: Progress | None = None, offline: bool = False) -> InstalledAttributes:
        """Bring what can be had into the cache; each file that cannot is told as a notice.

        Args:
            offline: use folders only, reach for no address and no package client.

        Raises:
            SetupError: none can be had; the first one's reason. The folder cannot be written to.
        """
        told = SilentProgress() if progress is None else progress
        manifest = load_attribute_manifest()
        refused: list[SetupError] = []
        try:
            with locked(self._directory):
                names = {artifact.file for artifact in manifest.artifacts.values()}
                about = index_by_name([] if self._models_dir is None else [self._models_dir], names)
                for artifact in manifest.artifacts.values():
                    try:
                        obtain(
                            artifact,
                            pack=manifest.name,
                            directory=self._directory,
                            found=about.get(artifact.file, []),
                            progress=told,
                            offline=offline,
                        )
                    except SetupError as error:
                        refused.append(error)
        except OSError as error:
            raise SetupError(
                f"cannot write into {self._directory}: {error.strerror or error}",
                remedy="choose a cache folder that this user may write to and that has space",
            ) from error
        if len(refused) == len(manifest.artifacts):
            raise refused[0]
        for reason in refused:
            told.notice(f"{reason.problem}; {reason.remedy}")
        return self.installed()

    def at_hand(self) -> InstalledAttributes:
        """What is installed, after what lies in the models folder was; reaches nobody.

        Raises:
            SetupError: the cache cannot be written to.
        """
        found = self.installed()
        if not found.missing or self._models_dir is None:
            return found
        names = {artifact.file for role, artifact in found.artifacts.items() if role not in found.files}
        if not index_by_name([self._models_dir], names):
            return found
        try:
            return self.install(offline=True)
        except SetupError as error:
            if "cannot write" in error.problem:
                raise
            return found


@cache
def load_attribute_manifest() -> AttributeManifest:
    """What comes with Countenance.

    Raises:
        SetupError: the package's own file is damaged.
    """
    file = resources.files("countenance.vision.attributes").joinpath("attributes.toml")
    table = ManifestTable(tomllib.loads(file.read_text("utf-8")), file="attributes.toml")
    if table.require_whole("format", minimum=1) != MANIFEST_FORMAT:
        raise table.refuse("format", f"must be {MANIFEST_FORMAT}")
    rows = table.require_tables("artifacts")
    manifest = AttributeManifest(
        name=table.require_text("name"),
        description=table.require_text("description"),
        licence=table.require_text("licence"),
        artifacts={row.require_choice("name", ROLES): to_artifact(row) for row in rows},
    )
    table.finish()
    return manifest


def _damaged(path: Path, problem: str) -> SetupError:
    return SetupError(f"{path} is {problem}", remedy=f"`countenance models install {PACK_NAME}`")
