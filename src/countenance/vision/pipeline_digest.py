"""Which program made a template: a digest of the code from bytes to templates.

A record that a pipeline was measured holds for the pipeline that was measured. What the weights are, the
pack's digest says; what is done with them, this one.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib import resources
from typing import Final

_NOT_IN_A_TEMPLATE: Final = (
    "install",
    "fetch",
    "progress",
    "pinned_files",
    "packs",
    "manifest",
    "parse_",
    "quality_filter",
    "pipeline_digest",
)
"""Beginnings of the names of modules that get weights or choose among faces: no template depends on them."""


@cache
def pipeline_digest() -> str:
    """SHA-256, hex, of the syntax of `vision`: comments, docstrings and layout change nothing.

    The libraries that decode, warp and run are not in it; thread safe.
    """
    digest = hashlib.sha256()
    modules = [
        entry for entry in resources.files("countenance.vision").iterdir() if _is_in_a_template(entry.name)
    ]
    for module in sorted(modules, key=lambda entry: entry.name):
        syntax = syntax_of(module.read_bytes())
        digest.update(f"{module.name}\0{len(syntax)}\0".encode() + syntax)
    return digest.hexdigest()


def syntax_of(source: bytes) -> bytes:
    """The syntax tree of a module as bytes, without its docstrings; the same under every Python.

    `ast.dump` is not: each version of Python has fields of its own, which it writes though they are empty.

    Raises:
        SyntaxError: it is no Python.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return _written(tree).encode()


def _written(value: object) -> str:
    """A node with its fields that are there, by name; a list of nodes; or what stands in a constant."""
    if isinstance(value, ast.AST):
        # INVARIANT: a field that is empty says what one that is absent says; but None is a constant as well.
        fields = [
            f"{name}={_written(found)}"
            for name, found in ast.iter_fields(value)
            if (found is not None and found != []) or (isinstance(value, ast.Constant) and name == "value")
        ]
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return ascii(value)  # `repr` depends on which characters that Python takes for printable


def _is_in_a_template(file: str) -> bool:
    return file.endswith(".py") and not file.startswith(_NOT_IN_A_TEMPLATE)
