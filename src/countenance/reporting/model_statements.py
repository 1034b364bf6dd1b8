"""Statements about models: which there are, what a similarity of theirs means, how often they err."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from countenance.errors import InvalidEvaluation
from countenance.measuring.evaluation_file import check_evaluation, evaluation_digest
from countenance.reporting.house import House
from countenance.reporting.paper import Fact
from countenance.reporting.statements import moment
from countenance.similarity import similarity_at_fmr


def models(house: House) -> Iterator[Fact]:
    """Which models there are, and what is measured of them."""
    for pack in house.models:
        source = f"manifest of the model pack `{pack.name}`"
        yield Fact(
            f"Model pack {pack.name} (FaceModelVersion {pack.face_model_version}): "
            f"{pack.description.rstrip('. ')}. Licence of the weights: {pack.licence}. Use: {pack.use}.",
            source,
        )
        yield Fact(
            f"Its similarities were calibrated on {pack.measured_on}, {pack.calibration.trials:,} "
            f"comparisons: from similarity {similarity_at_fmr(1e-4):g} on the false match rate a comparison "
            f"is 1e-4 at most, from {similarity_at_fmr(1e-6):g} on 1e-6.",
            source,
        )
    for choice in house.calibrations:
        if choice.version is not None:
            yield Fact(
                f"A calibration of the operator's own is in use, version {choice.version}, since "
                f"{moment(choice.at)}, by {choice.by}: {choice.reason}",
                f"table `calibration`, digest {choice.digest}",
            )
    if not house.models:
        yield Fact("No model pack is installed here.", "folder `cache_dir`")


def rates(house: House) -> Iterator[Fact]:
    """Error rates of evaluations on record: of the operator's data, and of nothing else."""
    for each in house.evaluations:
        record, document = each.record, each.document
        source = f"evaluation {record.digest} on record"
        by = "somebody else than the operator" if record.independent else "the operator"
        if not _is_readable(document):
            yield Fact(
                f"Evaluation of {record.pack_name}, signed by {record.evaluator}, {by}: {each.status}. It is "
                "in a form whose figures this version does not read.",
                source,
            )
            continue
        yield Fact(
            f"Evaluation of {record.pack_name} on {document['data']['name']} "
            f"({document['data']['subjects']:,} people), signed by {record.evaluator}, {by}: {each.status}.",
            source,
        )
        yield from _measured(document, source)
    for document in house.given:
        source = (
            f"a file given to this draft, SHA-256 of its canonical form {evaluation_digest(dict(document))}"
        )
        pack = f"{document['pack']['name']}, digest {document['pack']['digest']}"
        is_here = any(each.digest == document["pack"]["digest"] for each in house.models)
        yield Fact(
            f"Evaluation of the model pack {pack}, on {document['data']['name']} "
            f"({document['data']['subjects']:,} people); a pack of this digest is "
            f"{'' if is_here else 'not '}installed here. Nobody's signature was asked for.",
            source,
        )
        yield from _measured(document, source)
    if not house.evaluations:
        yield Fact(
            "No evaluation of any model is on record here: of the operator's own people and cameras no "
            "error rate is known, of no group either.",
            "table `evaluation`",
        )


def _is_readable(document: Mapping[str, Any]) -> bool:
    """Whether it has what an evaluation of this version has: on record may be one of another's making."""
    try:
        check_evaluation(dict(document))
    except InvalidEvaluation:
        return False
    return True


def _measured(document: Mapping[str, Any], source: str) -> Iterator[Fact]:
    for row in document["verification"]["at_similarity"]:
        yield Fact(f"At similarity {row['similarity']:g}: {_errors(row)}.", source)
    for cohort in document.get("cohorts", ()):
        for group in cohort.get("rates", ()):
            for row in group.get("at_similarity", ()):
                about = f"{cohort['column']} {group['group']}, at similarity {row['similarity']:g}"
                yield Fact(f"{about}: {_errors(row)}.", source)


def _errors(row: Mapping[str, Any]) -> str:
    told = [
        f"{words} {row[name]['rate']:.3g} of {row[name]['trials']:,}"
        if "rate" in row.get(name, {}) and "trials" in row[name]
        else f"{words} not measured"
        for name, words in (("fmr", "false matches"), ("fnmr", "missed matches"))
    ]
    return ", ".join(told)
