"""Everything about accounts but their keys, in one value for whoever works with it."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.accounts.acceptance import Acceptances
from countenance.accounts.changing import Actor, Changing
from countenance.accounts.facts import CallCounts, FactsReader
from countenance.accounts.grants import Grants
from countenance.accounts.officers import Officers
from countenance.accounts.on_file import OnFile
from countenance.accounts.operators import Operators
from countenance.accounts.passkeys import Passkeys
from countenance.accounts.register import Accounts
from countenance.accounts.relations import Relations
from countenance.accounts.sign_in import SignIns
from countenance.accounts.standing import Standings
from countenance.accounts.testers import Testers
from countenance.store import Database, KeyStore
from countenance.terms import Terms

FIRST_PURPOSE = "development"
"""What the house has from the start: the low-risk purpose under which a newcomer tries everything."""


@dataclass(frozen=True, slots=True)
class Governance:
    """Thread-safe throughout."""

    terms: Terms
    acceptances: Acceptances
    grants: Grants
    officers: Officers
    on_file: OnFile
    relations: Relations
    standings: Standings
    facts: FactsReader
    calls: CallCounts
    testers: Testers
    operators: Operators
    sign_ins: SignIns
    passkeys: Passkeys

    @classmethod
    def open(cls, database: Database, keys: KeyStore, terms: Terms) -> Governance:
        """Note the versions of the terms that this server has, and make everything ready.

        Raises:
            SetupError: a version of the terms was published here before with another text.
        """
        changing = Changing(database, keys)
        sign_ins = SignIns(changing, keys)
        acceptances = Acceptances(changing, terms)
        acceptances.publish()
        with database.read() as connection:
            first_seen = acceptances.first_seen(connection)
        return cls(
            terms=terms,
            acceptances=acceptances,
            grants=Grants(changing),
            officers=Officers(changing),
            on_file=OnFile(changing),
            relations=Relations(changing),
            standings=Standings(changing),
            facts=FactsReader(changing, terms, first_seen=first_seen),
            calls=CallCounts(changing),
            testers=Testers(changing, Accounts(database, keys)),
            operators=Operators(changing, keys),
            sign_ins=sign_ins,
            passkeys=Passkeys(changing, sign_ins),
        )

    def begin(self, account_id: str, *, officer: str, role: str, actor: Actor) -> None:
        """What follows from the first acceptance for the house: somebody has to be able to decide.

        Whoever accepts for the house while it has no officer becomes its first one, and approves the one
        low-risk purpose that a newcomer works under. Of any other account nothing follows.
        """
        if self.officers.house() != account_id or self.officers.list():
            return
        if not self.officers.add_first(account_id, officer, role, actor=actor):
            return
        if any(
            request.purpose == FIRST_PURPOSE and request.status in {"pending", "approved"}
            for request in self.grants.list(account_id)
        ):
            return
        request_id = self.grants.request(
            account_id,
            FIRST_PURPOSE,
            "the house's own account: trying and testing this server",
            actor=Actor(officer, actor.connection, actor.event_id, actor.account_id),
        )
        self.grants.decide(
            request_id,
            "approve",
            officer=officer,
            reason="of low risk, and for the house's own account",
            approvals=1,
            risk="low",
            actor=actor,
        )
