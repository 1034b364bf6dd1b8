"""`countenance reviews`: held searches, trials and how examiners do, on the server's machine."""

from __future__ import annotations

import json
import uuid
from typing import Any

import click

from countenance.casework.overview import ReviewLine, list_reviews
from countenance.casework.reviews import STATEMENT
from countenance.casework.trials import plant_trial
from countenance.cli.casework_opened import account_option, open_casework
from countenance.cli.governed import machine_user, parse_id, where_options
from countenance.cli.one_collection import collection_argument, find_collection
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.errors import ResourceNotFoundException
from countenance.gallery import Gallery
from countenance.policy import load_purposes
from countenance.store import UnitOfWork
from countenance.types import FaceId

_where_region = settings_options("data_dir", "database_url", "terms", "region")


@click.group()
def reviews() -> None:
    """Held searches: what they found waits until two examiners have decided.

    Examiners look at pictures in the console or with BeginExamination; nothing here does it for them. Whoever
    runs these commands sees which reviews are trials, so they do not examine.

    \b
    countenance reviews list
    countenance reviews examiners
    countenance reviews trial seen --purpose missing-persons --probe FACE --mated FACE --other FACE
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@reviews.command("list")
@click.option("--status", type=click.Choice(["waiting", "released", "over"]), help="of these alone")
@account_option
@where_options
@as_json_option
def list_(status: str | None, account: str | None, as_json: bool, **given: Any) -> None:
    """List reviews of the account, the newest first, a thousand at most: how each stands, and nobody's face.

    Example: countenance reviews list --status waiting
    """
    with open_casework(given, account) as opened:
        found = list_reviews(opened.governed.database, opened.account_id)
    rows = [_row(each) for each in found if status in {None, each.status}]
    columns = (
        "ReviewId",
        "Status",
        "Operation",
        "Purpose",
        "Trial",
        "Candidates",
        "Examinations",
        "OpenedAt",
    )
    print_rows(rows, as_json=as_json, nothing="no review", columns=columns)


@reviews.command("show")
@click.argument("review_id", metavar="REVIEW")
@account_option
@where_options
@as_json_option
def show(review_id: str, account: str | None, as_json: bool, **given: Any) -> None:
    """Show how REVIEW stands; once it is released, what the same call is answered, with its statement.

    Example: countenance reviews show cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --json
    """
    wanted = parse_id(review_id, "a review")
    with open_casework(given, account) as opened:
        found = list_reviews(opened.governed.database, opened.account_id, review_id=wanted)
        if not found:
            raise ResourceNotFoundException(f"there is no review `{wanted}`")
        facts = _row(found[0])
        if found[0].status == "released":
            told = opened.casework.reviews.require(opened.account_id, wanted).released
            assert told is not None, "it is released"
            with opened.changing("GetReview", review=wanted):
                facts["Supported"] = told["conclusions"].count("support")
                facts["Statement"] = STATEMENT
                facts["Answer"] = json.dumps(told["answer"], ensure_ascii=False)
    print_facts(facts, as_json=as_json)


@reviews.command("trial")
@collection_argument
@click.option(
    "--purpose", required=True, type=click.Choice(list(load_purposes())), help="what it seems to be for"
)
@click.option("--probe", required=True, type=click.UUID, metavar="FACE", help="the face that is looked for")
@click.option("--mated", type=click.UUID, multiple=True, metavar="FACE", help="another of the same person")
@click.option("--other", type=click.UUID, multiple=True, metavar="FACE", help="one of somebody else")
@_where_region
@as_json_option
def trial(
    name: str,
    account_id: str | None,
    *,
    purpose: str,
    probe: uuid.UUID,
    mated: tuple[uuid.UUID, ...],
    other: tuple[uuid.UUID, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Plant a review whose answers are known, of faces in COLLECTION, which keeps crops (a vault).

    Examiners cannot tell it from a search if it has as many candidates as searches have, and a purpose of
    theirs.

    \b
    countenance reviews trial seen --purpose missing-persons \\
        --probe cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --mated 0b9d1c8e-2d5c-4c1e-9a55-2f1f0f6f1a11
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    pairs = [(FaceId(each), each in mated) for each in (*mated, *other)]
    with open_casework(given, account_id) as opened:
        governed = opened.governed
        gallery = Gallery(governed.database, governed.keys)
        collection = find_collection(gallery, name, account_id, region=governed.settings.region)
        with UnitOfWork(governed.database) as work:
            review_id = plant_trial(
                work,
                opened.casework.reviews,
                account_id=collection.account_id,
                purpose=purpose,
                planted_by=machine_user(),
                planted_by_id=None,
                event_id=uuid.uuid4(),
                collection_id=collection.collection_id,
                crops=gallery.vaults.crops(collection, [FaceId(probe), *(face_id for face_id, _ in pairs)]),
                probe=FaceId(probe),
                pairs=pairs,
            )
            opened.audit.record_change(
                work.connection,
                "PlantTrial",
                account_id=collection.account_id,
                operator=machine_user(),
                review=review_id,
            )
            work.commit()
    print_facts({"ReviewId": str(review_id), "Candidates": len(pairs)}, as_json=as_json)


@reviews.command("examiners")
@account_option
@where_options
@as_json_option
def examiners(account: str | None, as_json: bool, **given: Any) -> None:
    """Show what is measured of everybody who examined for the account: time, agreement, reversals, trials.

    What looks like stamping is found by `countenance findings scan` as well (rubber_stamped_reviews).

    Example: countenance reviews examiners --json
    """
    with open_casework(given, account) as opened:
        found = opened.casework.examinations.figures(opened.account_id)
    rows = [
        {
            "OperatorName": each.name,
            "Active": each.is_active,
            "Examinations": each.examinations,
            "MedianSeconds": round(each.median_s, 1),
            "Compared": each.compared,
            "Agreed": each.agreed,
            "JudgedAgain": each.judged_again,
            "Reversed": each.reversed,
            "TrialHits": each.hits,
            "TrialMisses": each.misses,
            "TrialFalseAlarms": each.false_alarms,
            "TrialCorrectRejections": each.correct_rejections,
        }
        for each in found
    ]
    print_rows(rows, as_json=as_json, nothing="nobody has examined anything")


def _row(review: ReviewLine) -> dict[str, Any]:
    return {
        "ReviewId": str(review.review_id),
        "Status": review.status,
        "Operation": review.operation,
        "Purpose": review.purpose,
        "CaseId": review.case_id,
        "Trial": review.is_planted,
        "Candidates": review.candidates,
        "Examinations": review.examined,
        "OpenedAt": review.opened_at,
        "DecidedAt": review.decided_at,
        "ExpiresAt": review.expires_at,
    }
