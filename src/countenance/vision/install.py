"""Where packs are kept: installed once, checked whenever they are opened.

`CACHE/packs/NAME/` holds a pack's files. Nothing enters it but by an atomic rename after its digest
was checked. Installing is the only thing here that writes or reaches out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from countenance.errors import SetupError
from countenance.vision.convert import convert
from countenance.vision.install_artifact import obtain
from countenance.vision.manifest import Conversion, PackManifest
from countenance.vision.packs import InstalledPack, find_packs
from countenance.vision.pinned_files import find_problem, index_by_name, locked, write_whole
from countenance.vision.progress import Progress, SilentProgress
from countenance.vision.verify import RECORD_NAME, Flaw, find_flaws, load_record, recipe_of

__all__ = ["InstalledPack", "PackStore"]

PREFERRED_PACK = "standard"
PACK_FROM_PYPI = "open"
_STOPGAPS = {"standard-1": "which is older", PACK_FROM_PYPI: "which is weaker"}
"""Made do with where the preferred pack is neither installed nor at hand, best first."""


class PackStore:
    """The packs of one cache folder.

    Thread and process safety: any number may read and install at once; installing one pack is
    serialised by a lock file in its folder.
    """

    def __init__(self, cache_dir: Path, models_dir: Path | None = None) -> None:
        """`models_dir` is searched before the cache and the network, at any depth; nothing is read yet."""
        self._packs_dir = cache_dir / "packs"
        self._models_dir = models_dir

    def packs(self) -> Mapping[str, PackManifest]:
        """Every pack that is known, installed or not.

        Raises:
            SetupError: as `find_packs`.
        """
        search = [self._packs_dir] if self._models_dir is None else [self._models_dir, self._packs_dir]
        return find_packs(search)

    def require_manifest(self, name: str) -> PackManifest:
        """The manifest of a pack.

        Raises:
            SetupError: no pack has that name; as `find_packs`.
        """
        packs = self.packs()
        if name not in packs:
            raise SetupError(f"there is no pack `{name}`", remedy=f"known packs: {', '.join(sorted(packs))}")
        return packs[name]

    def is_begun(self, name: str) -> bool:
        """Whether the cache has any file of the pack, so that what is not whole is worth a word."""
        manifest = self.require_manifest(name)
        return any((self._directory(manifest) / artifact.file).exists() for artifact in manifest.artifacts)

    def verify(self, name: str) -> tuple[Flaw, ...]:
        """What keeps a pack from being used; nothing for one that is installed and whole.

        Raises:
            SetupError: as `require_manifest`.
        """
        manifest = self.require_manifest(name)
        return tuple(find_flaws(manifest, self._directory(manifest)))

    def installed(self, name: str) -> InstalledPack | None:
        """The pack if every file is there with its digest: about a millisecond a megabyte.

        Raises:
            SetupError: as `require_manifest`.
        """
        manifest = self.require_manifest(name)
        if any(True for _ in find_flaws(manifest, self._directory(manifest))):
            return None
        return InstalledPack(manifest, self._directory(manifest))

    def installed_packs(self) -> tuple[InstalledPack, ...]:
        """Every pack that is installed and whole, by name. Raises SetupError as `find_packs`."""
        found = (self.installed(name) for name in sorted(self.packs()))
        return tuple(pack for pack in found if pack is not None)

    def require(self, name: str) -> InstalledPack:
        """The pack, which must be installed.

        Raises:
            SetupError: it is not, with the first file that is missing or wrong; as `require_manifest`.
        """
        pack = self.installed(name)
        if pack is None:
            flaw = self.verify(name)[0]
            raise SetupError(
                f"pack `{name}` is not installed in {self._packs_dir}: `{flaw.file}` is {flaw.problem}",
                remedy=f"`countenance models install {name}`",
            )
        return pack

    def install(self, name: str, *, progress: Progress | None = None, offline: bool = False) -> InstalledPack:
        """Bring every file of a pack into the cache; what is there already is checked and kept.

        Args:
            offline: use folders only, reach for no address and no package client.

        Raises:
            SetupError: a file cannot be had: names it, every source's reason, and the way by hand.
        """
        manifest = self.require_manifest(name)
        directory = self._directory(manifest)
        told = SilentProgress() if progress is None else progress
        try:
            with locked(directory):
                found = self._lying_about(manifest)
                for artifact in manifest.artifacts:
                    obtain(
                        artifact,
                        pack=manifest.name,
                        directory=directory,
                        found=found.get(artifact.file, []),
                        progress=told,
                        offline=offline,
                    )
                for conversion in manifest.conversions:
                    self._convert(manifest, conversion, told)
        except OSError as error:
            raise SetupError(
                f"cannot write into {directory}: {error.strerror or error}",
                remedy="choose a cache folder that this user may write to and that has space",
            ) from error
        return self.require(name)

    def find_default_pack(self, preferred: str = "") -> InstalledPack | None:
        """What `default_pack` would take of what is installed; None where it would have to install.

        Raises:
            SetupError: `preferred` is no pack.
        """
        if preferred:
            return self.installed(preferred)
        found = (self.installed(name) for name in (PREFERRED_PACK, *_STOPGAPS))
        return next(filter(None, found), None)

    def default_pack(
        self, preferred: str = "", *, progress: Progress | None = None, offline: bool = False
    ) -> InstalledPack:
        """`preferred`, else `standard`, else what there was before it, else `open`: installed if need be.

        What is at hand goes before what must be fetched: a machine that once had to make do with `open`
        does not try for `standard` again at every start. A fallback is told as a notice.

        Raises:
            SetupError: no such pack can be had.
        """
        told = SilentProgress() if progress is None else progress
        if preferred:
            return self.installed(preferred) or self.install(preferred, progress=told, offline=offline)
        if (pack := self.installed(PREFERRED_PACK)) is not None:
            return pack
        if self._lies_at_hand(self.require_manifest(PREFERRED_PACK)):
            return self.install(PREFERRED_PACK, progress=told, offline=True)
        for name, how in _STOPGAPS.items():
            if (pack := self.installed(name)) is not None:
                told.notice(f"pack `{PREFERRED_PACK}` is not installed: using `{name}`, {how}")
                return pack
        return self.install_default(progress=told, offline=offline)

    def install_default(self, *, progress: Progress | None = None, offline: bool = False) -> InstalledPack:
        """Install `standard`; where it cannot be had, `open`, and say so.

        Raises:
            SetupError: neither can be had; both reasons.
        """
        told = SilentProgress() if progress is None else progress
        try:
            return self.install(PREFERRED_PACK, progress=told, offline=offline)
        except SetupError as error:
            refused = error
        told.notice(
            f"pack `{PREFERRED_PACK}` cannot be had here, so this is `{PACK_FROM_PYPI}`, "
            f"which is weaker at low false match rates. {refused.problem}"
        )
        try:
            return self.install(PACK_FROM_PYPI, progress=told, offline=offline)
        except SetupError as error:
            raise SetupError(
                f"{refused.problem}. {error.problem}", remedy=f"{refused.remedy}. {error.remedy}"
            ) from None

    def _directory(self, manifest: PackManifest) -> Path:
        return self._packs_dir / manifest.folder

    def _lies_at_hand(self, manifest: PackManifest) -> bool:
        """Whether folders have every file of a pack: asked without writing."""
        found = self._lying_about(manifest)
        return all(
            any(find_problem(path, artifact) is None for path in found.get(artifact.file, []))
            for artifact in manifest.artifacts
        )

    def _lying_about(self, manifest: PackManifest) -> dict[str, list[Path]]:
        """Files with the names of a pack's artifacts, by name, best folder first."""
        return index_by_name(self._folders(manifest), {artifact.file for artifact in manifest.artifacts})

    def _folders(self, manifest: PackManifest) -> list[Path]:
        """Where files may lie already, best first: the pack's own folder, the models folder, the cache."""
        return [
            folder for folder in (manifest.directory, self._models_dir, self._packs_dir) if folder is not None
        ]

    def _convert(self, manifest: PackManifest, conversion: Conversion, progress: Progress) -> None:
        directory = self._directory(manifest)
        if all(flaw.file != conversion.file for flaw in find_flaws(manifest, directory)):
            return
        files = {artifact.name: directory / artifact.file for artifact in manifest.artifacts}
        progress.begin(f"{conversion.file} (converting)", total_bytes=None)
        try:
            content = convert(
                conversion.converter, [files[name].read_bytes() for name in conversion.made_from]
            )
        finally:
            progress.end()
        # the record goes first: a file without its record is refused, a record without its file is nothing
        record = load_record(directory)
        record[conversion.file] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "recipe": recipe_of(manifest, conversion),
        }
        write_whole(directory / RECORD_NAME, json.dumps(record, indent=1, sort_keys=True).encode())
        write_whole(directory / conversion.file, content)
