"""The rights of the people whose faces are processed: codes, requests, reports, erasure, consent, holds."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.accounts.changing import Changing
from countenance.gallery import Gallery
from countenance.rights.access_report import AccessReports
from countenance.rights.consents import Consents
from countenance.rights.enrolment_codes import EnrolmentCodes
from countenance.rights.erasing import Erasing
from countenance.rights.holds import LegalHolds
from countenance.rights.objections import Objections
from countenance.rights.requests import SubjectRequests
from countenance.store import Database, KeyStore

__all__ = [
    "AccessReports",
    "Consents",
    "EnrolmentCodes",
    "Erasing",
    "LegalHolds",
    "Rights",
    "SubjectRequests",
]


@dataclass(frozen=True, slots=True)
class Rights:
    """All of it in one value. Thread-safe throughout."""

    codes: EnrolmentCodes
    requests: SubjectRequests
    reports: AccessReports
    erasing: Erasing
    consents: Consents
    holds: LegalHolds
    objections: Objections

    @classmethod
    def open(cls, database: Database, keys: KeyStore, gallery: Gallery) -> Rights:
        """Ready to work; nothing is read or changed by it."""
        changing = Changing(database, keys)
        erasing = Erasing(changing, keys, gallery)
        objections = Objections(changing, keys, gallery)
        consents = Consents(changing, keys, erasing)
        return cls(
            codes=EnrolmentCodes(changing, keys),
            requests=SubjectRequests(changing, erasing, objections),
            reports=AccessReports(changing, gallery, consents),
            erasing=erasing,
            consents=consents,
            holds=LegalHolds(changing),
            objections=objections,
        )
