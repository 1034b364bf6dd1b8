"""An account whose searches people review, at a real gateway with real operations."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

from countenance.accounts import Actor, NewAccessKey
from countenance.accounts.sign_in import Identity
from countenance.gateway.obligations import DISCHARGES
from countenance.policy import load_purposes
from countenance.policy.engine import PolicyEngine, schema_for
from countenance.policy.register import FixedPolicies
from fakes.vision import person, picture

ADA, EVE, NOBODY = ({"Bytes": picture(person(who))} for who in ("ada", "eve", "nobody"))
OURS = {"service": "countenance"}
SEARCH = {"CollectionId": "seen", "FaceMatchThreshold": 80.0, "MaxFaces": 5}
TAGS = {"countenance:legal-basis": "a statute"}


def strict_policies(models: Any) -> FixedPolicies:
    """The core rules, and development needs a case and a review: it may call all that there is."""
    purposes = dict(load_purposes())
    own = purposes["development"]
    purposes["development"] = dataclasses.replace(own, requires=(*own.requires, "case", "review"))
    operations = {name: service.operations for name, service in models.services.items()}
    whole = PolicyEngine.load(operations, discharges=DISCHARGES)
    folder = resources.files("countenance.policy")
    engine = PolicyEngine(
        folder.joinpath("core.cedar").read_text("utf-8"),
        schema_for(operations),
        obligations=folder.joinpath("obligations.cedar").read_text("utf-8"),
        purposes=purposes,
        packs=whole.packs,
        discharges=DISCHARGES,
    )
    return FixedPolicies(engine)


class House:
    """An account where people review: ada (twice) and eve with pictures, a case, three examiners."""

    def __init__(
        self, party: Any, strict: FixedPolicies, *, purpose: str = "development", **claims: Any
    ) -> None:
        self.purpose, self.claims = purpose, claims
        services = dataclasses.replace(party.bench.services, policies=strict)
        self.party = dataclasses.replace(party, bench=dataclasses.replace(party.bench, services=services))
        self.opener = self.party.as_(None)
        enrolling = self.party.as_(purpose, case="C-1", **claims)
        self.case = self.open_case("C-1")
        enrolling.told("CreateCollection", CollectionId="seen", Tags={"countenance:vault-days": "30"} | TAGS)
        self.faces = {}
        for who in ("ada", "ada too", "eve"):
            photo = {"Bytes": picture(person(who.split()[0], likeness=0.9 if "too" in who else 1.0))}
            [made] = enrolling.told("IndexFaces", CollectionId="seen", Image=photo)["FaceRecords"]
            self.faces[who] = made["Face"]["FaceId"]
        self.requester = enrolling
        self.examiners = [self.operator(name, "examiner") for name in ("Erin", "Emil", "Edda")]

    def open_case(self, name: str, **told: Any) -> str:
        asked = {
            "Case": name,
            "Purpose": self.purpose,
            "Reason": "a burglary",
            "LegalBasis": "a statute",
            "ExpiresAt": (datetime.now(UTC) + timedelta(days=2)).timestamp(),
        }
        return self.opener.told("OpenCase", **OURS, **(asked | told))["CaseId"]

    def operator(self, name: str, *roles: str) -> Any:
        operators = self.party.bench.services.governance.operators
        operators.put(self.party.account_id, name, roles, actor=Actor("test"))
        key = operators.create_key(self.party.account_id, name, actor=Actor("test"))
        return dataclasses.replace(
            self.party, token=None, bench=dataclasses.replace(self.party.bench, key=key)
        )

    def taken_up(self, code: str, name: str) -> Any:
        """Whoever has the code, signed in with it."""
        sign_ins = self.party.bench.services.governance.sign_ins
        token = sign_ins.take_up_by_identity(code, Identity("https://id.example", uuid.uuid4().hex))
        session = sign_ins.find(token)
        given = (session.keys.access_key_id, session.keys.secret, self.party.account_id, name)
        key = NewAccessKey(*given, session.created_at)
        return dataclasses.replace(
            self.party, token=None, bench=dataclasses.replace(self.party.bench, key=key)
        )

    def held(self, operation: str = "SearchFacesByImage", **request: Any) -> str:
        """The review that a call is told of."""
        message = self.requester.refused(operation, **(request or SEARCH | {"Image": ADA}))
        assert message.startswith("OBL-REVIEW: somebody was found"), message
        return message.split("review `")[1].split("`")[0]

    def examine(self, examiner: Any, review: str, verdict: Any = "support") -> None:
        """Decide; `verdict` for all, or by the number of the candidate's picture."""
        seen = examiner.told("BeginExamination", **OURS, ReviewId=review)
        said = [
            {
                "Label": each["Label"],
                "Verdict": verdict if isinstance(verdict, str) else verdict(place),
                "Features": [{"Feature": "ears", "Remark": "similar"}],
            }
            for place, each in enumerate(seen["Pictures"])
        ]
        examiner.told("SubmitExamination", **OURS, ReviewId=review, Verdicts=said, Note="looked")

    def statement(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.party.bench.database.transaction() as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []
