"""Writers and a sequencer without a server: processes that are started again after each death."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import log_writer
from countenance.cli.orders import Orders
from countenance.settings import Settings

WRITERS = 2


class Kept:
    """A process that is started again after each death, told the same on its standard input."""

    def __init__(self, command, line, *, log):
        self._command, self._line, self._log = command, line, log
        self._process = None
        self.starts = 0
        self.revive()

    def revive(self):
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._process.stdin.close()
        environment = os.environ | {"PYTHONPATH": str(Path(log_writer.__file__).parent)}
        self._process = subprocess.Popen(
            [sys.executable, *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env=environment,
        )
        self.starts += 1
        with suppress(BrokenPipeError):
            self._process.stdin.write(self._line)
            self._process.stdin.flush()

    @property
    def is_alive(self):
        return self._process.poll() is None

    def kill(self):
        self._process.kill()
        self._process.wait()

    def close(self):
        """End it as a supervisor's end does, or in half a minute."""
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def processes(url, data_dir, folder, *, writing=WRITERS):
    """Writers and a sequencer; none is left behind."""
    with ExitStack() as stack:
        told = stack.enter_context((folder / "stderr").open("ab"))
        orders = Orders(Settings(data_dir=data_dir), url, listener=-1).to_line()
        sequencer = Kept(["-m", "countenance.cli.sequencer"], orders, log=told)
        stack.callback(sequencer.close)
        writers = []
        for number in range(writing):
            command = [log_writer.__file__, folder / f"acknowledged-{number}"]
            writers.append(Kept(command, f"{url}\n".encode(), log=told))
            stack.callback(writers[-1].close)
            stack.callback(writers[-1].kill)
        yield sequencer, writers
