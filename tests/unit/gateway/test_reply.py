from __future__ import annotations

import asyncio

import pytest

from countenance.gateway.call import Answer
from countenance.gateway.reply import Reply


def _sent(body, *, has_body=None):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.disconnect"}

    async def scenario():
        reply, answer = Reply(send, (("vary", "origin"),)), Answer(status=200, headers=(), body=body)
        if has_body is None:
            await reply.finish(answer)
        else:
            await reply.finish_early(answer, receive, has_body=has_body)

    asyncio.run(scenario())
    return sent


@pytest.mark.parametrize(("length", "parts"), [(0, 1), (64 * 1024, 1), (64 * 1024 + 1, 2)])
def test_a_long_answer_is_sent_so_that_one_waits_for_it(length, parts):
    """The last, empty part is sent when what came before has been taken."""
    start, *bodies = _sent(bytes(length))
    assert (b"content-length", b"%d" % length) in start["headers"]
    assert (b"vary", b"origin") in start["headers"]
    assert len(bodies) == parts
    assert sum(len(part["body"]) for part in bodies) == length
    assert not bodies[-1].get("more_body", False)


def test_an_early_answer_closes_only_where_a_body_is_on_its_way():
    assert (b"connection", b"close") in _sent(b"x", has_body=True)[0]["headers"]
    assert (b"connection", b"close") not in _sent(b"x", has_body=False)[0]["headers"]
