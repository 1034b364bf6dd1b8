"""`countenance evaluations record`, `list`, `show` and `withdraw`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import IO, Any

import click

from countenance.assurance.evaluation_records import EvaluationOnRecord
from countenance.assurance.evaluations import Evaluations
from countenance.assurance.signed_evaluation import MAX_BYTES, read_stored, to_file
from countenance.cli.governed import (
    deciding_officer,
    officer_option,
    open_governed,
    parse_id,
    reason_option,
    where_options,
)
from countenance.cli.tables import as_json_option, print_facts, print_rows

_COLUMNS = ("EvaluationId", "Status", "Pack", "FaceModelVersion", "Evaluator", "Independent", "ExpiresAt")


@click.command()
@click.argument("signed", metavar="SIGNED.json", type=click.File("rb"))
@officer_option
@where_options
@as_json_option
def record(signed: IO[bytes], *, officer: str | None, as_json: bool, **given: Any) -> None:
    """Put SIGNED.json on record: it counts from the next call on. It is an entry of the log.

    An evaluator who is trusted here must have signed it (`countenance evaluations evaluators trust`).

    Example: countenance evaluations record signed.json --officer "Maria Lind"
    """
    data = signed.read(MAX_BYTES + 1)
    with open_governed(given) as governed:
        name = deciding_officer(governed.governance.officers, officer)
        with governed.database.transaction() as connection:
            evaluation_id = Evaluations().record(connection, data, by=name, now=datetime.now(UTC))
            found, _, _ = Evaluations().require(connection, evaluation_id)
    print_facts(_row(found) | {"By": name}, as_json=as_json)


@click.command("list")
@where_options
@as_json_option
def list_(*, as_json: bool, **given: Any) -> None:
    """List the evaluations that are or were on record, the newest first.

    Example: countenance evaluations list --json
    """
    with open_governed(given) as governed, governed.database.read() as connection:
        rows = [_row(found) for found in Evaluations().on_record(connection)]
    print_rows(rows, as_json=as_json, columns=_COLUMNS)


@click.command()
@click.argument("evaluation_id", metavar="EVALUATION")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 100),
    default=99.0,
    show_default=True,
    help="the Similarity at which calls are made",
)
@click.option("--file", "as_file", is_flag=True, help="print the signed evaluation itself, to verify or keep")
@where_options
@as_json_option
def show(evaluation_id: str, *, threshold: float, as_file: bool, as_json: bool, **given: Any) -> None:
    """Show EVALUATION: what it is of, whether it counts, and what it shows of every group at a threshold.

    Example: countenance evaluations show cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --threshold 99
    """
    with open_governed(given) as governed, governed.database.read() as connection:
        found, document, note = Evaluations().require(connection, parse_id(evaluation_id, "an evaluation"))
    if as_file:
        click.echo(to_file(document, note))
        return
    evidence = read_stored(document, note).evidence
    shown = evidence.shown(lowest=threshold, highest=threshold)
    facts = _row(found) | {
        "RecordedBy": found.recorded_by,
        "RecordedAt": found.recorded_at,
        "WithdrawnAt": found.withdrawn_at,
        "Because": found.withdrawn_because,
        "Groups": evidence.groups,
        "SmallestGroup": evidence.smallest_group,
        "AtThreshold": threshold,
        "WorstTprBp": shown.worst_tpr_bp,
        "WorstFmrPpm": shown.worst_fmr_ppm,
        "WorstFpirPpm": shown.worst_fpir_ppm,
        "Gallery": shown.gallery,
    }
    print_facts(facts, as_json=as_json)


@click.command()
@click.argument("evaluation_id", metavar="EVALUATION")
@reason_option
@officer_option
@where_options
@as_json_option
def withdraw(evaluation_id: str, *, reason: str, officer: str | None, as_json: bool, **given: Any) -> None:
    """Have EVALUATION count for nothing, from this moment on and for good.

    Example: countenance evaluations withdraw cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "wrong labels"
    """
    found = parse_id(evaluation_id, "an evaluation")
    with open_governed(given) as governed:
        name = deciding_officer(governed.governance.officers, officer)
        with governed.database.transaction() as connection:
            Evaluations().withdraw(connection, found, reason=reason, by=name)
    print_facts({"EvaluationId": str(found), "Status": "withdrawn", "By": name}, as_json=as_json)


def _row(found: EvaluationOnRecord) -> dict[str, Any]:
    return {
        "EvaluationId": str(found.evaluation_id),
        "Status": found.status(datetime.now(UTC)),
        "Pack": found.pack_name,
        "FaceModelVersion": found.version,
        "Evaluator": found.evaluator,
        "Independent": found.independent,
        "MadeAt": found.made_at,
        "ExpiresAt": found.expires_at,
        "Digest": found.digest,
        "PackDigest": found.pack_digest,
        "CalibrationDigest": found.calibration_digest,
        "PipelineDigest": found.pipeline_digest,
        "DataDigest": found.data_digest,
    }
