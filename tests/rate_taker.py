"""A process beside others on one table of rates.

python rate_taker.py take TABLE PER_S BURST SECONDS     says how many it was granted
python rate_taker.py hold TABLE                       says `.` once it holds the row's lock, and keeps it
"""

from __future__ import annotations

import sys
import time

from countenance.gateway import rates as module
from countenance.gateway.rates import Rate, Rates

KEY = "account/face"


def main():
    what, table = sys.argv[1], int(sys.argv[2])
    rates = Rates(table)
    if what == "hold":
        with rates._locked(module._place(KEY)[1]):
            sys.stdout.write(".")
            sys.stdout.flush()
            time.sleep(600)
    rate = Rate(float(sys.argv[3]), int(sys.argv[4]))
    until, granted = time.monotonic() + float(sys.argv[5]), 0
    while time.monotonic() < until:
        granted += rates.take(KEY, rate)
    sys.stdout.write(str(granted))


if __name__ == "__main__":
    main()
