from __future__ import annotations

from countenance.gateway.cors import Origins

PAGE = "https://photos.example"


def test_a_listed_origin_may_read_answers_and_their_ids():
    """A browser hides every header that is not exposed, the request id among them."""
    headers = dict(Origins([PAGE]).headers_for(PAGE))
    assert headers["access-control-allow-origin"] == PAGE
    assert "x-amzn-RequestId" in headers["access-control-expose-headers"]
    assert headers["vary"] == "Origin"


def test_an_origin_that_is_not_listed_is_told_nothing_but_that_answers_vary():
    origins = Origins([PAGE])
    for stranger in ("https://evil.example", "https://photos.example.evil.example", "null", None):
        assert origins.headers_for(stranger) == (("vary", "Origin"),)
        assert origins.preflight_headers_for(stranger) == (("vary", "Origin"),)


def test_without_a_list_nothing_is_said_of_origins():
    assert Origins([]).headers_for(PAGE) == ()
    assert Origins([""]).preflight_headers_for(PAGE) == ()


def test_a_preflight_allows_what_the_sdk_sends():
    headers = dict(Origins([f" {PAGE}/ "]).preflight_headers_for(PAGE))
    assert headers["access-control-allow-methods"] == "POST"
    for name in (
        "authorization",
        "x-amz-target",
        "x-amz-security-token",
        "x-amz-user-agent",
        "amz-sdk-request",
    ):
        assert name in headers["access-control-allow-headers"]
