"""The work of `countenance coach`: photos looked at one after the other, and shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from countenance.cli.progress import photos_progress
from countenance.cli.tables import print_json
from countenance.errors import ServiceError
from countenance.policy.photo_demands import PhotoLevel, demands
from countenance.settings import Settings
from countenance.vision.attributes.analyst import Analyst
from countenance.vision.attributes.attribute_pack import AttributeStore
from countenance.vision.attributes.coach import Sign, signs_at, signs_of, signs_without_a_face
from countenance.vision.attributes.face_quality import MEASURES, SCALES, FaceMeasures, measure_faces
from countenance.vision.install import PackStore
from countenance.vision.pipeline import Vision
from countenance.vision.quality_filter import Level, reasons_against

_MOST_BYTES: Final = 64 * 2**20
"""A larger file is no photo that anybody enrols, and is not read."""
_PROBLEMS: Final = {
    "InvalidImageFormatException": "is no JPEG and no PNG, or a broken one: save it anew",
    "InvalidParameterException": "is under 80 px wide or high: use a larger photo",
    "ImageTooLargeException": "is over 10,000 px a side or 100 megapixels: save it smaller",
}
"""Code of what decoding refuses → what to say of the file."""
_FEW: Final = 3
"""Photos for which no progress is shown."""


@dataclass(frozen=True, slots=True)
class Coached:
    """What is told of a file.

    Attributes:
        problem: why it could not be looked at; "" where it was.
        faces: how many it shows.
        measures: of its largest face.
        signs: by the strictest level.
    """

    path: Path
    problem: str = ""
    faces: int = 0
    measures: FaceMeasures | None = None
    signs: tuple[Sign, ...] = ()

    def suits(self) -> list[str]:
        """The purposes that it is good enough for."""
        if self.problem:
            return []
        return [purpose for purpose, level in demands().items() if not signs_at(self.signs, level)]

    def passes(self, purpose: str | None) -> bool:
        suits = self.suits()
        return bool(suits) if purpose is None else purpose in suits


def run(photos: Sequence[Path], settings: Settings, *, purpose: str | None, as_json: bool) -> bool:
    """Whether all pass.

    Raises:
        SetupError: no model pack can be had, or one is damaged.
    """
    store = PackStore(settings.cache_dir, settings.models)
    vision = Vision(store.default_pack(settings.pack))
    analyst = Analyst(AttributeStore(settings.cache_dir, settings.models).at_hand())
    coached = list(_coached(photos, vision, analyst))  # behind the bar, which would be drawn over it
    if not as_json:
        for each in coached:
            _show(each, purpose)
    else:
        print_json([_members(each, purpose) for each in coached])
    return all(each.passes(purpose) for each in coached)


def _coached(photos: Sequence[Path], vision: Vision, analyst: Analyst) -> Iterator[Coached]:
    if len(photos) <= _FEW:
        yield from (coach_photo(photo, vision, analyst) for photo in photos)
        return
    amiss = 0
    with photos_progress() as told:
        for done, photo in enumerate(photos, 1):
            each = coach_photo(photo, vision, analyst)
            amiss += bool(each.problem)
            told.show(done, len(photos), amiss)
            yield each


def coach_photo(path: Path, vision: Vision, analyst: Analyst) -> Coached:
    """One file, whatever it is: what cannot be read, or is no photo, is told and raises nothing."""
    try:
        if not path.is_file():
            return Coached(path, "is no file" if path.exists() else "is not there")
        if path.stat().st_size > _MOST_BYTES:
            return Coached(path, f"is over {_MOST_BYTES // 2**20} MiB: save it smaller")
        pixels = vision.decode(path.read_bytes())
    except OSError as error:
        return Coached(path, f"cannot be read: {error.strerror or 'an error of the disk'}")
    except ServiceError as error:
        return Coached(path, _PROBLEMS.get(error.code, f"cannot be looked at: {error.message}"))
    detection = vision.detect(pixels)
    if not detection.faces:
        return Coached(path, signs=signs_without_a_face())
    face = detection.faces[0]
    (measures,) = measure_faces(pixels, [face], analyst)

    def reasons(level: Level) -> Sequence[str]:
        width, height = detection.image_width, detection.image_height
        return reasons_against(face, image_width=width, image_height=height, level=level)

    faces = len(detection.faces)
    return Coached(path, "", faces, measures, signs_of(measures, reasons=reasons, faces=faces))


def _level(purpose: str | None) -> PhotoLevel:
    return "HIGH" if purpose is None else demands()[purpose]


def _show(each: Coached, purpose: str | None) -> None:
    passes = each.passes(purpose)
    name = click.format_filename(each.path)
    click.secho(f"{name}: {'pass' if passes else 'fail'}", fg="green" if passes else "red")
    if each.problem:
        click.echo(f"  {each.problem}")
        return
    for sign in signs_at(each.signs, _level(purpose)):
        click.echo(f"  {sign.level:6} {sign.sentence}")
    click.echo(f"  good enough for: {', '.join(each.suits()) or 'no purpose'}")
    if each.measures is not None:
        told = (f"{name.lower()} {value:.3g}" for name, value in each.measures.values.items())
        click.echo(f"  measured: {', '.join(told)}")
        if each.measures.missing:
            click.echo(f"  not measured: {', '.join(each.measures.missing).lower()}")


def _members(each: Coached, purpose: str | None) -> dict[str, Any]:
    measures = each.measures
    return {
        "path": click.format_filename(each.path),
        "passes": each.passes(purpose),
        "problem": each.problem or None,
        "faces": each.faces,
        "signs": [_sign(sign) for sign in signs_at(each.signs, _level(purpose))],
        "suitable_purposes": each.suits(),
        "measures": {}
        if measures is None
        else {
            name.lower(): {"value": value, "unit": SCALES[name].unit, "better": SCALES[name].better}
            for name, value in measures.values.items()
        },
        "missing_measures": [name.lower() for name in (MEASURES if measures is None else measures.missing)],
    }


def _sign(sign: Sign) -> dict[str, Any]:
    return {
        "code": sign.code,
        "sentence": sign.sentence,
        "level": sign.level,
        "measured": sign.measured,
        "wanted": sign.wanted,
        "unit": sign.unit or None,
    }
