"""Which operation is meant. From here on the call leaves an event."""

from __future__ import annotations

from countenance.errors import UnknownOperationException
from countenance.gateway.call import Call, Identified, advance
from countenance.gateway.services import GatewayServices


def identify(call: Call, services: GatewayServices) -> Identified:
    """Find the operation that `X-Amz-Target` names, case-sensitively, offered or not.

    Raises:
        UnknownOperationException: no target, or none of our models' operations.
    """
    target = call.head.headers.get("x-amz-target")
    if target is None:
        raise UnknownOperationException("the header `X-Amz-Target` is missing")
    found = services.models.by_target(target)
    if found is None:
        raise UnknownOperationException("the header `X-Amz-Target` names no operation of this service")
    service, operation = found
    return advance(call, Identified, service=service, operation=operation)
