"""What `countenance evaluate` is asked: its options, and whether they go together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
_LONGEST_TEXT = 500
_MOST_COHORTS = 20
_NO_COHORTS = frozenset({"subject", "path", "box", "attack", "species", "pad_score"})
_MOST_GALLERIES = 40
_MOST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One run.

    Attributes:
        dataset: a folder, or a table.
        pairs: a list of pairs of photos in the folder.
        packs: one, or two to compare; empty: the default one.
        face: the choice of the face; None: the labelled one where the table has boxes, else the largest.
        galleries: sizes; empty: as the people allow.
        calibration: an operator's; None: the pack's own.
        pad_threshold: of the column `pad_score`, inclusive.
    """

    dataset: Path
    pairs: Path | None
    cohorts: tuple[str, ...]
    labels_by: str
    label_errors: Path | None
    packs: tuple[str, ...]
    face: str | None
    galleries: tuple[int, ...]
    seed: int
    replicates: int
    out: Path | None
    worst_pairs: Path | None
    no_cache: bool
    calibration: Path | None
    pad_threshold: float | None

    @property
    def is_compared(self) -> bool:
        return len(self.packs) == 2

    @classmethod
    def from_options(cls, dataset: Path, given: Mapping[str, Any]) -> Self:
        """The options as click has them.

        Raises:
            click.UsageError: two of them exclude one another, or one needs another.
        """
        cohorts, labels_by = tuple(given["cohort"]), (given["labels_by"] or "").strip()
        if cohorts and not labels_by:
            raise click.UsageError(
                "--cohort needs --labels-by: say who assigned the labels, for example "
                '--labels-by "the people themselves". Nothing here infers them from faces.'
            )
        if len(labels_by) > _LONGEST_TEXT or not labels_by.isprintable():
            raise click.UsageError(
                f"--labels-by has over {_LONGEST_TEXT} characters, or some that cannot be seen."
            )
        if labels_by and not cohorts:
            raise click.UsageError("--labels-by says whose the labels of --cohort are: give --cohort.")
        if len(set(cohorts)) != len(cohorts) or len(cohorts) > _MOST_COHORTS:
            raise click.UsageError(f"--cohort names a column twice, or more than {_MOST_COHORTS}.")
        if taken := sorted(_NO_COHORTS.intersection(cohorts)):
            # INVARIANT: labels of groups stand in the report, and nobody is named there.
            raise click.UsageError(
                f"--cohort {taken[0]}: this column says whom or what a photo shows, no group."
            )
        if len(set(given["gallery"])) > _MOST_GALLERIES:
            raise click.UsageError(f"--gallery names more than {_MOST_GALLERIES} sizes.")
        if given["pairs"] and cohorts:
            raise click.UsageError("--pairs and --cohort exclude one another: groups need all comparisons.")
        if given["pack"] and given["compare"]:
            raise click.UsageError("--pack and --compare exclude one another: --compare names both packs.")
        if given["compare"] and given["compare"][0] == given["compare"][1]:
            raise click.UsageError("--compare takes two different packs.")
        _require_one_pack(given)
        return cls(
            dataset=dataset,
            pairs=given["pairs"],
            cohorts=cohorts,
            labels_by=labels_by,
            label_errors=given["label_errors"],
            packs=tuple(given["compare"] or ([given["pack"]] if given["pack"] else [])),
            face=given["face"],
            galleries=tuple(sorted(set(given["gallery"]))),
            seed=given["seed"],
            replicates=given["replicates"],
            out=given["out"],
            worst_pairs=given["worst_pairs"],
            no_cache=given["no_cache"],
            calibration=given["calibration"],
            pad_threshold=given["pad_threshold"],
        )


def _require_one_pack(given: Mapping[str, Any]) -> None:
    threshold = given["pad_threshold"]
    if threshold is not None and not math.isfinite(threshold):  # click takes nan for in range
        raise click.UsageError("--pad-threshold takes a number.")
    if given["compare"] and given["calibration"]:
        raise click.UsageError("--compare and --calibration exclude one another: it is of one pack.")
    if given["compare"] and threshold is not None:
        raise click.UsageError(
            "--compare and --pad-threshold exclude one another: attack detection is of no pack."
        )


def data_set_options(command: _Command) -> _Command:
    """What is measured on."""
    file = click.Path(path_type=Path, dir_okay=False)
    for option in reversed(
        [
            click.option(
                "--pairs",
                type=file,
                help="a list of pairs as Labeled Faces in the Wild has it; its folds are used",
            ),
            click.option(
                "--cohort",
                multiple=True,
                metavar="COLUMN",
                help="rates for each group of this column; may be repeated",
            ),
            click.option(
                "--labels-by",
                metavar="WHO",
                help="who assigned the labels of the cohorts; stands in the report",
            ),
            click.option(
                "--label-errors",
                type=file,
                help="a TOML file of labels known to be wrong: reported, and left out",
            ),
        ]
    ):
        command = option(command)
    return command


def protocol_options(command: _Command) -> _Command:
    """How it is measured."""
    for option in reversed(
        [
            click.option(
                "--face",
                type=click.Choice(["largest", "middle", "labelled"]),
                help="which face of a photo is meant: the largest, which is what the service takes; the one "
                "over the middle; the one where `box` is, which is the default where a table has boxes",
            ),
            click.option(
                "--gallery",
                type=click.IntRange(1),
                multiple=True,
                metavar="N",
                help="people enrolled in searches, may be repeated; by default 100, 1,000, … up to half of "
                "the people",
            ),
            click.option(
                "--seed",
                type=click.IntRange(0, _MOST_SEED),
                default=1,
                show_default=True,
                help="of everything that is drawn",
            ),
            click.option(
                "--replicates",
                type=click.IntRange(100, 100_000),
                default=1000,
                show_default=True,
                help="draws of people behind intervals",
            ),
            click.option(
                "--pad-threshold",
                type=click.FloatRange(-1e6, 1e6),
                metavar="SCORE",
                help="evaluate attack detection by the column `pad_score`: at or above this score your "
                "detector takes a presentation for bona fide",
            ),
            click.option(
                "--calibration",
                type=click.Path(path_type=Path, dir_okay=False),
                help="a file of `countenance calibrate` to evaluate instead of the pack's own calibration: "
                "the one in force on your server, if you put one in force",
            ),
        ]
    ):
        command = option(command)
    return command
