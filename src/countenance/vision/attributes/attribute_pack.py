"""The weights that attributes are read with: one pack for all face models, each of its files optional."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, Literal, cast, get_args

from countenance.errors import SetupError
from countenance.vision.attributes.description import Attribute
from countenance.vision.fetch import digest_of
from countenance.vision.install_artifact import obtain
from countenance.vision.manifest import Artifact
from countenance.vision.manifest_table import ManifestTable
from countenance.vision.parse_manifest import MANIFEST_FORMAT, to_artifact
from countenance.vision.pinned_files import find_problem, index_by_name, locked, write_whole
from countenance.vision.progress import Progress, SilentProgress
from countenance.vision.verify import RECORD_NAME, Flaw, load_record

Role = Literal["mesh", "blendshapes", "age-gender", "expression", "sunglasses", "cover", "quality"]
"""What a network is for; it is its file's name in the manifest."""
ROLES: Final = cast("tuple[Role, ...]", get_args(Role))
PACK_NAME: Final = "attributes"
Converter = Literal["tflite", "face-api-age-gender", "face-api-expression"]
_CONVERTER_REVISIONS: Final[Mapping[Converter, int]] = {
    "tflite": 1,
    "face-api-age-gender": 1,
    "face-api-expression": 1,
}
"""Raised when what a converter makes changes, so that installed packs are converted again."""
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
"""The networks that each attribute is read with."""


@dataclass(frozen=True, slots=True)
class NetworkConversion:
    """A network that installing makes from artifacts: the same weights in the form that we run.

    Attributes:
        member: of a bundle; empty where the artifacts are not one.
    """

    file: str
    converter: Converter
    made_from: tuple[str, ...]
    member: str


@dataclass(frozen=True, slots=True)
class AttributeManifest:
    """What attributes.toml says: a network is its role's artifact, or what its role's conversion makes."""

    name: str
    description: str
    licence: str
    artifacts: Mapping[str, Artifact]
    conversions: Mapping[Role, NetworkConversion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InstalledNetwork:
    """A file that had this SHA-256 when it was looked at."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class InstalledAttributes:
    """The networks that are there, by role.

    INVARIANT: what a network is loaded from is what was checked, so that a file that is exchanged
    afterwards is not run.
    """

    files: Mapping[Role, InstalledNetwork]

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
        network = self.files[role]
        try:
            content = network.path.read_bytes()
        except OSError as error:
            raise _damaged(network.path, f"unreadable ({error.strerror})") from None
        if hashlib.sha256(content).hexdigest() != network.sha256:
            raise _damaged(network.path, "changed since it was installed")
        return content


NO_ATTRIBUTES: Final = InstalledAttributes({})
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
        """The networks that are there and whole; about a millisecond a megabyte."""
        found = {role: self._look_for(role) for role in ROLES}
        return InstalledAttributes(
            {role: each for role, each in found.items() if isinstance(each, InstalledNetwork)}
        )

    def verify(self) -> tuple[Flaw, ...]:
        """Each network that is missing or another one, by its file."""
        found = (self._look_for(role) for role in ROLES)
        return tuple(each for each in found if isinstance(each, Flaw))

    def changed(self) -> tuple[Flaw, ...]:
        """As `verify`, of the files that are there."""
        return tuple(flaw for flaw in self.verify() if (self._directory / flaw.file).exists())

    def is_begun(self) -> bool:
        """Whether any of the networks was ever installed."""
        return bool(self.installed().files or self.changed())

    def install(self, *, progress: Progress | None = None, offline: bool = False) -> InstalledAttributes:
        """Bring what can be had into the cache; each network that cannot be is told as a notice.

        Args:
            offline: use folders only, reach for no address and no package client.

        Raises:
            SetupError: none can be had; the first one's reason. The folder cannot be written to.
        """
        told = SilentProgress() if progress is None else progress
        refused: dict[str, SetupError] = {}
        try:
            with locked(self._directory):
                about = self._lying_about()
                for role in ROLES:
                    try:
                        self._install(role, about, told, offline=offline)
                    except SetupError as error:
                        refused.setdefault(error.problem, error)
        except OSError as error:
            raise SetupError(
                f"cannot write into {self._directory}: {error.strerror or error}",
                remedy="choose a cache folder that this user may write to and that has space",
            ) from error
        installed = self.installed()
        if not installed.files and refused:
            raise next(iter(refused.values()))
        for reason in refused.values():
            told.notice(f"{reason.problem}; {reason.remedy}")
        return installed

    def at_hand(self) -> InstalledAttributes:
        """What is installed, after what lies in the models folder was; reaches nobody.

        A cache that cannot be written to, as a server's may be, is left as it is: each network is optional.
        """
        installed = self.installed()
        if self._models_dir is None or not installed.missing:
            return installed
        about = self._lying_about()
        if any(self._lies_at_hand(role, about) for role in installed.missing):
            with suppress(SetupError):
                return self.install(offline=True)
        return installed

    def _look_for(self, role: Role) -> InstalledNetwork | Flaw | None:
        """The network of a role, or what is wrong; None for a role that the manifest does not have."""
        manifest = load_attribute_manifest()
        flaws = []
        if (artifact := manifest.artifacts.get(role)) is not None:
            problem = find_problem(self._directory / artifact.file, artifact)
            if problem is None:
                return InstalledNetwork(self._directory / artifact.file, artifact.sha256)
            flaws.append(Flaw(artifact.file, problem))
        if (made := manifest.conversions.get(role)) is not None:
            entry = load_record(self._directory).get(made.file, {})
            if (problem := self._problem_of(manifest, made, entry)) is None:
                return InstalledNetwork(self._directory / made.file, entry["sha256"])
            flaws.append(Flaw(made.file, problem))
        return next((flaw for flaw in flaws if flaw.problem != "missing"), flaws[-1] if flaws else None)

    def _problem_of(
        self, manifest: AttributeManifest, made: NetworkConversion, entry: Mapping[str, str]
    ) -> str | None:
        path = self._directory / made.file
        if not path.is_file():
            return "missing"
        if entry.get("recipe") != _recipe_of(manifest, made):
            return "converted from other files or by another version of Countenance"
        found = digest_of(path)
        return None if found == entry.get("sha256") else f"changed since it was converted (SHA-256 {found})"

    def _lying_about(self) -> Mapping[str, Sequence[Path]]:
        names = {artifact.file for artifact in load_attribute_manifest().artifacts.values()}
        return index_by_name([] if self._models_dir is None else [self._models_dir], names)

    def _lies_at_hand(self, role: Role, about: Mapping[str, Sequence[Path]]) -> bool:
        """Whether folders have the network of a role, or all that it is made from: asked without writing."""
        manifest = load_attribute_manifest()
        made = manifest.conversions.get(role)
        ways: list[tuple[str, ...]] = [(role,)] if role in manifest.artifacts else []
        ways += [made.made_from] if made else []
        return any(
            all(
                any(
                    find_problem(path, manifest.artifacts[name]) is None
                    for path in (
                        *about.get(manifest.artifacts[name].file, ()),
                        self._directory / manifest.artifacts[name].file,
                    )
                )
                for name in way
            )
            for way in ways
        )

    def _install(
        self, role: Role, about: Mapping[str, Sequence[Path]], progress: Progress, *, offline: bool
    ) -> None:
        """Raises SetupError: the network of a role cannot be had in any way, with the reason of the last."""
        manifest = load_attribute_manifest()
        if not isinstance(self._look_for(role), Flaw):
            return
        made = manifest.conversions.get(role)

        def bring(name: str) -> None:
            artifact = manifest.artifacts[name]
            obtain(
                artifact,
                pack=manifest.name,
                directory=self._directory,
                found=about.get(artifact.file, []),
                progress=progress,
                offline=offline,
            )

        if role in manifest.artifacts:
            try:
                bring(role)
            except SetupError:
                if made is None:
                    raise
            else:
                return
        if made is not None:
            for name in made.made_from:
                bring(name)
            self._convert(manifest, made, progress)

    def _convert(self, manifest: AttributeManifest, made: NetworkConversion, progress: Progress) -> None:
        # onnx takes a third of a second to import, which only installing has to spend
        from countenance.vision.attributes.convert_network import convert_network

        progress.begin(f"{made.file} (converting)", total_bytes=None)
        try:
            contents = [
                (self._directory / manifest.artifacts[name].file).read_bytes() for name in made.made_from
            ]
            content = convert_network(made.converter, contents, made.member)
        finally:
            progress.end()
        # the record goes first: a file without its record is refused, a record without its file is nothing
        record = load_record(self._directory)
        record[made.file] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "recipe": _recipe_of(manifest, made),
        }
        write_whole(self._directory / RECORD_NAME, json.dumps(record, indent=1, sort_keys=True).encode())
        write_whole(self._directory / made.file, content)


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
    artifacts = [to_artifact(row) for row in table.require_tables("artifacts")]
    manifest = AttributeManifest(
        name=table.require_text("name"),
        description=table.require_text("description"),
        licence=table.require_text("licence"),
        artifacts={artifact.name: artifact for artifact in artifacts},
        conversions=dict(_to_conversion(row) for row in table.require_tables("conversions")),
    )
    table.finish()
    return manifest


def _to_conversion(row: ManifestTable) -> tuple[Role, NetworkConversion]:
    role = row.require_choice("name", ROLES)
    made = NetworkConversion(
        file=row.require_text("file"),
        converter=row.require_choice("converter", get_args(Converter)),
        made_from=row.require_texts("made_from"),
        member=row.require_text("member") if row.has("member") else "",
    )
    row.finish()
    return role, made


def _recipe_of(manifest: AttributeManifest, made: NetworkConversion) -> str:
    """What a converted file depends on: the converter, its revision, what it reads."""
    read = " ".join(manifest.artifacts[name].sha256 for name in made.made_from)
    return f"{made.converter} {_CONVERTER_REVISIONS[made.converter]} {read} {made.member}".rstrip()


def _damaged(path: Path, problem: str) -> SetupError:
    return SetupError(f"{path} is {problem}", remedy=f"`countenance models install {PACK_NAME}`")
