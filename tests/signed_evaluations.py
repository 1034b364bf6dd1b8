"""Evaluations for tests: what `countenance evaluate` writes, as far as the gate reads it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from countenance.assurance.evaluations import Evaluations
from countenance.assurance.evaluators import trust_evaluator
from countenance.assurance.signed_evaluation import SignedEvaluation, sign_evaluation
from countenance.facts import ModelDigests
from countenance.store import Database
from countenance.transparency.note import Signer

DIGESTS = ModelDigests(pack="a" * 64, calibration="b" * 64, pipeline="c" * 64)
VERSION = "1.0"


def a_rate(rate: Any, bound: Any, trials: int = 1000) -> dict[str, Any]:
    """A rate with its one-sided bound."""
    return {
        "rate": rate,
        "interval": {"low": rate, "high": rate},
        "trials": trials,
        "effective": trials / 2,
        "bound": bound,
    }


def a_group(name: str, *, subjects: int = 500, **worse: float) -> dict[str, Any]:
    """A group that passes every gate at 80 to 99; `worse`: its bounds of tpr, fmr, fpir."""
    tpr, fmr, fpir = (
        worse.get("tpr", 0.992),
        worse.get("fmr", 0.00005),
        worse.get("fpir", 0.0008),
    )
    return {
        "group": name,
        "subjects": subjects,
        "samples": 3 * subjects,
        "failure_to_enrol": a_rate(0.001, 0.002),
        "at_similarity": [
            {"similarity": 80, "tpr": a_rate(1, min(tpr + 0.004, 1)), "fmr": a_rate(0, fmr)},
            {"similarity": 99, "tpr": a_rate(1, min(tpr + 0.002, 1)), "fmr": a_rate(0, fmr / 10)},
            {"similarity": 99.99, "tpr": a_rate(1, tpr), "fmr": a_rate(0, fmr / 100)},
        ],
        "fpir": [
            {"similarity": 80, "gallery": 100, **a_rate(0, min(fpir * 10, 1))},
            {"similarity": 99, "gallery": 1, **a_rate(0, fpir / 10)},
            {"similarity": 99, "gallery": int(worse.get("gallery", 1000)), **a_rate(0, fpir)},
        ],
    }


def an_evaluation(
    digests: ModelDigests = DIGESTS,
    *,
    version: str = VERSION,
    made_at: datetime | None = None,
    groups: tuple[dict[str, Any], ...] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """One that passes every gate, made an hour ago; `changes`: other members."""
    made = made_at or datetime.now(UTC) - timedelta(hours=1)
    rates = list(groups) if groups is not None else [a_group("north"), a_group("south", subjects=300)]
    told: dict[str, Any] = {
        "format": "countenance.evaluation/1",
        "made_at": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "program": {"version": "0.1", "pipeline_digest": digests.pipeline},
        "machine": "a test",
        "pack": {
            "name": "fake",
            "face_model_version": version,
            "digest": digests.pack,
            "licence": "none",
            "use": "any",
        },
        "calibration": {"origin": "pack", "digest": digests.calibration, "trials": 1000},
        "data": {"name": "planted", "kind": "table", "digest": "d" * 64, "samples": 2400, "subjects": 800},
        "cohorts": [
            {
                "column": "region",
                "labels_by": "the test",
                "groups": len(rates),
                "alpha": 0.05,
                "bonferroni": max(len(rates), 1),
                "rates": rates,
            }
        ],
        "notes": [],
    }
    return copy.deepcopy(told | changes)


def signed(
    told: Mapping[str, Any],
    signer: Signer,
    *,
    now: datetime | None = None,
    lasts: timedelta = timedelta(days=365),
) -> SignedEvaluation:
    """As `countenance evaluations sign` does it."""
    return sign_evaluation(json.dumps(told).encode(), signer, now=now or datetime.now(UTC), lasts=lasts)


def put_on_record(
    database: Database, digests: ModelDigests, *, version: str = VERSION, **changes: Any
) -> UUID:
    """Signed by a new evaluator who is trusted, and recorded: its id."""
    signer, register = Signer.generate(f"{uuid4()}/key"), Evaluations()
    now = changes.pop("now", None) or datetime.now(UTC)
    independent = changes.pop("independent", False)
    lasts = changes.pop("lasts", timedelta(days=365))
    file = signed(an_evaluation(digests, version=version, **changes), signer, now=now, lasts=lasts)
    with database.transaction() as connection:
        trust_evaluator(
            connection,
            str(signer.verifier),
            name=signer.verifier.name,
            independent=independent,
            reason="a test",
            by="Olga",
        )
        return register.record(connection, file.to_bytes(), by="Olga", now=now)
