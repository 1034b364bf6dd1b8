"""How a log that was restored goes on under another name (docs/spec/audit-log.md, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from countenance.transparency.merkle import EMPTY_ROOT, ProofInvalid, verify_consistency
from countenance.transparency.note import decode_base64, encode_base64


def continuation_statement(
    *, previous: Mapping[str, Any], kept: int, origin: str, log_key: str, receipt_key: str
) -> bytes:
    """What the old log's key and the new one's sign."""
    return (
        "countenance-log-continued/v1\n"
        f"{previous['origin']}\n{previous['log_key']}\n{previous['size']}\n{previous['root']}\n{kept}\n"
        f"{origin}\n{log_key}\n{receipt_key}\n"
    ).encode()


def kept_flaw(previous: Mapping[str, Any], kept: int, root: bytes) -> str:
    """Why the entries that were kept are not those that the cited checkpoint covers; "" if they are.

    Args:
        kept: how many entries there are before the one that cites.
        root: of the tree over them.
    """
    size = previous["size"]
    if size == 0 or size > kept:
        # Nothing was signed, or what was kept is older than what is cited: there is nothing to compare.
        if previous["proof"] or (size == 0 and previous["root"] != encode_base64(EMPTY_ROOT)):
            return "it proves of nothing that it was kept"
        return ""
    try:
        path = [decode_base64(each) for each in previous["proof"]]
        verify_consistency(size, decode_base64(previous["root"]), kept, root, path)
    except (ValueError, ProofInvalid) as error:
        return f"the checkpoint that it cites does not cover the entries that were kept: {error}"
    return ""
