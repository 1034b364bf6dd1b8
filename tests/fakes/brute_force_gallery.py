"""Collections as a dict of faces and a dict of users, searched one by one: the oracle of `Gallery`.

It knows nothing of transactions, sealing or resident copies. Half precision is part of what is stored,
so it is part of the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from countenance.similarity import meets
from fakes.brute_force_scan import exact_cosine


@dataclass
class BruteForceGallery:
    """One collection. Faces by id in the order of enrolment: what is stored, template, weight, user."""

    calibration: object
    stored: dict = field(default_factory=dict)
    templates: dict = field(default_factory=dict)
    weights: dict = field(default_factory=dict)
    owners: dict = field(default_factory=dict)
    users: set = field(default_factory=set)

    def enrol(self, face_id, template, weight=1.0):
        """`weight`: one of the nine that are stored."""
        self.weights[face_id] = weight
        heavy = template * np.float32(weight)
        self.stored[face_id] = halves = heavy.astype(np.float16).astype(np.float64)
        self.templates[face_id] = (halves / np.linalg.norm(halves)).astype(np.float32)
        self.owners[face_id] = None

    def delete(self, face_id):
        """Whether it was there and nobody's."""
        if self.owners.get(face_id, "nobody knows") is not None:
            return False
        del self.stored[face_id], self.templates[face_id], self.owners[face_id]
        return True

    def create_user(self, user_id):
        self.users.add(user_id)

    def delete_user(self, user_id):
        self.users.discard(user_id)
        self.owners = {face: None if user == user_id else user for face, user in self.owners.items()}

    def assign(self, face_id, user_id):
        self.owners[face_id] = user_id

    def faces_of(self, user_id):
        return [face_id for face_id, owner in self.owners.items() if owner == user_id]

    def user_template(self, user_id):
        """None without faces."""
        faces = self.faces_of(user_id)
        if not faces:
            return None
        weighed = [self.templates[face_id].astype(np.float64) * self.weights[face_id] for face_id in faces]
        mean = [math.fsum(row[column] for row in weighed) / len(faces) for column in range(len(weighed[0]))]
        length = math.sqrt(math.fsum(value * value for value in mean))
        return (np.array(mean) / length).astype(np.float32)

    def search(self, probe, *, threshold, limit, leaving_out=None):
        found = {face: row for face, row in self.stored.items() if face != leaving_out}
        return self._best(probe, found, threshold, limit)

    def search_users(self, probe, *, threshold, limit, leaving_out=None):
        found = {}
        for face_id, owner in self.owners.items():  # a user ranks as its first face among equals
            if owner is not None and owner != leaving_out and owner not in found:
                found[owner] = self.user_template(self.owners[face_id])
        return self._best(probe, found, threshold, limit)

    def _best(self, probe, rows, threshold, limit):
        ranked = [(exact_cosine(row, probe), key) for key, row in rows.items()]
        ranked.sort(key=lambda entry: -entry[0])  # stable: equal ones in order of enrolment
        scored = [(key, float(self.calibration.similarity_of(cosine))) for cosine, key in ranked]
        return [(key, similarity) for key, similarity in scored if meets(similarity, threshold)][:limit]
