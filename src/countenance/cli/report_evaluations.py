"""Evaluations on record, for the rates of a transparency report, and for whoever checks these."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from countenance.assurance.evaluations import Evaluations
from countenance.cli.installation import open_store
from countenance.cli.tables import to_words
from countenance.errors import InvalidEvaluation, SetupError
from countenance.measuring.evaluation_file import canonical_evaluation, evaluation_digest, parse_evaluation
from countenance.settings import Settings
from countenance.store.files import write_whole


def read_recorded(settings: Settings, digests: Collection[str]) -> list[dict[str, Any]]:
    """Those of these digests that are on record, each once; of another's making some cannot be read."""
    evaluations, found = Evaluations(), dict[str, dict[str, Any]]()
    with open_store(settings) as (database, _), database.read() as connection:
        for each in evaluations.on_record(connection):
            if each.digest not in digests or each.digest in found:
                continue
            _, document, _ = evaluations.require(connection, each.evaluation_id)
            try:
                found[each.digest] = parse_evaluation(document.encode())
            except InvalidEvaluation as error:
                what = f"rates of the evaluation {each.evaluation_id} are not told: {error}"
                click.secho(to_words(what), fg="yellow", err=True)
    return list(found.values())


def hand_out(documents: Sequence[Mapping[str, Any]], out: Path) -> None:
    """What whoever checks the report's rates needs, each under the digest that the report names."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for document in map(dict, documents):
            write_whole(
                out / f"evaluation-{evaluation_digest(document)}.json", canonical_evaluation(document)
            )
    except OSError as error:
        raise SetupError(f"`{out}` cannot be written: {error.strerror}", remedy="choose another") from error
