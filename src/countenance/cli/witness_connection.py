"""A connection to a witness: anyone may make some, and nobody so many that a log finds no room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from countenance.gateway.connection import BoundedConnection

MAX_CONNECTIONS = 256
"""Fewer at once than the server takes: a witness is asked by a few logs, now and then."""
MAX_FROM_ONE_ADDRESS = 16
_IPV6_SITE_BITS = 64
"""So much of an IPv6 address is what one customer of a network has all the rest of."""


class WitnessConnection(BoundedConnection):
    """Takes every new connection; where there are too many, the idlest of the others is closed for it.

    Idlest is the one that was silent for longest, of those whose request is not being answered as long as
    there are any. So what strangers hold open gives way to a log, which sends its request at once.
    """

    max_connections = MAX_CONNECTIONS
    max_from_one_address = MAX_FROM_ONE_ADDRESS

    site = ""
    _heard_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        self._heard_at = time.monotonic()
        self.site = _to_site(transport.get_extra_info("peername"))
        others = [each for each in self.connections if isinstance(each, WitnessConnection)]
        neighbours = [each for each in others if each.site == self.site]
        if len(neighbours) >= self.max_from_one_address:
            _close_idlest(neighbours)
        elif len(others) >= self.max_connections:
            _close_idlest(others)
        super().connection_made(transport)

    def _is_crowding(self) -> bool:
        return False  # it has taken room from its neighbours only

    def data_received(self, data: bytes) -> None:
        self._heard_at = time.monotonic()
        super().data_received(data)

    def is_answered(self) -> bool:
        """Whether the whole of a request is there and its answer is not."""
        return self._is_answering() and self._awaits_head

    def idleness(self) -> tuple[bool, float]:
        """The smaller, the sooner it is closed."""
        return self.is_answered(), self._heard_at

    def give_way(self) -> None:
        """Close, and be counted no more."""
        self.connections.discard(self)
        self.transport.abort()


def _close_idlest(connections: Iterable[WitnessConnection]) -> None:
    min(connections, key=WitnessConnection.idleness).give_way()


def _to_site(peer: Any) -> str:
    """What is counted as one address; of a peer that has none, always the same."""
    if not isinstance(peer, tuple):
        return ""
    address = ip_address(str(peer[0]).partition("%")[0])
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_SITE_BITS), strict=False))
    return str(address)
