"""What looks for misuse by itself, every minute, beside the supervisor's other work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import click

from countenance.conduct import Patrol
from countenance.store import StoreUnavailable

EVERY_S = 60.0


class Patrolling:
    """Called often, works once a minute in a thread of its own; a database that is away is tried later."""

    def __init__(self, patrol: Patrol, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._patrol = patrol
        self._clock = clock
        self._next_s = clock() + EVERY_S
        self._running: threading.Thread | None = None

    def __call__(self) -> None:
        if self._clock() < self._next_s or (self._running is not None and self._running.is_alive()):
            return
        self._next_s = self._clock() + EVERY_S
        self._running = threading.Thread(target=self._look, name="patrol", daemon=True)
        self._running.start()

    def _look(self) -> None:
        try:
            for account_id, _, suspicion in self._patrol.run():
                click.echo(
                    f"finding against account {account_id}: {suspicion.detector} ({suspicion.severity}); "
                    "see `countenance findings list`",
                    err=True,
                )
        except StoreUnavailable as error:
            click.echo(f"the patrol was put off: {error}", err=True)
        except Exception as error:  # noqa: BLE001  # nothing that it may meet is a reason to stop serving
            click.echo(f"the patrol failed: {type(error).__name__}", err=True)
