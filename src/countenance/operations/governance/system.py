"""DescribeSystem: how the server is, and what to do where it is not well."""

from __future__ import annotations

from datetime import UTC, datetime

from countenance.operations.deps import Deps
from countenance.operations.system_checks import ORDER, Check, examine
from countenance.wire.shapes import DescribeSystemRequest, DescribeSystemResponse, SystemCheck


def describe_system(_: DescribeSystemRequest, deps: Deps) -> DescribeSystemResponse:
    """Everything that the caller may know of it, looked at now."""
    checks = list(examine(deps))
    return {
        "Checks": [_to_check(check) for check in checks],
        "State": max((check.state for check in checks), key=ORDER.index),
        "At": datetime.now(UTC),
    }


def _to_check(check: Check) -> SystemCheck:
    told: SystemCheck = {"Subject": check.subject, "State": check.state, "Message": check.message}
    if check.remedy:
        told["Remedy"] = check.remedy
    return told
