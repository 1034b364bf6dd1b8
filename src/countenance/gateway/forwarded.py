"""Who asks, where a proxy stands in between: its word counts if it is one that the operator named."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MOST_STEPS: Final = 20
"""Proxies in a row that are looked past; more is nobody's set-up."""


class TrustedProxies:
    """Reads `X-Forwarded-For`. Immutable, so safe with any number of threads.

    Whoever connects may send any such header. So it is read from its end, which the last proxy wrote, and
    only as far as each address is one of a proxy that is trusted: the first that is not is the visitor's.
    """

    def __init__(self, networks: str = "") -> None:
        """Args: networks: addresses or networks, comma-separated; empty to trust nobody.

        Raises:
            ValueError: one is neither; its text is in the message.
        """
        self._networks: tuple[_Network, ...] = tuple(
            ipaddress.ip_network(part.strip()) for part in networks.split(",") if part.strip()
        )

    def visitor(self, peer: str, headers: Mapping[str, str]) -> str:
        """The address of whoever asks: the peer's own, or the one that trusted proxies have handed on."""
        if not self._networks or not self._is_trusted(peer):
            return peer
        found = peer
        for told in reversed(headers.get("x-forwarded-for", "").split(",")[-_MOST_STEPS:]):
            address = _parse(told)
            if address is None:  # a proxy of ours writes addresses: what is before is anybody's
                return found
            found = str(address)
            if not self._is_trusted(found):
                return found
        return found

    def _is_trusted(self, text: str) -> bool:
        address = _parse(text)
        return address is not None and any(address in network for network in self._networks)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Of `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::7`, `[2001:db8::7]:4711`; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
