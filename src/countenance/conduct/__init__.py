"""Conduct: what accounts do with faces, watched for misuse; what is found against them; their appeals."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.accounts import Governance
from countenance.accounts.changing import Changing
from countenance.conduct.appeals import Appeals
from countenance.conduct.findings import Findings
from countenance.conduct.patrol import Patrol
from countenance.conduct.records import Appeal, Finding
from countenance.conduct.suspicion import Suspicion
from countenance.policy import load_purposes
from countenance.store import Database, KeyStore

__all__ = ["Appeal", "Appeals", "Conduct", "Finding", "Findings", "Patrol", "Suspicion"]


@dataclass(frozen=True, slots=True)
class Conduct:
    """All of it in one value. Thread-safe throughout."""

    findings: Findings
    appeals: Appeals
    patrol: Patrol

    @classmethod
    def open(cls, database: Database, keys: KeyStore, governance: Governance) -> Conduct:
        """Ready to work; nothing is read or changed by it."""
        changing = Changing(database, keys)
        findings = Findings(changing, governance.standings)
        return cls(
            findings=findings,
            appeals=Appeals(changing, governance.standings),
            patrol=Patrol(database, keys, governance, findings, load_purposes()),
        )
