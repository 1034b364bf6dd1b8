"""Whose address counts behind a proxy: that of the visitor, and of nobody who only says so."""

from __future__ import annotations

import pytest

from countenance.gateway.forwarded import TrustedProxies

PROXY, OTHER, VISITOR, LIAR = "10.0.0.1", "10.0.0.2", "203.0.113.7", "198.51.100.9"


@pytest.mark.parametrize(
    ("peer", "header", "visitor"),
    [
        (VISITOR, "", VISITOR),
        (VISITOR, LIAR, VISITOR),  # no proxy of ours: what it says is nobody's word
        (PROXY, VISITOR, VISITOR),
        (PROXY, f"{LIAR}, {VISITOR}", VISITOR),  # what came before the proxy is the visitor's own saying
        (PROXY, f"{LIAR},{VISITOR},{OTHER}", VISITOR),  # two proxies in a row
        (PROXY, "", PROXY),
        (PROXY, "unknown", PROXY),
        (PROXY, f"{VISITOR}, _hidden", PROXY),
        (PROXY, f"{PROXY}, {OTHER}", PROXY),  # a proxy itself asks
        (PROXY, f"{VISITOR}:4711", VISITOR),
        (PROXY, "2001:db8::7", "2001:db8::7"),
        (PROXY, "[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:10.0.0.1", f"::ffff:{VISITOR}", VISITOR),
        (PROXY, "1.2.3.4, " * 10_000 + VISITOR, VISITOR),
        ("", VISITOR, ""),
    ],
)
def test_the_first_address_that_no_proxy_of_ours_has_is_the_visitors(peer, header, visitor):
    """Else whoever likes has as many addresses as they write, and no limit holds them."""
    headers = {"x-forwarded-for": header} if header else {}
    assert TrustedProxies(f"{PROXY}, 10.0.0.2/32").visitor(peer, headers) == visitor


def test_without_a_proxy_named_nobody_is_believed():
    assert TrustedProxies().visitor(PROXY, {"x-forwarded-for": VISITOR}) == PROXY


@pytest.mark.parametrize("nonsense", ["proxy.example", "10.0.0.1/8", "10.0.0", "*"])
def test_what_is_no_address_is_refused(nonsense):
    with pytest.raises(ValueError, match=r"10|proxy|\*"):
        TrustedProxies(nonsense)
