"""`countenance demo`: the main job through plain boto3 against a server of its own, and a contact sheet.

The server runs in a temporary data directory that is removed afterwards. Nothing here looks inside the
server: what is shown is what any AWS client would see.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import click
from rich.console import Console
from rich.table import Table

from countenance.cli.album import Album, group_picture, load_album, portraits_album
from countenance.cli.contact_sheet import Mark, Photo, write_contact_sheet
from countenance.cli.demo_proof import Receipts, prove
from countenance.cli.options import settings_options
from countenance.cli.server_process import running_server
from countenance.settings import Settings
from countenance.types import RatioBox
from countenance.wire.model import data_path

_COLLECTION = "demo"
_THRESHOLD = 80.0
_WIDTH_WITHOUT_TERMINAL = 130
_OFFICER = "Demo, officer of a temporary account"
_SHEET = Path("countenance-demo.png")


@click.command()
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="your own photos: a folder with one folder a person; without it, public-domain portraits",
)
@click.option("--sheet", type=click.Path(dir_okay=False, path_type=Path), help="where the contact sheet goes")
@settings_options("models", "cache_dir", "pack", "threads")
def demo(photos: Path | None, sheet: Path | None, **given: Any) -> None:
    """Run the main job end to end through boto3.

    Creates a collection, indexes photos of known people, searches with photos that it has not seen,
    compares two photos, detects faces in a group picture and shows that a stranger is not recognised.
    Then checks the receipt of every answer against the log. Prints each call with its answer and writes a
    contact sheet. Exits 0 only if everyone was recognised, the stranger was not, and all calls are in the
    log.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_WITHOUT_TERMINAL)
    settings = Settings.from_env(**given)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="countenance-demo-")))
        album = load_album(photos, scratch / "photos") if photos else portraits_album(settings.cache_dir)
        console.print(f"photos: {album.origin}")
        for left_out in album.left_out:
            console.print(f"left out: {left_out}", style="yellow", markup=False)
        server = stack.enter_context(
            running_server(scratch / "data", settings, accept_terms=_OFFICER, log=console.print)
        )
        os.environ["AWS_DATA_PATH"] = str(data_path())  # boto3 reads our own service's model from there
        session: Any = boto3.Session(
            server.access_key_id, server.secret_access_key, region_name=server.region
        )
        story = _Story(session.client("rekognition", endpoint_url=server.endpoint), console)
        receipts = Receipts()
        receipts.collect_from(story.client)
        story.tell(album)
        story.prove(session.client("countenance", endpoint_url=server.endpoint), receipts)
    target = (sheet or _SHEET).absolute()
    write_contact_sheet(target, story.photos, title=f"Countenance demo: {album.origin}")
    console.print(f"\ncontact sheet: {target}", soft_wrap=True)
    for failure in story.failures:
        console.print(f"[red]not as it should be:[/red] {failure}")
    if story.failures:
        sys.exit(1)
    console.print("[green]everyone was recognised, the stranger was not, all calls are in the log[/green]")


@dataclass(slots=True)
class _Story:
    """Makes the calls in order and keeps what was seen and what went wrong."""

    client: Any
    console: Console
    photos: list[Photo] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def tell(self, album: Album) -> None:
        self._create_collection()
        for person in album.people:
            for path in person.enrolled:
                self._index(person.name, path)
        for person in album.people:
            for path in person.unseen:
                self._search(path, expected=person.name)
        self._search(album.stranger, expected=None)
        self._compare(album)
        self._detect_group(album)
        answer = self.client.delete_collection(CollectionId=_COLLECTION)
        self._show("DeleteCollection", _COLLECTION, [f"status {answer['StatusCode']}"])

    def prove(self, countenance: Any, receipts: Receipts) -> None:
        lines, failures = prove(countenance, receipts)
        self._show("GetInclusionProof", "the receipts of all answers", lines)
        self.failures += failures

    def _create_collection(self) -> None:
        answer = self.client.create_collection(CollectionId=_COLLECTION)
        words = f"{answer['CollectionArn']}, FaceModelVersion {answer['FaceModelVersion']}"
        self._show("CreateCollection", _COLLECTION, [words])

    def _index(self, name: str, path: Path) -> None:
        answer = self._call(
            "index_faces",
            f"{name}: {path.name}",
            CollectionId=_COLLECTION,
            Image={"Bytes": path.read_bytes()},
            ExternalImageId=_external_image_id(name),
            MaxFaces=1,
        )
        if answer is None:
            return
        records = answer["FaceRecords"]
        marks = [Mark(record["Face"]["BoundingBox"], f"{name} (enrolled)", "enrolled") for record in records]
        self.photos.append(Photo.of(path, marks, f"IndexFaces {path.name}"))
        faces = [record["Face"] for record in records]
        lines = [f"face {face['FaceId'][:8]}…, confidence {face['Confidence']:.1f}" for face in faces]
        self._show("IndexFaces", f"{name}: {path.name}", lines)
        if not records:
            reasons = [reason for face in answer["UnindexedFaces"] for reason in face["Reasons"]]
            self.failures.append(f"no face of {name} was enrolled from {path.name} {reasons or ''}")

    def _search(self, path: Path, *, expected: str | None) -> None:
        subject = f"{path.name} ({expected or 'stranger'})"
        answer = self._call(
            "search_faces_by_image",
            subject,
            CollectionId=_COLLECTION,
            Image={"Bytes": path.read_bytes()},
            FaceMatchThreshold=_THRESHOLD,
        )
        if answer is None:
            return
        matches = answer["FaceMatches"]
        lines = [f"{m['Face']['ExternalImageId']}  Similarity {m['Similarity']:.2f}" for m in matches]
        self._show("SearchFacesByImage", subject, lines or ["no match"])
        best = matches[0] if matches else None
        found = best["Face"]["ExternalImageId"] if best else None
        right = found == (_external_image_id(expected) if expected else None)
        label = f"{found} {best['Similarity']:.2f}" if best else "no match"
        mark = Mark(answer["SearchedFaceBoundingBox"], label, "right" if right else "wrong")
        self.photos.append(Photo.of(path, [mark], f"SearchFacesByImage {path.name}"))
        if not right:
            self.failures.append(f"{path.name} shows {expected or 'a stranger'} and the answer was {label}")

    def _compare(self, album: Album) -> None:
        same = album.people[0]
        pairs = [(same.enrolled[0], same.unseen[0], True), (same.enrolled[0], album.stranger, False)]
        for source, target, is_mated in pairs:
            subject = f"{source.name} with {target.name}"
            answer = self._call(
                "compare_faces",
                subject,
                SourceImage={"Bytes": source.read_bytes()},
                TargetImage={"Bytes": target.read_bytes()},
                SimilarityThreshold=_THRESHOLD,
            )
            if answer is None:
                continue
            lines = [f"match  Similarity {m['Similarity']:.2f}" for m in answer["FaceMatches"]]
            lines += ["unmatched face"] * len(answer["UnmatchedFaces"])
            self._show("CompareFaces", subject, lines)
            if bool(answer["FaceMatches"]) is not is_mated:
                self.failures.append(f"CompareFaces of {subject} was {lines}")

    def _call(self, operation: str, subject: str, **parameters: Any) -> Any:
        """The answer; None for a refusal, which is shown and makes the demo fail but not stop."""
        try:
            return getattr(self.client, operation)(**parameters)
        except self.client.exceptions.ClientError as error:
            told = error.response["Error"]
            shown = "".join(word.capitalize() for word in operation.split("_"))
            self._show(shown, subject, [f"[red]{told['Code']}[/red]: {told['Message']}"])
            self.failures.append(f"{shown} of {subject}: {told['Code']}: {told['Message']}")
            return None

    def _detect_group(self, album: Album) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            group = Path(scratch) / "group.jpg"
            places = group_picture(album, group)
            faces = self.client.detect_faces(Image={"Bytes": group.read_bytes()})["FaceDetails"]
            marks = [Mark(face["BoundingBox"], f"{face['Confidence']:.1f}", "enrolled") for face in faces]
            self.photos.append(Photo.of(group, marks, f"DetectFaces: {len(faces)} faces"))
        lines = [
            f"face at ({face['BoundingBox']['Left']:.2f}, {face['BoundingBox']['Top']:.2f}), "
            f"confidence {face['Confidence']:.1f}, yaw {face['Pose']['Yaw']:+.0f}°, "
            f"sharpness {face['Quality']['Sharpness']:.0f}"
            for face in faces
        ]
        self._show("DetectFaces", f"group picture of {len(places)}", lines)
        for number, place in enumerate(places, start=1):
            if not any(_lies_in(face["BoundingBox"], place) for face in faces):
                self.failures.append(f"no face was found in photo {number} of the group picture")

    def _show(self, call: str, subject: str, answer: Sequence[str]) -> None:
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(width=19, style="cyan")
        table.add_column(width=36, overflow="fold")
        table.add_column(overflow="fold")
        for row, line in enumerate(answer or ["nothing"]):
            table.add_row(call if row == 0 else "", subject if row == 0 else "", line)
        self.console.print(table)


def _lies_in(box: Mapping[str, float], place: RatioBox) -> bool:
    x, y = box["Left"] + box["Width"] / 2, box["Top"] + box["Height"] / 2
    return place.left <= x <= place.left + place.width and place.top <= y <= place.top + place.height


def _external_image_id(name: str) -> str:
    """A person's name in the characters that ExternalImageId allows."""
    return re.sub(r"[^a-zA-Z0-9_.:-]", "_", name)
