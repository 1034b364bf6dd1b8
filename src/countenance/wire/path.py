"""How messages name a member: lower camel case, as AWS does (`image.s3Object.bucket`)."""

from __future__ import annotations


def join(path: str, member: str) -> str:
    """`path` extended by a structure's member; AWS lowers the first letter only."""
    name = member[:1].lower() + member[1:]
    return f"{path}.{name}" if path else name
