"""What is held of somebody, and which searches touched them: for the person, as JSON and to be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from countenance.accounts import Actor
from countenance.accounts.changing import Changing
from countenance.audit import AuditLog, Touch
from countenance.audit.disclosure import Disclosure, disclose
from countenance.gallery import Collection, Gallery
from countenance.rights.consents import Consents
from countenance.rights.enrolment_codes import QUERIES, faces_of, is_user_of_then
from countenance.rights.erasing import find_collection
from countenance.rights.records import Scope, SubjectRequest
from countenance.store import Connection

_LOOKED_FOR = {
    "candidate": "you were among those found",
    "probe": "your face was searched with",
    "shown": "your picture was shown to people, who compared it with another",
}


class AccessReports:
    """Thread-safe. Reads by itself: no transaction of the caller may be open."""

    def __init__(self, changing: Changing, gallery: Gallery, consents: Consents) -> None:
        self._changing = changing
        self._gallery = gallery
        self._consents = consents

    def make(self, request: SubjectRequest) -> dict[str, Any]:
        """All of it, in words that JSON has. Nothing of anybody else's is in it.

        Raises:
            LogDamaged: what the database holds of an entry does not fit the log.
        """
        scope = request.scope
        with self._changing.database.read() as connection:
            collection = find_collection(connection, scope.collection_id)
            held = [] if collection is None else faces_of(connection, scope)
            told: dict[str, Any] = {
                "Request": str(request.request_id),
                "MadeAt": _moment(datetime.now(UTC)),
                "Account": request.account_id,
                "Collection": request.collection,
                "User": scope.user_id,
            }
            if collection is None:
                return told | {
                    "Faces": [],
                    "Uses": [],
                    "Note": "the collection was deleted, with all it held",
                }
            known = dict.fromkeys([*scope.face_ids, *held])
            subjects = [Touch(role="named", kind="face", id=str(face_id)) for face_id in known]
            uses = [use for subject in subjects for use in self._uses(connection, collection, subject)]
            uses += self._uses_of_user(connection, collection, scope)
            faces = self._faces(connection, collection, held, uses)
        charter = self._gallery.charter(collection)
        return told | {
            "Model": collection.face_model_version,
            "Purposes": [] if charter is None else list(charter.purposes),
            "Kind": None if charter is None else charter.kind,
            "LegalBasis": None if charter is None else charter.legal_basis,
            "RetentionDays": None if charter is None else charter.retention_days,
            "Faces": faces,
            "Uses": sorted((use for use in uses), key=lambda use: str(use["At"])),
        }

    def note_read(self, request: SubjectRequest, *, actor: Actor) -> None:
        """In the actor's transaction: that a person reads their report, by no call of the account's."""
        assert actor.connection is not None, "the note is committed before the report is given"
        self._changing.record(
            actor.connection, "GetAccessReport", request.account_id, actor, resource=str(request.request_id)
        )

    def _faces(
        self, connection: Connection, collection: Collection, held: Sequence[UUID], uses: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        values = {"collection_id": collection.collection_id, "face_ids": list(held)}
        consents: dict[UUID, list[str]] = {}
        for face_id, consent_id, sealed, _ in connection.execute(QUERIES["consents_of_faces"], values):
            consents.setdefault(face_id, []).append(self._consents.reference_of(consent_id, sealed))
        enrolled = {use["Face"]: use for use in uses if use["Role"] == "enrolled"}
        return [
            {
                "FaceId": str(face_id),
                "EnrolledAt": _moment(created_at),
                "KeptUntil": _moment(created_at + timedelta(days=days)) if days is not None else None,
                "ExternalImageId": external,
                "User": user_id,
                "Consents": consents.get(face_id, []),
                "Source": enrolled.get(str(face_id), {}).get("Source"),
                "Held": _held(pictured_until, is_twice=is_twice),
                "OnHold": on_hold,
            }
            for (
                face_id,
                created_at,
                external,
                user_id,
                days,
                pictured_until,
                is_twice,
                on_hold,
            ) in connection.execute(QUERIES["read_enrolled"], values)
        ]

    def _uses_of_user(
        self, connection: Connection, collection: Collection, scope: Scope
    ) -> list[dict[str, Any]]:
        """Of the user of then; of somebody else who has the id by now nothing is told."""
        if not scope.user_id:
            return []
        uses = self._uses(connection, collection, Touch(role="named", kind="user", id=scope.user_id))
        # INVARIANT: asked behind the reading. The user of then, if there by now, was there all along, and
        # what was read is theirs; asked before it, another one might come in between.
        return uses if is_user_of_then(connection, scope) else []

    def _uses(self, connection: Connection, collection: Collection, subject: Touch) -> list[dict[str, Any]]:
        audit: AuditLog = self._changing.audit
        found = disclose(
            connection,
            audit,
            account_id=collection.account_id,
            region=collection.region,
            collection=collection.name,
            subject=subject,
        )
        return [_to_use(each, subject) for each in found]


def _held(pictured_until: datetime | None, *, is_twice: bool) -> str:
    """What there is of a face, in words."""
    template = (
        "two templates (numbers computed from a photo)"
        if is_twice
        else "a template (numbers computed from a photo)"
    )
    if pictured_until is None:
        return f"{template}, not the photo"
    return f"{template}, and a picture of the face, cut out of the photo, until {_moment(pictured_until)}"


def to_text(report: dict[str, Any]) -> str:
    """The same to be read by the person whom it is about."""
    lines = [
        "What is held about you, and what it was used for",
        f"Made {report['MadeAt']} for the request {report['Request']}.",
        f"Held by the account {report['Account']}, in the collection {report['Collection']}.",
    ]
    if report.get("Note"):
        lines.append(f"Nothing is held any more: {report['Note']}.")
    if report.get("Purposes"):
        lines.append(f"It may be used for: {', '.join(report['Purposes'])} ({report['Kind']}).")
        lines.append(f"Legal basis, as the account states it: {report['LegalBasis'] or 'none stated'}.")
    lines += ["", f"Faces: {len(report['Faces'])}"]
    for face in report["Faces"]:
        until = face["KeptUntil"] or "no end is set"
        lines.append(f"- {face['FaceId']}: enrolled {face['EnrolledAt']}, kept until {until}; {face['Held']}")
        if face["OnHold"]:
            lines.append("  under a legal hold: kept for as long as that stands, whatever its end")
        if face["ExternalImageId"]:
            lines.append(f"  called {face['ExternalImageId']} by the account")
        if face["User"]:
            lines.append(f"  a face of the user {face['User']}")
        if face["Source"]:
            lines.append(f"  where the photo came from, as the account states it: {face['Source']}")
        lines += [f"  by your consent {reference}" for reference in face["Consents"]]
    lines += ["", f"Uses: {len(report['Uses'])}"]
    for use in report["Uses"]:
        what = _LOOKED_FOR.get(use["Role"], use["Role"])
        what += f", as number {use['Rank']}" if use["Rank"] is not None else ""
        similarity = f", similarity {use['Similarity']}" if use["Similarity"] is not None else ""
        purpose = f" for {use['Purpose']}" if use["Purpose"] else ""
        review = f", in the review {use['Review']}" if use["Review"] else ""
        lines.append(
            f"- {use['At']}: {use['Operation']}{purpose}: {what}{similarity}{review} (entry {use['Event']})"
        )
    return "\n".join(lines) + "\n"


def _to_use(found: Disclosure, subject: Touch) -> dict[str, Any]:
    members, value = found.own.members, found.opening.value
    return {
        "At": members["time"],
        "Operation": members["operation"],
        "Purpose": members.get("purpose"),
        "Role": value["role"],
        "Face": subject.id if subject.kind == "face" else None,
        "Rank": value.get("rank"),
        "Similarity": value.get("similarity"),
        "Outcome": members["outcome"],
        "Source": members.get("claims", {}).get("source"),
        "Review": members.get("review"),
        "Event": members["event"],
        "LogIndex": found.own.log_index,
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
