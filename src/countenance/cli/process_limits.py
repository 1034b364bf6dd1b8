"""What the system may do with this process and its children: no picture of their memory, many sockets."""

from __future__ import annotations

import resource

_NO_CORE_BYTES = 1
"""Zero stops only cores that go to a file; Linux takes one byte for "none" where a program collects them."""
_OPEN_FILES = 65_536


def set_process_limits() -> None:
    """Forbid core dumps, for good, and allow as many open files as may be; children inherit both.

    A worker's memory holds templates, photographs and the master key: a core file would keep them.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    none = _NO_CORE_BYTES if hard == resource.RLIM_INFINITY else min(_NO_CORE_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (none, none))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
