"""`make story`: the whole of enforced terms against a live server, as somebody outside sees it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fixtures_server import server_settings

TIMEOUT_S = 300


@pytest.mark.slow
def test_the_story_goes_as_the_terms_say_and_all_of_it_is_in_the_log():
    """It exits 0 only if every step did, so that it cannot be told of a server that does otherwise."""
    settings = server_settings()
    where = ["--cache-dir", str(settings.cache_dir)]
    where += ["--models", str(settings.models)] if settings.models else []
    done = subprocess.run(
        [sys.executable, "-m", "countenance.cli", "story", *where],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    told = done.stdout
    assert done.returncode == 0, told + done.stderr
    for words in (
        "AUP-001",  # terms unaccepted
        "PUR-005",  # a threshold
        "PUR-011",  # a case
        "PUR-001",  # a purpose
        "us-wa-43.386, legal review: none",  # a government's pack
        "suspend",  # a finding that acts
        "AUP-002",  # the firm, and through it the agency
        "firm: ChangeStanding to suspended",  # proven by name, offline
        "agency: CarryStanding to suspended",
        "reinstated",
        "every step went as the terms say, and all of it is in the log",
    ):
        assert words in told
    assert "not as it should be" not in told
