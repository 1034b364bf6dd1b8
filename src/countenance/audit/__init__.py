"""Events: every call leaves one, refused and failed ones as well."""

from countenance.audit.event import NO_POLICY_DIGEST, Event
from countenance.audit.log import list_events, record, record_change, record_in_force

__all__ = ["NO_POLICY_DIGEST", "Event", "list_events", "record", "record_change", "record_in_force"]
