"""Which program made a template."""

from __future__ import annotations

import ast
import re

import pytest

from countenance.vision import pipeline_digest as module
from countenance.vision.pipeline_digest import pipeline_digest, syntax_of

PLAIN = b"def scale(x):\n    return 2 * x\n"


def test_a_digest_is_the_same_in_every_process_and_hexadecimal():
    """It stands in signed records, so it may not depend on the order in which a folder is listed."""
    first = pipeline_digest()
    pipeline_digest.cache_clear()
    assert pipeline_digest() == first
    assert re.fullmatch(r"[0-9a-f]{64}", first)


def test_comments_docstrings_and_layout_change_nothing():
    """A record stays good when somebody explains the code better."""
    worded = b'"""Scales."""\n\n# twice\ndef scale(x):\n    """Twice `x`."""\n    return (2 *\n        x)\n'
    assert syntax_of(worded) == syntax_of(PLAIN)


def test_what_is_computed_changes_it():
    """Another constant makes other templates: a record of before says nothing about them."""
    assert syntax_of(PLAIN.replace(b"2", b"3")) != syntax_of(PLAIN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = None", "x = ()"),
        ("def f(): return None", "def f(): return"),
        ("x = 1", "x = True"),
        ("x = 1", "x = 1.0"),
        ("x = '1'", "x = b'1'"),
        ("a[1:]", "a[:1]"),
        ("f(*a)", "f(**a)"),
        ("f'{x}'", "f'{x!r}'"),
        ("f'{x:.1f}'", "f'{x:.2f}'"),
    ],
)
def test_what_means_something_else_is_something_else(one, other):
    """What is left out because it is empty must not make two programs one."""
    assert syntax_of(one.encode()) != syntax_of(other.encode())


def test_every_python_writes_the_same(monkeypatch):
    """Python 3.12 gave functions a list of type parameters, 3.13 writes no empty one: an auditor's Python may
    be another than the server's.
    """
    plain = syntax_of(PLAIN)
    assert plain == (
        b"Module(body=[FunctionDef(name='scale', args=arguments(args=[arg(arg='x')]), body=[Return(value="
        b"BinOp(left=Constant(value=2), op=Mult(), right=Name(id='x', ctx=Load())))])])"
    )
    monkeypatch.setattr(ast.FunctionDef, "_fields", (*ast.FunctionDef._fields, "of_a_later_python"))
    monkeypatch.setattr(ast.FunctionDef, "of_a_later_python", [], raising=False)
    assert syntax_of(PLAIN) == plain


def test_a_change_of_any_module_that_a_template_goes_through_shows(monkeypatch):
    """Detection, alignment and embedding are all in it."""
    before = pipeline_digest()
    for name in ("align.py", "detect.py", "embed.py", "decode.py", "refine.py"):
        pipeline_digest.cache_clear()
        monkeypatch.setattr(
            module, "_is_in_a_template", lambda file, left_out=name: file.endswith(".py") and file != left_out
        )
        assert pipeline_digest() != before
    pipeline_digest.cache_clear()


def test_getting_weights_is_not_in_it():
    """Where a file is downloaded from changes no template: its digest is the pack's."""
    assert not module._is_in_a_template("fetch.py")
    assert not module._is_in_a_template("install.py")
    assert module._is_in_a_template("embed.py")
