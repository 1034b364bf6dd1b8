"""Whether the body is a request that the operation's model allows."""

from __future__ import annotations

from countenance.errors import UnsupportedOperationException
from countenance.gateway.call import Authenticated, Validated, advance
from countenance.gateway.services import GatewayServices
from countenance.wire.codec import parse_request
from countenance.wire.validate import validate as check_constraints


def validate(call: Authenticated, services: GatewayServices) -> Validated:
    """Parse the body by the model and check every constraint of the model.

    Raises:
        UnsupportedOperationException: Amazon has the operation, this server does not.
        SerializationException: not JSON, or a member of the wrong JSON type.
        ValidationException: a constraint is not met.
    """
    operation = call.operation
    if operation.name not in services.operations[call.service.name]:
        raise UnsupportedOperationException(f"`{operation.name}` is not offered by Countenance yet")
    request = parse_request(call.body, operation)
    check_constraints(request, operation)
    return advance(call, Validated, request=request)
