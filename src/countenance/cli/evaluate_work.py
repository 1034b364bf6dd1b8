"""`countenance evaluate` at work: data set, templates, figures, files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

import click

from countenance.cli.evaluate_options import Asked
from countenance.cli.evaluate_shown import print_evaluation
from countenance.cli.labelled_photos import load_photos, look_at, read_files, without_label_errors
from countenance.cli.progress import install_progress
from countenance.cli.tables import print_json
from countenance.errors import SetupError
from countenance.evaluation.protocol import Protocol
from countenance.measuring.board import write_board
from countenance.measuring.calibration_in_use import (
    CalibrationInUse,
    calibration_of_pack,
    load_calibration,
)
from countenance.measuring.comparing import compare
from countenance.measuring.data_sets import DataSet
from countenance.measuring.embedding import Embedded, FaceChoice
from countenance.measuring.evaluating import Material, evaluation_of
from countenance.measuring.pairs_files import load_pairs
from countenance.measuring.report_csv import write_tables
from countenance.measuring.report_html import write_report
from countenance.measuring.worst_pairs import WHO_MAY_SEE_IT, write_worst_pairs
from countenance.settings import Settings
from countenance.vision.install import PackStore
from countenance.vision.packs import InstalledPack

_ROOM_BYTES: Final = 2**20
"""What an evaluation and its reports take, about."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """A pack with its samples and its evaluation."""

    pack: InstalledPack
    calibration: CalibrationInUse
    embedded: Embedded
    evaluation: dict[str, Any]


def run(asked: Asked, settings: Settings, *, threads: int | None, as_json: bool) -> None:
    """One evaluation, or two compared.

    Raises:
        SetupError: the data set or the set-up is wrong, or there is nothing to evaluate.
    """
    _require_places(asked)
    data = load_data_set(asked)
    data, errors = without_label_errors(data, asked.label_errors)
    _require_pad_scores(asked, data)
    packs = [(pack, _calibration(asked, pack)) for pack in _packs(asked.packs, settings)]
    workers = threads or os.cpu_count() or 1
    material = read_files(data, errors, threads=workers)
    protocol = Protocol(
        face=_choice(asked, data),
        seed=asked.seed,
        replicates=asked.replicates,
        galleries=asked.galleries,
    )
    measured = [
        _measure(pack, material, protocol, asked, settings, calibration=calibration, threads=workers)
        for pack, calibration in packs
    ]
    evaluation = measured[0].evaluation
    if len(measured) == 2:
        choice = FaceChoice(protocol.face)
        first, second = (each.embedded.samples[choice] for each in measured)
        evaluation["comparison"] = compare(
            first, second, material, protocol=protocol, other=measured[1].evaluation
        )
    _write(asked, evaluation, as_json=as_json)
    if asked.worst_pairs is not None:
        _write_worst_pairs(asked.worst_pairs, material, measured[0], protocol)


def _require_places(asked: Asked) -> None:
    """That what is measured can be written when it is, which may be hours later.

    Raises:
        SetupError: the folder of --out cannot be written into, or the file of --worst-pairs is there.
    """
    if asked.worst_pairs is not None and os.path.lexists(asked.worst_pairs):
        raise SetupError(f"`{asked.worst_pairs}` is there already", remedy="give --worst-pairs another name")
    if asked.out is None:
        return
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=asked.out) as probe:
            probe.write(b"\0" * _ROOM_BYTES)
            probe.flush()
    except OSError as error:
        raise _cannot_write(asked.out, error) from None


def load_data_set(asked: Asked) -> DataSet:
    """As it was given: a list of pairs, a table, or a folder."""
    if asked.pairs is not None:
        return load_pairs(asked.pairs, asked.dataset)
    return load_photos(asked.dataset, cohorts=asked.cohorts, labels_by=asked.labels_by)


def _choice(asked: Asked, data: DataSet) -> str:
    if asked.face == FaceChoice.LABELLED and not data.has_boxes:
        raise SetupError(
            "no photo of the data set has a labelled face",
            remedy="give a table with a column `box`, or another --face",
        )
    return asked.face or (FaceChoice.LABELLED if data.has_boxes else FaceChoice.LARGEST).value


def _require_pad_scores(asked: Asked, data: DataSet) -> None:
    """That scores of attack detection and their threshold are both given, or none."""
    if data.has_pad_scores and asked.pad_threshold is None and not asked.is_compared:
        raise SetupError(
            "the data set has a column `pad_score`, and no threshold is given",
            remedy="give --pad-threshold: from which score on a presentation is taken for bona fide",
        )
    if asked.pad_threshold is not None and not data.has_pad_scores:
        raise SetupError(
            "--pad-threshold is given, and the data set has no column `pad_score`",
            remedy="give a table with the scores of your attack detector: Countenance ships none",
        )


def _calibration(asked: Asked, pack: InstalledPack) -> CalibrationInUse:
    if asked.calibration is None:
        return calibration_of_pack(pack.manifest)
    return load_calibration(asked.calibration, pack.manifest)


def _packs(names: Sequence[str], settings: Settings) -> list[InstalledPack]:
    store = PackStore(settings.cache_dir, settings.models)
    with install_progress() as progress:
        if names:
            return [store.install(name, progress=progress) for name in names]
        return [store.default_pack(settings.pack, progress=progress)]


def _measure(
    pack: InstalledPack,
    material: Material,
    protocol: Protocol,
    asked: Asked,
    settings: Settings,
    *,
    calibration: CalibrationInUse,
    threads: int,
) -> _Measured:
    embedded = look_at(
        pack,
        material,
        settings,
        face=FaceChoice(protocol.face),
        threads=threads,
        keeps_templates=not asked.no_cache,
    )
    evaluation = evaluation_of(
        pack.manifest,
        material,
        embedded,
        protocol=protocol,
        made_at=datetime.now(UTC),
        calibration=calibration,
        pad_threshold=asked.pad_threshold,
    )
    return _Measured(pack, calibration, embedded, evaluation)


def _write(asked: Asked, evaluation: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(evaluation)
    else:
        print_evaluation(evaluation)
    if asked.out is None:
        return
    files = write_files(evaluation, asked.out)
    if not as_json:
        click.echo(f"written to {asked.out}: {', '.join(file.name for file in files)}", err=True)


def write_files(evaluation: dict[str, Any], directory: Path) -> list[Path]:
    """The evaluation, canonical, so that its digest is that of the file; pages, and tables.

    Raises:
        SetupError: the folder cannot be written.
    """
    try:
        tables = write_tables(evaluation, directory)
        return [*tables, write_report(evaluation, directory), write_board(evaluation, directory)]
    except OSError as error:
        raise _cannot_write(directory, error) from None


def _cannot_write(directory: Path, error: OSError) -> SetupError:
    return SetupError(
        f"`{directory}` cannot be written ({error.strerror})",
        remedy="give --out a folder that you may write to, with space",
    )


def _write_worst_pairs(file: Path, material: Material, measured: _Measured, protocol: Protocol) -> None:
    write_worst_pairs(
        file,
        material.data,
        measured.embedded.samples[FaceChoice(protocol.face)],
        calibration=measured.calibration.calibration,
        doubles=material.doubles,
    )
    click.echo(f"worst pairs are in {file}. {WHO_MAY_SEE_IT}", err=True)
