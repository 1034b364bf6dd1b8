"""Clients of a server that is killed: each writes whatever it likes, and keeps a ledger of what it was told.

What an answer confirmed is there or gone, for good. A call without an answer (or with a 5xx, which may have
been committed) leaves a doubt: it was done as a whole or not at all. Until somebody has looked, its faces,
users and collection are left alone.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from killed_server import Caller

SHARED = "shared"
MOST_FACES = 60
"""Of one client in one collection; beyond it deletions are likelier than enrolments."""
_MOST_AT_ONCE = 3


@dataclass
class Held:
    """What one client has in one collection, as far as it was told.

    Attributes:
        is_there: whether the collection is; None in doubt.
        faces: id → its user, or None.
        gone: faces whose deletion was confirmed, ever; of collections of the same name before as well.
        doubts: calls that may have been done.
    """

    name: str
    is_there: bool | None = False
    faces: dict[str, str | None] = field(default_factory=dict)
    users: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    gone_users: set[str] = field(default_factory=set)
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def free_faces(self):
        """Id → user, of those that no doubt is about."""
        doubtful = {face for doubt in self.doubts for face in doubt.faces}
        return {face: user for face, user in self.faces.items() if face not in doubtful}

    @property
    def free_users(self):
        doubtful = {doubt.user for doubt in self.doubts}
        return self.users - doubtful

    def drop(self, *faces):
        for face in faces:
            del self.faces[face]
        self.gone |= set(faces)

    def clear(self):
        """The collection was deleted."""
        self.drop(*self.faces)
        self.gone_users |= self.users
        self.users, self.is_there = set(), False


@dataclass(frozen=True)
class Doubt:
    """A call that was perhaps done.

    Attributes:
        faces: that it was about; of an enrolment none is known yet.
        external: the ExternalImageId of an enrolment.
    """

    operation: str
    faces: tuple[str, ...] = ()
    user: str | None = None
    external: str | None = None


class Writer:
    """One client: faces and users in a collection of all, and a collection of its own, made and deleted.

    Attributes:
        told: (operation, status) → how often; no answer is status 0.
        receipts: of every answer that came with one, since they were last taken away.
        wrong: answers that cannot be, in words.
    """

    def __init__(self, server, number, chance, photo, *, account, officer_keys):
        self._caller = Caller(server)
        self._chance = chance
        self._photo = base64.b64encode(photo).decode()
        self._account, self._officer_keys = account, officer_keys
        self._names = (f"w{number}-{count}" for count in itertools.count())
        self.held = {name: Held(name) for name in (SHARED, f"home-{number}")}
        self.held[SHARED].is_there = True
        self.told: Counter[tuple[str, int]] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.receipts: list[str] = []
        self.wrong: list[str] = []

    def write_until(self, over):
        while not over.is_set():
            held = self._chance.choice(list(self.held.values()))
            if held.is_there is False:
                self._create_collection(held)
            elif held.is_there:
                self._something(held)()
        self._caller.hang_up()

    def _something(self, held):
        """What is possible now; a bound method of one argument."""
        faces, users = held.free_faces, held.free_users
        alone = [face for face, user in faces.items() if user is None]
        given = [face for face, user in faces.items() if user is not None]
        settled = [user for user in users if self._is_settled(held, user)]
        full = len(faces) > MOST_FACES
        weighed: list[tuple[int, Any]] = [(2 if full else 8, lambda: self._index(held))]
        if alone:
            weighed += [
                (8 if full else 3, lambda: self._delete_faces(held, self._some(alone))),
                (3, lambda: self._search(held, self._chance.choice(alone))),
            ]
        if alone and users:
            weighed.append(
                (4, lambda: self._associate(held, self._chance.choice(sorted(users)), self._some(alone)))
            )
        if len(users) < 8:
            weighed.append((2, lambda: self._create_user(held)))
        if settled:
            weighed.append((1, lambda: self._delete_user(held, self._chance.choice(sorted(settled)))))
        if given:
            weighed.append((1, lambda: self._erase(held, self._some(given))))
        if held.name != SHARED and not held.doubts and len(faces) > 5:
            weighed.append((1, lambda: self._delete_collection(held)))
        (chosen,) = self._chance.choices([work for _, work in weighed], [weight for weight, _ in weighed])
        return chosen

    def _is_settled(self, held, user):
        return not any(
            user == held.faces.get(face) or user == doubt.user
            for doubt in held.doubts
            for face in doubt.faces
        )

    def _some(self, faces):
        return self._chance.sample(faces, min(len(faces), self._chance.randint(1, _MOST_AT_ONCE)))

    def _index(self, held):
        external = next(self._names)
        request = {"Image": {"Bytes": self._photo}, "ExternalImageId": external}
        done = self._write(held, Doubt("IndexFaces", external=external), request)
        if done:
            for record in done["FaceRecords"]:
                held.faces[record["Face"]["FaceId"]] = None
            if len(done["FaceRecords"]) != 1:
                self.wrong.append(f"IndexFaces found {len(done['FaceRecords'])} faces")

    def _delete_faces(self, held, faces):
        done = self._write(held, Doubt("DeleteFaces", tuple(faces)), {"FaceIds": faces})
        if done:
            self._require(done["DeletedFaces"], faces, "DeleteFaces")
            held.drop(*faces)

    def _erase(self, held, faces):
        request = {"AccountId": self._account, "FaceIds": faces, "Reason": "the person asked for it"}
        done = self._write(
            held, Doubt("EraseFaces", tuple(faces)), request, service="countenance", keys=self._officer_keys
        )
        if done:
            self._require(done["ErasedFaceIds"], faces, "EraseFaces")
            held.drop(*faces)

    def _create_user(self, held):
        user = next(self._names)
        if self._write(held, Doubt("CreateUser", user=user), {"UserId": user}) is not None:
            held.users.add(user)

    def _associate(self, held, user, faces):
        request = {"UserId": user, "FaceIds": faces, "UserMatchThreshold": 0}
        done = self._write(held, Doubt("AssociateFaces", tuple(faces), user), request)
        if done:
            self._require([face["FaceId"] for face in done["AssociatedFaces"]], faces, "AssociateFaces")
            held.faces |= dict.fromkeys(faces, user)

    def _delete_user(self, held, user):
        faces = tuple(face for face, owner in held.faces.items() if owner == user)
        if self._write(held, Doubt("DeleteUser", faces, user), {"UserId": user}) is not None:
            held.users.discard(user)
            held.gone_users.add(user)
            held.faces |= dict.fromkeys(faces, None)

    def _create_collection(self, held):
        if self._write(held, Doubt("CreateCollection"), {}) is not None:
            held.is_there = True
        elif held.doubts:
            held.is_there = None

    def _delete_collection(self, held):
        if self._write(held, Doubt("DeleteCollection"), {}) is not None:
            held.clear()
        elif held.doubts:
            held.is_there = None

    def _search(self, held, face):
        """Everything that was confirmed before is in the answer, nothing that was gone before is."""
        there, gone = set(held.free_faces) - {face}, set(held.gone)
        request = {"CollectionId": held.name, "FaceId": face, "FaceMatchThreshold": 0, "MaxFaces": 4096}
        answer = self._call("SearchFaces", request)
        if answer is None:
            return
        found = {match["Face"]["FaceId"] for match in answer["FaceMatches"]}
        if there - found:
            self.wrong.append(f"SearchFaces in {held.name} missed {sorted(there - found)}")
        if gone & found:
            self.wrong.append(f"SearchFaces in {held.name} found deleted {sorted(gone & found)}")

    def _write(self, held, doubt, request, **how):
        """The answer of a write that was confirmed; None, and a doubt, of one that was not."""
        done = self._call(doubt.operation, {"CollectionId": held.name} | request, **how)
        if done is None:
            held.doubts.append(doubt)
        else:
            self.acknowledged[doubt.operation] += 1
        return done

    def _call(self, operation, request, **how):
        answer = self._caller.call(operation, request, **how)
        self.told[operation, answer.status if answer else 0] += 1
        if answer is None:
            return None
        if answer.receipt:
            self.receipts.append(answer.receipt)
        if answer.status >= 500 or answer.body.get("__type") == "ThrottlingException":
            return None
        if answer.status != 200:
            self.wrong.append(
                f"{operation} {request.get('CollectionId')}: {answer.status} {json.dumps(answer.body)[:300]}"
            )
            return None
        if not answer.receipt:
            self.wrong.append(f"{operation} was answered without a receipt")
        return answer.body

    def _require(self, done, asked, operation):
        if set(done) != set(asked):
            self.wrong.append(f"{operation} of {sorted(asked)} did {sorted(done)}")


@dataclass(frozen=True)
class Kept:
    """A collection as it is found: faces as id → (external image id, user), users."""

    faces: dict[str, tuple[str | None, str | None]]
    users: set[str]


def settle(held: Held, kept: Kept | None) -> list[str]:
    """Decide the doubts by what is there, and make it the ledger; what cannot be, in words."""
    wrong: list[str] = []
    for doubt in held.doubts:
        wrong += [f"{held.name}: {doubt}: {problem}" for problem in _decide(held, doubt, kept)]
    held.doubts = []
    if not held.is_there:
        return wrong + ([] if kept is None else [f"{held.name} is there"])
    if kept is None:
        return [*wrong, f"{held.name} is lost"]
    for face, user in held.faces.items():
        if face not in kept.faces:
            wrong.append(f"{held.name}: face {face} is lost")
        elif kept.faces[face][1] != user:
            wrong.append(f"{held.name}: face {face} is of {kept.faces[face][1]}, not of {user}")
    wrong += [f"{held.name}: deleted face {face} is there" for face in held.gone & set(kept.faces)]
    wrong += [f"{held.name}: user {user} is lost" for user in held.users - kept.users]
    wrong += [f"{held.name}: deleted user {user} is there" for user in held.gone_users & kept.users]
    return wrong


def _decide(held: Held, doubt: Doubt, kept: Kept | None) -> list[str]:
    if doubt.operation == "CreateCollection":
        held.is_there = kept is not None
        return [] if kept is None or not (kept.faces or kept.users) else ["it is not empty"]
    if doubt.operation == "DeleteCollection":
        if kept is None:
            held.clear()
        held.is_there = kept is not None
        return []
    if kept is None:
        return ["its collection is lost"]
    if doubt.operation == "IndexFaces":
        new = [face for face, (external, _) in kept.faces.items() if external == doubt.external]
        held.faces |= dict.fromkeys(new, None)
        return [] if len(new) <= 1 else [f"{len(new)} faces"]
    if doubt.operation == "CreateUser":
        held.users |= {doubt.user} & kept.users
        return []
    if doubt.operation == "DeleteUser" and doubt.user not in kept.users:
        held.users.discard(doubt.user)
        held.gone_users.add(doubt.user)
        held.faces |= dict.fromkeys(doubt.faces, None)  # all of them, as is compared behind us
        return []
    if doubt.operation == "AssociateFaces":
        now = {kept.faces[face][1] for face in doubt.faces if face in kept.faces}
        if len(now) == 1 and now <= {None, doubt.user}:
            held.faces |= dict.fromkeys(doubt.faces, now.pop())
            return []
        return [f"half done: {now}"]
    if doubt.operation in {"DeleteFaces", "EraseFaces"}:
        left = [face for face in doubt.faces if face in kept.faces]
        if not left:
            held.drop(*doubt.faces)
        return [] if len(left) in {0, len(doubt.faces)} else [f"half done: {left} are left"]
    return []
