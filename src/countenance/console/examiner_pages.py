"""How examiners do, in figures that their counts can carry; and trials, planted among searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from countenance.console.calls import AMAZONS
from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.evaluation.intervals import wilson
from countenance.gateway.call import Answer
from countenance.policy.purposes import load_purposes

PATH: Final = "/console/examiners"
LEAST: Final = 20
"""Of fewer examinations or candidates than these a share is an accident, and none is shown."""
_FACES: Final = 50
_KNOWN: Final = "known."
_SAME, _OTHER = "same", "other"


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many; and what that says, where it says anything.

    Attributes:
        said: the share and its 95 % interval in words; empty where there are fewer than LEAST.
    """

    count: int
    of: int
    said: str


def show(visit: Visit) -> Answer:
    """Everybody who has examined; and, of a chosen collection, the form that plants a trial."""
    name = visit.request.asked().get("collection", "").strip()
    examiners, collections, purposes = visit.calls.together(
        lambda: visit.ours("DescribeExaminers")["Examiners"],
        lambda: visit.find("ListCollections", otherwise=None, service=AMAZONS, MaxResults=100),
        lambda: visit.find("ListPurposes", otherwise={"Purposes": []})["Purposes"],
    )
    return visit.page(
        "examiners.html",
        examiners=[figures(each) for each in examiners],
        least=LEAST,
        collections=[] if collections is None else collections["CollectionIds"],
        name=name,
        chosen=_chosen(visit, name) if name else None,
        purposes=_purposes(purposes),
        said={field: visit.was(field) for field in visit.posted()},
        known=_KNOWN,
    )


def take(visit: Visit) -> Answer:
    """Plant a trial."""
    form = visit.form
    if form.one("do") != "plant":
        raise BadForm("it does not say what is to be done")
    probes = {each for each in (form.one("probe"), form.one("probe_id")) if each}
    if len(probes) != 1:
        raise BadForm("choose one face that is searched for, in the table or by its id")
    same, others = _ids(visit, _SAME), _ids(visit, _OTHER)
    if both := set(same) & set(others):
        raise BadForm(f"the face {min(both)} is said to be of the same person and of somebody else")
    visit.require_first("If it planted a trial, that waits for examiners already.")
    visit.ours(
        "PlantTrial",
        CollectionId=form.one("collection"),
        Purpose=form.one("purpose"),
        ProbeFaceId=probes.pop(),
        Pairs=[{"FaceId": each, "Mated": True} for each in same]
        + [{"FaceId": each, "Mated": False} for each in others],
    )
    return visit.goto(PATH, told="The trial is planted, and looks to examiners like any search.")


def _ids(visit: Visit, answer: str) -> list[str]:
    """The faces of which this is the known answer, chosen in the table or typed, each once."""
    chosen = [
        field.removeprefix(_KNOWN)
        for field in visit.form.values
        if field.startswith(_KNOWN) and visit.form.one(field) == answer
    ]
    typed = visit.form.one(f"{answer}_ids").replace(",", " ").split()
    return list(dict.fromkeys((*chosen, *typed)))


def _chosen(visit: Visit, name: str) -> dict[str, Any]:
    """How long the collection keeps pictures, None for not at all; and faces, for whoever may list them."""
    after = visit.request.asked().get("after")
    charter, faces = visit.calls.together(
        lambda: visit.ours("DescribeCharter", CollectionId=name)["Charter"],
        lambda: visit.find(
            "ListFaces",
            otherwise={"Faces": []},
            service=AMAZONS,
            CollectionId=name,
            MaxResults=_FACES,
            NextToken=after,
        ),
    )
    return {
        "kept_days": charter.get("PicturesKeptDays"),
        "faces": faces["Faces"],
        "next": faces.get("NextToken"),
        "after": after or "",
    }


def _purposes(told: list[dict[str, Any]]) -> list[str]:
    """Those that the account has; first the ones whose every search is held, as a trial seems to be."""
    has = [each["Name"] for each in told if each.get("Status") == "approved"]
    known = load_purposes()
    return sorted(has, key=lambda name: (name not in known or "review" not in known[name].requires, name))


def figures(told: Mapping[str, Any]) -> dict[str, Any]:
    """Of one examiner as DescribeExaminers tells it: what the page may say of them."""
    hits, misses = told["TrialHits"], told["TrialMisses"]
    alarms, noes = told["TrialFalseAlarms"], told["TrialCorrectRejections"]
    return {
        "name": told["OperatorName"],
        "is_active": told["Active"],
        "examinations": told["Examinations"],
        "median_s": told["MedianSeconds"] if told["Examinations"] >= LEAST else None,
        "agreed": share(told["Agreed"], told["Compared"]),
        "reversed": share(told["Reversed"], told["JudgedAgain"]),
        "missed": share(misses, hits + misses),
        "alarmed": share(alarms, alarms + noes),
    }


def share(count: int, of: int) -> Share:
    """With a 95 % interval (Wilson), as if each candidate were a draw of its own."""
    if of < LEAST:
        return Share(count, of, "")
    interval = wilson(count / of, of)
    return Share(count, of, f"{count / of:.0%}, likely {interval.low:.0%} to {interval.high:.0%}")
