"""Collections: what each is for, how large it is and may become, what waits to be final."""

from __future__ import annotations

from typing import Any

from countenance.console.visit import Visit
from countenance.gateway.call import Answer

_A_PAGE = 25


def show_all(visit: Visit) -> Answer:
    """A page of them by name, each with its charter."""
    page = visit.amazons("ListCollections", MaxResults=_A_PAGE, NextToken=visit.request.asked().get("after"))
    found = [
        {
            "name": name,
            "version": version,
            "described": visit.find(
                "DescribeCollection", otherwise=None, service="rekognition", CollectionId=name
            ),
            "charter": visit.find("DescribeCharter", otherwise={"Charter": None}, CollectionId=name)[
                "Charter"
            ],
        }
        for name, version in zip(page["CollectionIds"], page.get("FaceModelVersions", []), strict=False)
    ]
    return visit.page("collections.html", collections=found, after=page.get("NextToken"))


def show_one(visit: Visit) -> Answer:
    """One of them; its faces for whoever may list these."""
    name = visit.parts["collection"]
    return visit.page(
        "collection.html",
        name=name,
        described=visit.amazons("DescribeCollection", CollectionId=name),
        charter=_charter(visit, name),
        erasures=visit.find("ListErasures", otherwise={"Erasures": []}, CollectionId=name)["Erasures"],
        faces=visit.find(
            "ListFaces",
            otherwise=None,
            service="rekognition",
            CollectionId=name,
            MaxResults=_A_PAGE,
            NextToken=visit.request.asked().get("after"),
        ),
        users=visit.find(
            "ListUsers", otherwise=None, service="rekognition", CollectionId=name, MaxResults=_A_PAGE
        ),
    )


def _charter(visit: Visit, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = visit.find(
        "DescribeCharter", otherwise={"Charter": None}, CollectionId=name
    )["Charter"]
    return found
