"""The log that anyone can verify: every call leaves an entry, refused and failed ones as well."""

from countenance.audit.entry import Draft
from countenance.audit.event import NO_POLICY_DIGEST, Event, Touch
from countenance.audit.log import AuditLog, Observation, record_statement
from countenance.audit.own_entries import OwnEntry
from countenance.audit.promises import LogBehind, Promises
from countenance.audit.signing import open_log

__all__ = [
    "NO_POLICY_DIGEST",
    "AuditLog",
    "Draft",
    "Event",
    "LogBehind",
    "Observation",
    "OwnEntry",
    "Promises",
    "Touch",
    "open_log",
    "record_statement",
]
