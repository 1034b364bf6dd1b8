"""Galleries: collections, their sealed templates, their subjects, and the search over them."""

from __future__ import annotations

from countenance.gallery.records import (
    Associated,
    Beside,
    Candidate,
    Collection,
    Collision,
    Collisions,
    Deleted,
    Description,
    FaceFailure,
    NewFace,
    Origin,
    OtherTemplate,
    Outlier,
    Outliers,
    Ranked,
    Reason,
    Rejection,
    StoredFace,
    Subject,
    UserCandidate,
    UserStatus,
)
from countenance.gallery.rejections import Target
from countenance.gallery.store import Gallery

__all__ = [
    "Associated",
    "Beside",
    "Candidate",
    "Collection",
    "Collision",
    "Collisions",
    "Deleted",
    "Description",
    "FaceFailure",
    "Gallery",
    "NewFace",
    "Origin",
    "OtherTemplate",
    "Outlier",
    "Outliers",
    "Ranked",
    "Reason",
    "Rejection",
    "StoredFace",
    "Subject",
    "Target",
    "UserCandidate",
    "UserStatus",
]
