"""What `countenance import` is pointed at: folders, tables, and collections of a Rekognition endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import click

from countenance.errors import SetupError
from countenance.importing.folders import Listing, list_folder, photos_of_people
from countenance.importing.records import Request, Wanted
from countenance.importing.rekognition_source import PhotoFinder, RekognitionSource, photos_of_faces
from countenance.importing.tables import read_table, require_good

KINDS: Final = ("folder", "csv", "parquet", "deepface", "face_recognition", "rekognition")
_TABLES: Final = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """What the user said of the source."""

    source: Path
    kind: str | None
    collection: str | None
    with_users: bool
    skips_bad_rows: bool
    endpoint_url: str | None
    region: str | None
    profile: str | None
    source_collection: str | None
    photo_pattern: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is to be brought into one collection."""

    kind: str
    source: str
    root: Path
    collection: str
    photos: Iterable[Wanted]
    words: str
    passed_over: Mapping[str, int] = field(default_factory=dict)

    def of(self, request: Request, *, accepts_look_alikes: bool) -> Request:
        """The request with what is known now."""
        return replace(
            request,
            source=self.source,
            root=str(self.root.absolute()),
            kind=self.kind,
            accepts_look_alikes=accepts_look_alikes,
            passed_over=self.passed_over,
        )


def gather(options: SourceOptions) -> Iterator[Found]:
    """What the source holds, for each collection.

    Raises:
        SetupError: it is not there, cannot be read, or holds no photo.
    """
    if not options.source.exists():
        raise SetupError(f"there is no `{options.source}`", remedy="name a folder, or a CSV or Parquet file")
    kind = options.kind or _kind_of(options.source)
    if kind == "rekognition":
        yield from _of_rekognition(options)
        return
    if options.collection is None:
        raise click.UsageError("say into which collection: --collection C")
    yield _of_table(options, kind) if kind in {"csv", "parquet"} else _of_folder(options, kind)


def _kind_of(source: Path) -> str:
    if source.is_dir():
        return "folder"
    kind = _TABLES.get(source.suffix.lower())
    if kind is None:
        raise SetupError(
            f"`{source}` is neither a folder nor a .csv or .parquet file",
            remedy="put photos into a folder, or list them in a table",
        )
    return kind


def _listed(options: SourceOptions) -> Listing:
    if not options.source.is_dir():
        raise SetupError(f"`{options.source}` is not a folder", remedy="name the folder of the photos")
    listing = list_folder(options.source)
    if not listing.photos:
        raise SetupError(
            f"there is no photo in `{options.source}`",
            remedy="make FOLDER/Name/photo.jpg, one folder a person",
        )
    return listing


def _of_folder(options: SourceOptions, kind: str) -> Found:
    """One folder a person. DeepFace and face_recognition keep theirs alike; their caches are passed over."""
    assert options.collection is not None
    listing = _listed(options)
    photos = list(photos_of_people(listing.photos, with_users=options.with_users))
    people = len({each.user_id or each.external_image_id for each in photos})
    return Found(
        kind=kind,
        source=str(options.source),
        root=options.source,
        collection=options.collection,
        photos=photos,
        passed_over=listing.passed_over,
        words=f"{len(photos):,} photos of {people:,} people" + _told_passed_over(listing.passed_over),
    )


def _of_table(options: SourceOptions, kind: str) -> Found:
    assert options.collection is not None
    table = read_table(options.source)
    if not options.skips_bad_rows:
        require_good(table, options.source)
    if not table.photos:
        raise SetupError(f"`{options.source}` names no photo", remedy="see its rows")
    bad = f"; {len(table.bad):,} bad rows left out ({table.bad[0]} …)" if table.bad else ""
    ignored = f"; columns left alone: {', '.join(table.ignored)}" if table.ignored else ""
    photos = table.photos
    if not options.with_users:
        photos = [replace(each, user_id=None) for each in photos]
    return Found(
        kind=kind,
        source=str(options.source),
        root=options.source.absolute().parent,
        collection=options.collection,
        photos=photos,
        passed_over={"bad rows": len(table.bad)} if table.bad else {},
        words=f"{len(photos):,} photos{bad}{ignored}",
    )


def _of_rekognition(options: SourceOptions) -> Iterator[Found]:
    """Each collection of the endpoint, or the one that is named."""
    listing = _listed(options)
    finder = PhotoFinder(listing.photos, options.photo_pattern)
    source = RekognitionSource(
        endpoint_url=options.endpoint_url, region=options.region, profile=options.profile
    )
    names = [options.source_collection] if options.source_collection else source.collections()
    if not names:
        raise SetupError("the source has no collection", remedy="see --source-region and --source-profile")
    if options.collection is not None and len(names) > 1:
        raise SetupError(
            f"the source has {len(names)} collections, and --collection names one for them",
            remedy="say which one to bring with --source-collection, or leave --collection out to bring all",
        )
    for name in names:
        found = source.read(name)
        photos = list(photos_of_faces(found, finder))
        if not options.with_users:
            photos = [replace(each, user_id=None) for each in photos]
        missing = sum(each.verdict is not None for each in photos)
        empty = len(found.users_without_faces)
        yield Found(
            kind="rekognition",
            source=f"{name} at {options.endpoint_url or options.region or 'AWS'}, photos in {options.source}",
            root=options.source,
            collection=options.collection or name,
            photos=photos,
            words=f"{len(photos):,} faces of `{name}`"
            + (f", {missing:,} of them without a photo" if missing else "")
            + (f"; {empty:,} users without faces are not brought" if empty else ""),
        )


def _told_passed_over(counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    return "; passed over: " + ", ".join(f"{count:,} {ending}" for ending, count in sorted(counts.items()))
