"""On the path of a server that is to be measured without turns: it does not tell accounts apart.

Only for `bench/admission.py`. All calls wait in one line, for as long as it takes, as they came.
"""

from __future__ import annotations

from typing import Any

from countenance.gateway import asgi, fair_pool, throttle

_ANYBODY = fair_pool.Holder("anybody")
_init = asgi.Gateway.__init__


def _patient(self: asgi.Gateway, *given: Any, **named: Any) -> None:
    _init(self, *given, **named | {"queue_patience_s": 3600.0})


asgi.holder_of = lambda _: _ANYBODY
asgi.Gateway.__init__ = _patient
throttle._GREED = 1_000_000  # noqa: SLF001 - the one bound that there is not
