"""Clients that do not wait: many connections from a process of its own, over requests signed beforehand.

Reads one pickled plan from standard input ({"endpoint", "requests", "clients", "seconds", "pause_s"}) and
writes one JSON line: how often each answer came (a code, or what became of the connection), and the
latencies of those that were 200. A client that is refused pauses as SDKs do: up to `pause_s`, doubled with
each refusal in a row, at random.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import pickle
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

_LONGEST_PAUSE_S = 20.0
_PATIENCE_S = 60.0  # boto3's for an answer


class Flood:
    """A running flood; `end` waits for its report."""

    def __init__(self, endpoint: str, requests: list[bytes], **plan: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        pickle.dump({"endpoint": endpoint, "requests": requests, **plan}, self._process.stdin)
        self._process.stdin.close()

    def end(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            told = output.read()
        if self._process.wait() != 0:
            raise SystemExit("the flood failed")
        return json.loads(told)


async def _client(plan: dict[str, Any], turn: int, until: float, told: dict[str, Any]) -> None:
    address = urlsplit(plan["endpoint"])
    refused_in_a_row = 0
    streams: Any = None
    while time.monotonic() < until:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if streams is None:
                    streams = await asyncio.open_connection(address.hostname, address.port)
                status, headers, body = await _call(*streams, plan["requests"][turn % len(plan["requests"])])
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            code, keep = type(error).__name__, False
        else:
            code = "200" if status == 200 else json.loads(body)["__type"]
            keep = headers.get("connection") != "close"
        told["codes"][code] += 1
        if code == "200":
            told["latencies"].append(time.perf_counter() - started)
        if not keep and streams is not None:
            streams[1].close()
            streams = None
        turn += 1
        refused_in_a_row = 0 if code == "200" else refused_in_a_row + 1
        if refused_in_a_row and plan["pause_s"]:
            longest = min(_LONGEST_PAUSE_S, plan["pause_s"] * 2 ** (refused_in_a_row - 1))
            await asyncio.sleep(random.random() * longest)
    if streams is not None:
        streams[1].close()


async def _call(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, dict[str, str], bytes]:
    writer.write(request)
    with contextlib.suppress(ConnectionError):  # the answer may have come before the body was through
        await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


async def _run(plan: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"codes": collections.Counter(), "latencies": []}
    until = time.monotonic() + plan["seconds"]
    await asyncio.gather(*(_client(plan, turn, until, told) for turn in range(plan["clients"])))
    return told


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(pickle.load(sys.stdin.buffer)))))
