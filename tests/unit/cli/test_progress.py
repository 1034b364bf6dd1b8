"""Progress bars."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress

from countenance.cli.progress import ProgressBars, install_progress


def test_each_piece_has_a_bar_that_ends_full():
    """Of known size, of unknown size, and of no size at all."""
    with Progress(console=Console(file=io.StringIO())) as drawn:
        bars = ProgressBars(drawn)
        for label, total, steps in (("a", 100, [40, 60]), ("b", None, [7]), ("c", None, [])):
            bars.begin(label, total_bytes=total)
            for step in steps:
                bars.advance(step)
            bars.end()
        assert [(task.description, task.completed, task.total) for task in drawn.tasks] == [
            ("a", 100, 100),
            ("b", 7, 7),
            ("c", 1, 1),
        ]


def test_a_notice_is_one_line_even_where_no_bars_are_drawn(capsys):
    """In a log file a sentence that is wrapped at 80 columns cannot be searched for."""
    with install_progress() as bars:
        bars.begin("work", total_bytes=10)
        bars.advance(10)
        bars.end()
        bars.notice("a [markup] " + "long " * 40 + "sentence")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "note: a [markup] " + "long " * 40 + "sentence\n"
