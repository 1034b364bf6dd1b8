"""How often an account may call, and on whose account a call is read and run."""

from __future__ import annotations

from typing import Final, Literal

from countenance.errors import ProvisionedThroughputExceededException
from countenance.gateway.call import Admitted, Authenticated
from countenance.gateway.fair_pool import Holder
from countenance.gateway.rates import Rate, Rates
from countenance.policy.groups import kinds_of

_RESERVED: Final = frozenset({"terms", "dueProcess", "rights", "officer"})
"""What must go through however many faces are looked for: what an account is told, and what officers do."""
_RESERVED_BYTES: Final = 256 * 1024
"""A longer body waits with the others, whatever it is for."""
_BURST_S: Final = 2

Kind = Literal["face", "other", "reserved"]


class Limits:
    """The calls a second of every account. Thread-safe; one table for all processes (`rates`).

    What an account may be set to is for faces and for the rest of its work; what is reserved keeps the rate
    that any account has, so that nobody can be kept from their appeal.
    """

    def __init__(self, rates: Rates | None, default: Rate) -> None:
        """`rates`: None where nothing is limited."""
        self._rates = rates
        self._default = default

    def require_room(self, call: Admitted) -> None:
        """Refuse a call, its body unread, whose account has used up its rate.

        Nothing is used up by it: who names a key need not have it.

        Raises:
            ProvisionedThroughputExceededException: it has.
        """
        if self._rates is not None and not self._rates.has_room(_key(call), self._rate(call)):
            raise ProvisionedThroughputExceededException(limit="account")

    def spend(self, call: Authenticated) -> None:
        """Count a call that its account has signed.

        Raises:
            ProvisionedThroughputExceededException: the account has used up its rate.
        """
        if self._rates is not None and not self._rates.take(_key(call), self._rate(call)):
            raise ProvisionedThroughputExceededException(limit="account")

    def _rate(self, call: Admitted) -> Rate:
        per_s, burst = call.credential.calls_per_s, call.credential.burst
        if per_s is None or _kind(call) == "reserved":
            return self._default
        return rate_of(per_s, burst or 0)


def rate_of(per_s: int, burst: int) -> Rate:
    """A rate as it is set: a burst of 0 is two seconds' worth."""
    return Rate(per_s, burst or _BURST_S * per_s)


def holder_of(call: Admitted) -> Holder:
    """Whose room a call takes while it is read and run: the account's whose key it names."""
    is_short = call.announced_bytes is not None and call.announced_bytes <= _RESERVED_BYTES
    return Holder(call.credential.account_id, reserved=is_short and _kind(call) == "reserved")


def _kind(call: Admitted) -> Kind:
    kinds = kinds_of(call.operation.name)
    if kinds & _RESERVED:
        return "reserved"
    return "face" if "face" in kinds else "other"


def _key(call: Admitted) -> str:
    return f"{call.credential.account_id}/{_kind(call)}"
