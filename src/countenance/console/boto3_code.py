"""The program that makes a call of the Try page: boto3 as it is, and a personal key from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_FILES: Final = {"Image": "photo.jpg", "SourceImage": "source.jpg", "TargetImage": "target.jpg"}
_HEAD: Final = """\
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: a key of your own, which takes the purpose on as this page did.
import json
import os
import pathlib

import boto3
import countenance.wire.model

os.environ["AWS_DATA_PATH"] = str(countenance.wire.model.data_path())  # so that boto3 knows AssumePurpose
there = {{"endpoint_url": {endpoint}, "region_name": {region}}}
taken_on = boto3.client("countenance", **there).assume_purpose(
{claims}
)["Credentials"]
client = boto3.client(
    "rekognition",
    aws_access_key_id=taken_on["AccessKeyId"],
    aws_secret_access_key=taken_on["SecretAccessKey"],
    aws_session_token=taken_on["SessionToken"],
    **there,
)
answer = client.{name}(
{members}
)
print(json.dumps(answer, indent=2))
"""


def boto3_code(
    operation: str,
    request: Mapping[str, Any],
    *,
    purpose: str,
    claims: Mapping[str, str],
    endpoint: str,
    region: str,
) -> str:
    """A whole file: photos come from files beside it.

    What somebody typed stands in it as a literal of ASCII: no word of theirs is code, or looks like it.
    """
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
    return _HEAD.format(
        endpoint=ascii(endpoint),
        region=ascii(region),
        claims=_members({"Purpose": purpose, **claims}),
        name=name,
        members=_members(request),
    )


def _members(given: Mapping[str, Any]) -> str:
    return "\n".join(f"    {name}={_literal(name, value)}," for name, value in given.items())


def _literal(name: str, value: Any) -> str:
    if name in _FILES:
        return f'{{"Bytes": pathlib.Path("{_FILES[name]}").read_bytes()}}'
    return ascii(value)
