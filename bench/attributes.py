"""What attributes are worth: fits on labelled photos, checks on people that were not fitted on, speed.

python bench/run.py attributes [--write-fits] [--write-docs]

Labels are one person's (bench/attribute_labels.toml). Each photo is of another person, so that leaving out a
fifth of the photos leaves out a fifth of the people. Covers, of which the labels have three, are drawn on the
photos, and so is a part of the shut eyes.

Over 350 lines because labels, fits, their checks and the table of them are one bench.
"""

from __future__ import annotations

import math
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from countenance.evaluation.intervals import wilson
from countenance.settings import Settings
from countenance.types import Face, Pixels
from countenance.vision.attributes import fitted
from countenance.vision.attributes.age_gender import AgeGender
from countenance.vision.attributes.analyst import Analyst
from countenance.vision.attributes.attribute_pack import AttributeStore
from countenance.vision.attributes.certainty import Fit
from countenance.vision.attributes.covers import CoverNet, SunglassesNet
from countenance.vision.attributes.description import ATTRIBUTES
from countenance.vision.attributes.expressions import Blendshapes
from countenance.vision.attributes.face_mesh import Mesh
from countenance.vision.attributes.gaze import mouth_gap
from countenance.vision.attributes.mesh_pose import estimate_mesh_pose
from countenance.vision.attributes.patches import Patches, measure_patches
from countenance.vision.install import PackStore
from countenance.vision.landmarker import Landmarker
from countenance.vision.pipeline import Vision

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))  # what is drawn there is measured here
from drawn_faces import with_closed_eyes, with_mask, with_sunglasses
from photographs import DEFAULT_PHOTOS, REPOSITORY, load_data_set, one_photo_of_each
from tables import print_table

LABELS = Path(__file__).with_name("attribute_labels.toml")
FITTED = REPOSITORY / "src" / "countenance" / "vision" / "attributes" / "fitted.py"
FOLDS = 5
POINTS_OF_FIVE = [468, 473, 1, 61, 291]
"""The mesh's points for eyes, nose and mouth corners."""


@dataclass(frozen=True)
class Rule:
    """What is fitted.

    Attributes:
        letter: of the labels; empty where the truth is whether it was drawn.
        most: the largest probability that is answered: of heuristics, what is claimed at most.
        eager: what is rare counts for more, by the root of how rare it is: a heuristic for beards that minds
            only to be right says that nobody has one.
        drawn_every: what is drawn on each so-manieth photo counts as well, where the labels have too few.
    """

    letter: str
    measures: tuple[str, ...]
    most: float
    eager: bool = False
    drawn_every: int = 0


RULES = {
    "FEMALE": Rule("F", ("female",), 0.99),
    "SMILE": Rule("s", ("smile",), 0.99),
    "EYES_SHUT": Rule("c", ("blink", "iris_dark", "open_rows"), 0.99, drawn_every=8),
    "MOUTH_OPEN": Rule("o", ("gap",), 0.99),
    "EYEGLASSES": Rule("g", ("bridge", "side"), 0.9, eager=True),
    "MUSTACHE": Rule("m", ("lip_dark", "lip_pale", "lip_over_chin"), 0.9, eager=True),
    "BEARD": Rule("b", ("chin_dark", "chin_pale"), 0.9, eager=True),
    "SUNGLASSES": Rule("d", ("sunglasses", "eyes_dark"), 0.99),
    "COVER": Rule("", ("cover",), 0.99),
}


class Nets:
    """The networks that measures come from, each by itself."""

    def __init__(self) -> None:
        models = REPOSITORY.parent / "shared" / "models"
        cache = Settings.from_env().cache_dir
        folder = models if models.is_dir() else None
        self.pack = PackStore(cache, folder).default_pack()
        self.installed = AttributeStore(cache, folder).at_hand()
        if self.installed.missing:
            raise SystemExit(
                "the attribute pack is not whole: countenance models install attributes --models DIR"
            )
        self.vision = Vision(self.pack)
        self.analyst = Analyst(self.installed)
        self.blendshapes = Blendshapes(self.installed.read("blendshapes"))
        self.age_gender = AgeGender(self.installed.read("age-gender"), fitted.FEMALE)
        self.sunglasses = SunglassesNet(self.installed.read("sunglasses"))
        self.cover = CoverNet(self.installed.read("cover"))

    def look(self, pixels: Pixels) -> tuple[Face, Mesh] | None:
        """The face nearest to the middle of the photo: it is the one with the label."""
        height, width = pixels.shape[:2]
        faces = self.vision.detect(pixels).faces
        if not faces:
            return None
        face = min(
            faces,
            key=lambda each: math.hypot(
                each.box.left + each.box.width / 2 - width / 2,
                each.box.top + each.box.height / 2 - height / 2,
            ),
        )
        (mesh,) = self.analyst.meshes(pixels, [face])
        return None if mesh is None else (face, mesh)

    def measure(self, pixels: Pixels, mesh: Mesh) -> dict[str, float]:
        muscles, patches = self.blendshapes.read(mesh), measure_patches(pixels, mesh)
        found = {
            "female": self.age_gender.measure(pixels, mesh)[1],
            "smile": muscles.smile,
            "blink": muscles.blink,
            "gap": mouth_gap(mesh),
            "sunglasses": self.sunglasses.measure(pixels, mesh),
            "cover": self.cover.measure(pixels, mesh),
        }
        names = [field.name for field in fields(Patches)]
        return found | {name: getattr(patches, name) for name in names}


def run(photos: Path = DEFAULT_PHOTOS, *, write_fits: bool = False) -> dict[str, Any]:
    data = load_data_set(photos)
    nets = Nets()
    labels: dict[str, str] = tomllib.loads(LABELS.read_text("utf-8")).get(data.name, {})
    by_digest = {
        digest.hex()[:16]: data.root / file
        for digest, file in zip(data.digests, data.files, strict=True)
        if digest is not None
    }
    rows, drawn = [], []
    for digest, words in labels.items():
        pixels = nets.vision.decode(by_digest[digest].read_bytes())
        found = nets.look(pixels)
        if found is None:
            continue
        measured = nets.measure(pixels, found[1])
        rows.append((measured, set(words.split())))
        if not {"d", "?d", "x", "?x", "c", "?c"} & set(words.split()):
            drawn.append(
                (measured, {name: _of_drawn(nets, pixels, found[1], draw) for name, draw in DRAWN.items()})
            )
    fits, checked = {}, []
    for name, rule in RULES.items():
        values, truth = _trials(name, rule, rows, drawn)
        fits[name] = fit(values, truth, rule)
        checked.append({"name": name} | check(values, truth, rule))
        if name in DRAWN and rule.letter:
            checked.append({"name": f"{name}, drawn"} | _check_drawn(name, rule, fits[name], drawn))
    if write_fits:
        FITTED.write_text(fitted_source(fits), "utf-8")
    result = {
        "measured_at": datetime.now(UTC).isoformat(),
        "photos": len(rows),
        "checked": checked,
        "landmarks": landmark_errors(nets, one_photo_of_each(data, people=600)),
        "turning": turning(nets, one_photo_of_each(data, people=100, seed=8)),
        "speed": speed(nets, one_photo_of_each(data, people=40, seed=9)),
    }
    print_table("attributes: people not fitted on", *check_table(result))
    print_table("geometry and speed", *geometry_table(result))
    return result


DRAWN = {"SUNGLASSES": with_sunglasses, "COVER": with_mask, "EYES_SHUT": with_closed_eyes}


def _of_drawn(
    nets: Nets, pixels: Pixels, mesh: Mesh, draw: Callable[[Pixels, Mesh], Pixels]
) -> dict[str, float] | None:
    picture = draw(pixels, mesh)
    found = nets.look(picture)
    if found is None:
        return None
    return nets.measure(picture, found[1])


def _check_drawn(name: str, rule: Rule, found: Fit, drawn: list[Any]) -> dict[str, Any]:
    """What was drawn, by a fit on what is real."""
    values, truth = _trials(name, Rule("", rule.measures, rule.most), [], drawn)
    return _judged(np.array([found.probability(*row) for row in values]), truth)


def _trials(
    name: str, rule: Rule, rows: list[Any], drawn: list[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(N, measures) and whether it is so."""
    if rule.letter:
        kept = [
            ([measured[each] for each in rule.measures], rule.letter in words)
            for measured, words in rows
            if f"?{rule.letter}" not in words
        ]
        if rule.drawn_every:
            kept += [
                ([pictures[name][each] for each in rule.measures], True)
                for _, pictures in drawn[:: rule.drawn_every]
                if pictures[name] is not None
            ]
    else:
        plain = [([measured[each] for each in rule.measures], False) for measured, _ in drawn]
        painted = [
            ([pictures[name][each] for each in rule.measures], True)
            for _, pictures in drawn
            if pictures[name] is not None
        ]
        kept = plain + painted
    return np.array([row for row, _ in kept]), np.array([truth for _, truth in kept])


def fit(values: NDArray[np.float64], truth: NDArray[np.bool_], rule: Rule) -> Fit:
    """A logistic regression on standardised measures, slightly held back, in the measures' own units."""
    centre, spread = values.mean(axis=0), values.std(axis=0) + 1e-9
    more = math.sqrt((~truth).sum() / truth.sum()) if rule.eager else 1.0
    found = LogisticRegression(C=1.0, class_weight={True: more, False: 1.0}).fit(
        (values - centre) / spread, truth
    )
    weights = found.coef_[0] / spread
    return Fit(
        float(found.intercept_[0] - weights @ centre), tuple(float(each) for each in weights), rule.most
    )


def check(values: NDArray[np.float64], truth: NDArray[np.bool_], rule: Rule) -> dict[str, Any]:
    """Each fifth by what was fitted on the other four; the fifths have the same share of positives."""
    order = np.concatenate([np.flatnonzero(truth), np.flatnonzero(~truth)])
    odds = np.empty(len(truth))
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        rest = np.setdiff1d(np.arange(len(truth)), held)
        found = fit(values[rest], truth[rest], rule)
        odds[held] = [found.probability(*row) for row in values[held]]
    return _judged(odds, truth)


def _judged(odds: NDArray[np.float64], truth: NDArray[np.bool_]) -> dict[str, Any]:
    answers, confidence = odds >= 0.5, np.maximum(odds, 1 - odds)
    right = answers == truth
    return {
        "positives": int(truth.sum()),
        "negatives": int((~truth).sum()),
        "right": float(right.mean()),
        "interval": _bounds_of(float(right.mean()), len(right)),
        "found": float(answers[truth].mean()),
        "falsely_found": float(answers[~truth].mean()),
        "stated": float(confidence.mean()),
        "sure": int((confidence >= 0.9).sum()),
        "right_of_sure": float(right[confidence >= 0.9].mean()) if (confidence >= 0.9).any() else None,
    }


def _bounds_of(share: float, trials: int) -> tuple[float, float]:
    interval = wilson(share, trials)
    return interval.low, interval.high


def landmark_errors(nets: Nets, photos: Sequence[Path]) -> dict[str, Any]:
    """The mesh's five points against the detector's, and against those that templates are made with."""
    spec = nets.pack.manifest.landmarker
    second = None if spec is None else Landmarker(nets.pack.path_of(spec.artifact), spec)
    against: dict[str, list[float]] = {"detector": [], "templates": []}
    for photo in photos:
        pixels = nets.vision.decode(photo.read_bytes())
        if (found := nets.look(pixels)) is None:
            continue
        face, mesh = found
        seen = mesh.points[POINTS_OF_FIVE, :2]
        eyes = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
        against["detector"].append(float(np.linalg.norm(seen - face.landmarks, axis=1).mean()) / eyes)
        if second is not None:
            better = second.improved(pixels, face.landmarks)
            against["templates"].append(float(np.linalg.norm(seen - better, axis=1).mean()) / eyes)
    return {
        name: {"faces": len(errors), "mean": float(np.mean(errors)), "median": float(np.median(errors))}
        for name, errors in against.items()
        if errors
    }


def turning(nets: Nets, photos: Sequence[Path]) -> dict[str, Any]:
    """What a photo that is turned by 15 degrees, and its mirror image, do to the pose."""
    rolls, mirrored = [], []
    for photo in photos:
        pixels = nets.vision.decode(photo.read_bytes())
        height, width = pixels.shape[:2]
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -15, 1)
        pictures = [
            pixels,
            cv2.warpAffine(pixels, turn, (width, height)),
            np.ascontiguousarray(pixels[:, ::-1]),
        ]
        looks = [nets.look(picture) for picture in pictures]
        if any(look is None for look in looks):
            continue
        plain, turned, mirror = (estimate_mesh_pose(look[1].points) for look in looks if look is not None)
        rolls.append(turned.roll_deg - plain.roll_deg)
        mirrored.append((plain.yaw_deg + mirror.yaw_deg, plain.roll_deg + mirror.roll_deg))
    yaws, turns = np.abs(np.array(mirrored)).T
    return {
        "faces": len(rolls),
        "roll": float(np.mean(rolls)),
        "within": float(np.mean(np.abs(np.array(rolls) - 15) <= 3)),
        "mirrored_yaw": float(yaws.mean()),
        "mirrored_roll": float(turns.mean()),
    }


def speed(nets: Nets, photos: Sequence[Path]) -> dict[str, Any]:
    """Milliseconds a face on one thread beside detection, which every call has; medians."""
    seen = []
    for photo in photos:
        pixels = nets.vision.decode(photo.read_bytes())
        if (found := nets.look(pixels)) is not None:
            seen.append((pixels, found[0]))
    asked = {"everything": ATTRIBUTES, "default": frozenset()}
    times: dict[str, list[float]] = {}
    for _ in range(3):
        for name, wanted in asked.items():
            for pixels, face in seen:
                begun = time.perf_counter()
                nets.analyst.describe(pixels, [face], wanted, landmarks=name == "everything")
                times.setdefault(name, []).append(1e3 * (time.perf_counter() - begun))
    return {name: float(np.median(found)) for name, found in times.items()}


def fitted_source(fits: dict[str, Fit]) -> str:
    """The module that holds the fits."""
    text = FITTED.read_text("utf-8")
    head = text[: text.index("FEMALE: Final")]
    rows = []
    for name, found in fits.items():
        weights = ", ".join(f"{weight:.4g}" for weight in found.weights)
        comma = "," if len(found.weights) == 1 else ""
        rows.append(
            f"{name}: Final = Fit(offset={found.offset:.4g}, weights=({weights}{comma}), most={found.most})"
        )
    rest = text[text.index("OUTSIDE: Final") :]
    return head + "\n".join(rows) + "\n" + rest


def check_table(result: dict[str, Any]) -> tuple[Sequence[str], list[Sequence[str]]]:
    columns = (
        "attribute",
        "with / without",
        "right",
        "95 %",
        "found",
        "falsely",
        "stated",
        "right where >= 90",
    )
    rows = [
        (
            row["name"],
            f"{row['positives']} / {row['negatives']}",
            f"{row['right']:.1%}",
            f"{row['interval'][0]:.1%} - {row['interval'][1]:.1%}",
            f"{row['found']:.0%}",
            f"{row['falsely_found']:.1%}",
            f"{row['stated']:.1%}",
            "none" if row["right_of_sure"] is None else f"{row['right_of_sure']:.1%} of {row['sure']}",
        )
        for row in result["checked"]
    ]
    return columns, rows


def geometry_table(result: dict[str, Any]) -> tuple[Sequence[str], list[Sequence[str]]]:
    landmarks, turned, speeds = result["landmarks"], result["turning"], result["speed"]
    rows = [
        (
            f"five points of the mesh against the {what}, of the distance of the eyes",
            f"{found['mean']:.1%} (median {found['median']:.1%}, {found['faces']} faces)",
            "< 6 %",
        )
        for what, found in (
            ("detector's", landmarks["detector"]),
            *(
                (("pack's, which templates are made with", landmarks["templates"]),)
                if "templates" in landmarks
                else ()
            ),
        )
    ]
    rows += [
        ("roll of a photo turned by 15 degrees", f"{turned['roll']:.1f} degrees", "15"),
        ("of these within 3 degrees", f"{turned['within']:.0%} of {turned['faces']}", "all"),
        ("mirror image: yaw is off by", f"{turned['mirrored_yaw']:.1f} degrees", ""),
        ("mirror image: roll is off by", f"{turned['mirrored_roll']:.1f} degrees", ""),
        ("everything, a face on one thread", f"{speeds['everything']:.1f} ms", "<= 45 ms"),
        ("nothing beside the default members", f"{speeds['default']:.3f} ms", "<= 2 ms"),
    ]
    return ("figure", "measured", "target"), rows
