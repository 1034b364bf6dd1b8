"""An independent test at work: a labelled data set sent sample by sample, and what the server says of it."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from countenance.cli.evaluate_work import write_files
from countenance.cli.independent_test_client import ImageRefused, ServerUnderTest
from countenance.errors import SetupError
from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.photos import PhotoAmiss, read_photo
from countenance.store.files import write_private
from countenance.vision.decode import decode

_STATE: Final = "test.json"
_MOST_BYTES: Final = 5 * 1024 * 1024
Report = Callable[[int, int, int], None]
"""Told how many samples are through, of how many, and how many of them have no template."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one photo: `ENROLLED`, or why not; empty for one that an earlier run sent."""

    number: int
    path: str
    verdict: str


class Run:
    """One data set and one test, kept in a folder so that a run that broke off is gone on with."""

    def __init__(self, client: ServerUnderTest, data: DataSet, out: Path) -> None:
        self._client = client
        self._data = data
        self._out = out
        self._subjects = {name: f"s{place:06d}" for place, name in enumerate(data.people, start=1)}

    def begin(self, **declared: Any) -> str:
        """The id of the test: that of the run that broke off, or a new one.

        Raises:
            SetupError: the folder is another data set's, or cannot be written.
        """
        state, digest = self._out / _STATE, _digest(self._data)
        if state.exists():
            kept = json.loads(state.read_text("utf-8"))
            if kept.get("data") != digest:
                raise SetupError(
                    f"`{self._out}` is of a test of another data set, or with other labels",
                    remedy="give another folder with --out",
                )
            return str(kept["test_id"])
        test_id = str(self._client.create(**declared)["TestId"])
        try:
            self._out.mkdir(parents=True, exist_ok=True)
            write_private(state, json.dumps({"test_id": test_id, "data": digest}).encode(), replace=False)
        except OSError as error:
            self._client.delete(test_id)
            raise SetupError(
                f"`{self._out}` cannot be written ({error.strerror})", remedy="give another with --out"
            ) from None
        return test_id

    def send(self, test_id: str, *, at_once: int, report: Report) -> list[Sent]:
        """Send what the test has not yet; what became of every photo, by number."""
        there = set(self._client.get(test_id)["SampleNumbers"])
        done = amiss = 0
        sent: list[Sent] = []
        with ThreadPoolExecutor(at_once) as hands:

            def one(numbered: tuple[int, Photo]) -> Sent:
                number, photo = numbered
                verdict = "" if number in there else self._send(test_id, number, photo)
                return Sent(number, photo.path, verdict)

            try:
                for each in hands.map(one, enumerate(self._data.photos, start=1)):
                    done += 1
                    amiss += each.verdict not in {"", "ENROLLED"}
                    sent.append(each)
                    report(done, len(self._data.photos), amiss)
            except BaseException:
                hands.shutdown(cancel_futures=True)
                raise
        return sent

    def write(self, evaluation: Mapping[str, Any], sent: list[Sent]) -> list[Path]:
        """The evaluation as the server gave it, with its report; and which number is which photo.

        Raises:
            SetupError: the folder cannot be written.
        """
        files, numbers = write_files(dict(evaluation), self._out), self._out / "samples.csv"
        subjects = {photo.path: self._subjects[photo.subject] for photo in self._data.photos}
        with _private_text(numbers) as text:
            table = csv.writer(text)
            table.writerow(["number", "path", "subject", "verdict"])
            table.writerows([each.number, each.path, subjects[each.path], each.verdict] for each in sent)
        return [*files, numbers]

    def write_scores(self, test_id: str) -> Path:
        """Every similarity of the test."""
        file = self._out / "scores.csv"
        with _private_text(file) as text:
            table = csv.writer(text)
            table.writerow(["first", "second", "similarity", "mated"])
            for score in self._client.scores(test_id):
                table.writerow(
                    [
                        score["First"],
                        score["Second"],
                        f"{score['Similarity']:.2f}",
                        int(score["Mated"]),
                    ]
                )
        return file

    def _send(self, test_id: str, number: int, photo: Photo) -> str:
        try:
            image = read_photo(self._data.root, photo.path)
            if len(image) > _MOST_BYTES:
                return "NOT_SENT: larger than 5 MB"
            members: dict[str, Any] = {"Subject": self._subjects[photo.subject], "Image": image}
            labels = {
                column: label
                for column, label in zip(self._data.cohort_columns, photo.labels, strict=True)
                if label.strip()
            }
            if labels:
                members["Cohorts"] = labels
            if photo.box is not None:
                height, width = decode(image).shape[:2]
                box = photo.box.to_ratio(image_width=width, image_height=height)
                members["BoundingBox"] = {
                    "Left": box.left,
                    "Top": box.top,
                    "Width": box.width,
                    "Height": box.height,
                }
            answer = self._client.add(test_id, Number=number, **members)
        except PhotoAmiss as error:
            return f"NOT_SENT: {error.reason.value}"
        except ImageRefused as error:
            return f"REFUSED: {error}"
        if answer is None:
            return ""
        return "ENROLLED" if answer["Enrolled"] else "NOT_ENROLLED: " + ", ".join(answer["Reasons"])


def _digest(data: DataSet) -> str:
    """Of all that is sent but the pictures themselves."""
    digest = hashlib.sha256()
    for photo in data.photos:
        box = "" if photo.box is None else repr(photo.box)
        digest.update(json.dumps([photo.path, photo.subject, box, *photo.labels]).encode() + b"\n")
    return digest.hexdigest()


@contextmanager
def _private_text(path: Path) -> Iterator[TextIO]:
    """A text file for nobody else to read: it names photos."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as text:
        os.fchmod(descriptor, 0o600)  # whoever had a file there
        yield text
