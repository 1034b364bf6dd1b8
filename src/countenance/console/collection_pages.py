"""Collections: what each is for, how large it is and may become, what waits to be final."""

from __future__ import annotations

from functools import partial
from typing import Any

from countenance.console.calls import AMAZONS
from countenance.console.growth_plot import draw
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_A_PAGE = 10
_FACES = 25
_GROWTH_DAYS = 182


def show_all(visit: Visit) -> Answer:
    """A page of them by name, each with its charter."""
    page = visit.amazons("ListCollections", MaxResults=_A_PAGE, NextToken=visit.request.asked().get("after"))
    names = page["CollectionIds"]
    described = visit.calls.together(*(partial(_described, visit, name) for name in names))
    charters = visit.calls.together(*(partial(_charter, visit, name) for name in names))
    found = [
        {"name": name, "described": facts, "charter": charter}
        for name, facts, charter in zip(names, described, charters, strict=True)
    ]
    return visit.page("collections.html", collections=found, after=page.get("NextToken"))


def show_one(visit: Visit) -> Answer:
    """One of them; its faces for whoever may list these."""
    name = visit.parts["collection"]
    asked = visit.request.asked()
    after, users_after = asked.get("after"), asked.get("users_after")
    find_some = partial(visit.find, otherwise=None, service=AMAZONS, CollectionId=name, MaxResults=_FACES)
    described, charter, erasures, faces, users, growth = visit.calls.together(
        lambda: visit.amazons("DescribeCollection", CollectionId=name),
        lambda: _charter(visit, name),
        lambda: visit.find("ListErasures", otherwise={"Erasures": []}, CollectionId=name)["Erasures"],
        lambda: find_some("ListFaces", NextToken=after),
        lambda: find_some("ListUsers", NextToken=users_after),
        lambda: visit.find("DescribeGrowth", otherwise=None, CollectionId=name, Days=_GROWTH_DAYS),
    )
    return visit.page(
        "collection.html",
        name=name,
        described=described,
        charter=charter,
        erasures=erasures,
        faces=faces,
        users=users,
        after=after,
        users_after=users_after,
        plot=None if growth is None else draw(growth, name),
    )


def _described(visit: Visit, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = visit.find(
        "DescribeCollection", otherwise=None, service=AMAZONS, CollectionId=name
    )
    return found


def _charter(visit: Visit, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = visit.find(
        "DescribeCharter", otherwise={"Charter": None}, CollectionId=name
    )["Charter"]
    return found
