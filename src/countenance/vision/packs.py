"""Which packs there are (built in and the user's), and what an installed one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from countenance.errors import SetupError
from countenance.vision.manifest import PackManifest
from countenance.vision.parse_manifest import load_manifest, parse_manifest

MANIFEST_NAME = "pack.toml"


@dataclass(frozen=True, slots=True)
class InstalledPack:
    """A pack whose files are all in `directory`, checked against their digests when this was made."""

    manifest: PackManifest
    directory: Path

    def path_of(self, artifact: str) -> Path:
        """Where the file of an artifact or conversion lies.

        Raises:
            KeyError: the manifest has no such artifact.
        """
        for entry in self.manifest.artifacts:
            if entry.name == artifact:
                return self.directory / entry.file
        for conversion in self.manifest.conversions:
            if conversion.artifact == artifact:
                return self.directory / conversion.file
        raise KeyError(artifact)


def find_packs(search: Sequence[Path]) -> Mapping[str, PackManifest]:
    """The packs that come with Countenance, then those in the folders of `search`, by name.

    A folder is searched for `pack.toml` and `*/pack.toml`; folders that do not exist hold none.

    Raises:
        SetupError: two packs have one name or one face_model_version; as `load_manifest`.
    """
    found: dict[str, PackManifest] = {}
    for manifest in [*_builtin_packs(), *_user_packs(search)]:
        for other in found.values():
            if other.name == manifest.name or other.face_model_version == manifest.face_model_version:
                raise SetupError(
                    f"{_described(manifest)} clashes with {_described(other)}",
                    remedy="each pack needs its own name and face_model_version",
                )
        found[manifest.name] = manifest
    return found


def _builtin_packs() -> list[PackManifest]:
    folder = resources.files("countenance.vision") / "manifests"
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda f: f.name
    )
    return [parse_manifest(file.read_text("utf-8"), file=file.name, directory=None) for file in files]


def _user_packs(search: Sequence[Path]) -> list[PackManifest]:
    paths: dict[Path, None] = {}  # ordered, each once: one folder may be named twice
    for folder in search:
        if folder.is_dir():
            for path in [folder / MANIFEST_NAME, *sorted(folder.glob(f"*/{MANIFEST_NAME}"))]:
                if path.is_file():
                    paths[path.resolve()] = None
    return [load_manifest(path) for path in paths]


def _described(manifest: PackManifest) -> str:
    origin = "built in" if manifest.directory is None else f"in {manifest.directory}"
    return f"pack `{manifest.name}` (version {manifest.face_model_version}, {origin})"
