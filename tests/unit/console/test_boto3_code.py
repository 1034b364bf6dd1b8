"""The program of the Try page: whole, and no word that somebody typed is code in it."""

from __future__ import annotations

import ast

import pytest

from countenance.console.boto3_code import boto3_code

REQUEST = {"CollectionId": "friends", "Image": {"Bytes": b"never shown"}, "FaceMatchThreshold": 91.5}


def keywords(code):
    """Of every call in it that has some: their values, or the expression."""
    found = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found[node.func.attr] = {each.arg: each.value for each in node.keywords if each.arg}
    return found


def test_it_takes_the_purpose_on_and_makes_the_call():
    code = boto3_code(
        "SearchFacesByImage",
        REQUEST,
        purpose="missing-persons",
        claims={"Case": "MP-1", "Source": "relative"},
        endpoint="http://127.0.0.1:1",
        region="eu-west-1",
    )
    calls = keywords(code)
    assert {name: ast.literal_eval(value) for name, value in calls["assume_purpose"].items()} == {
        "Purpose": "missing-persons",
        "Case": "MP-1",
        "Source": "relative",
    }
    search = calls["search_faces_by_image"]
    assert (ast.literal_eval(search["CollectionId"]), ast.literal_eval(search["FaceMatchThreshold"])) == (
        "friends",
        91.5,
    )
    assert ast.unparse(search["Image"]) == "{'Bytes': pathlib.Path('photo.jpg').read_bytes()}"
    assert "never shown" not in code


@pytest.mark.parametrize(
    "typed",
    [
        '"); import os; os.abort() #',
        '\'\n"""',
        "\\",
        "{endpoint}",
        "\u202egnihton\u2066",
        "\U0001f600",
        "a\u2028b",
    ],
)
def test_what_somebody_typed_is_a_literal(typed):
    """It is pasted into a shell: a case's name must not be a program, nor look like another one."""
    code = boto3_code(
        "CompareFaces",
        {"SourceImage": {"Bytes": b""}, "TargetImage": {"Bytes": b""}, "Attributes": [typed]},
        purpose=typed,
        claims={"Case": typed},
        endpoint=f"http://{typed}",
        region=typed,
    )
    assert code.isascii()
    calls = keywords(code)
    assert ast.literal_eval(calls["assume_purpose"]["Case"]) == typed
    assert ast.literal_eval(calls["compare_faces"]["Attributes"]) == [typed]
