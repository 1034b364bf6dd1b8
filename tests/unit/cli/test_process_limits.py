from __future__ import annotations

import resource
import subprocess
import sys

SETTING_THEM = """
import resource, subprocess, sys
from countenance.cli.process_limits import set_process_limits
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
set_process_limits()
asked = "from resource import *; print(*getrlimit(RLIMIT_CORE), getrlimit(RLIMIT_NOFILE)[0])"
print(subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout)
"""


def limits_of_a_child():
    done = subprocess.run([sys.executable, "-c", SETTING_THEM], capture_output=True, text=True, check=True)
    return [int(limit) for limit in done.stdout.split()]


def test_no_process_of_the_server_leaves_a_core_file():
    """A core file is a worker's memory on disk: templates, photographs and the master key."""
    soft, hard, _ = limits_of_a_child()
    assert (soft, hard) in {(0, 0), (1, 1)}


def test_a_low_limit_of_open_files_is_raised():
    """Each connection is an open file, and so is each look at a collection's key."""
    *_, open_files = limits_of_a_child()
    assert open_files == min(65_536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
