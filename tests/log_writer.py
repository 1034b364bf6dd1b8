"""Records events until it is killed, and notes each that is committed: run by test_log_faults.

Standard input: the database's URL. Argument: the file for the ids of acknowledged events, a line each.
"""

from __future__ import annotations

import os
import random
import sys
import time

from countenance.errors import SetupError
from countenance.store import Database, StoreUnavailable
from log_rows import insert_events


def main() -> None:
    url = sys.stdin.readline().strip()
    notes = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(notes, b"\n")  # an earlier life may have been killed in the middle of a line
    while True:
        try:
            with Database(url, max_connections=1) as database:
                write(database, notes)
        except (SetupError, StoreUnavailable):
            time.sleep(0.1)


def write(database: Database, notes: int) -> None:
    while True:
        with database.transaction() as connection:
            event_ids = insert_events(connection, random.randrange(1, 20))
        os.write(notes, b"".join(b"%s\n" % str(event).encode() for event in event_ids))


if __name__ == "__main__":
    main()
