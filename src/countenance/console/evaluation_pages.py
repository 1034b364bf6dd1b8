"""Evaluations of models that are on record, and the report of each."""

from __future__ import annotations

import json
from typing import Final

from countenance.console.render import document
from countenance.console.visit import Visit
from countenance.errors import InvalidEvaluation
from countenance.gateway.call import Answer
from countenance.measuring.report_html import render_report

_UNREADABLE: Final = "the evaluation is of another version of the format, and its report cannot be made here"


def show_all(visit: Visit) -> Answer:
    """The newest first, those that do not count any more as well."""
    return visit.page("evaluations.html", evaluations=visit.ours("ListEvaluations")["Evaluations"])


def show_one(visit: Visit) -> Answer:
    """The report, as `countenance evaluate` makes it: a page of its own, without a script."""
    told = visit.ours("GetEvaluation", EvaluationId=visit.parts["evaluation"])
    try:
        return document(render_report(json.loads(told["SignedEvaluation"])["evaluation"]))
    except (InvalidEvaluation, KeyError, ValueError):
        visit.wrong = _UNREADABLE
        return show_all(visit)
