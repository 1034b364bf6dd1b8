"""Whether policy allows the call: default deny, and nothing of another account exists."""

from __future__ import annotations

from countenance.errors import AccessDeniedException, ResourceNotFoundException, ServiceError, SetupError
from countenance.gateway.call import Authorized, Validated, advance
from countenance.gateway.question import Question, question_of
from countenance.gateway.services import GatewayServices
from countenance.policy import AccessRequest, Decision, PolicyEngine, Resource, Verdict
from countenance.policy.groups import kinds_of

_STAYS_OPEN = frozenset({"terms", "dueProcess", "rights", "officer"})


class Denied(Exception):
    """Policy does not allow the call. `answer` is what the caller is told, the verdict is for the event."""

    def __init__(self, verdict: Verdict, asked: AccessRequest, answer: ServiceError) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict
        self.asked = asked
        self.answer = answer


def authorize(call: Validated, services: GatewayServices) -> Authorized:
    """Ask the policy.

    Raises:
        Denied: it says anything but allow.
        ServiceError: the question cannot be asked: a charter that cannot be.
    """
    question = question_of(call, services)
    verdict = _engine(call, question, services).decide(question.request)
    if verdict.decision is not Decision.ALLOW:
        raise Denied(verdict, question.request, _told(call, question.request.resource, verdict))
    return advance(call, Authorized, verdict=verdict, asked=question.request)


def _engine(call: Validated, question: Question, services: GatewayServices) -> PolicyEngine:
    """The engine of the packs in use; where that cannot be built, for what must stay open the core alone.

    Raises:
        SetupError: a pack in use is missing, damaged or changed: so nothing is decided.
    """
    today = call.head.received_at.date()
    try:
        return services.policies.engine(question.epoch, today)
    except SetupError:
        if not kinds_of(call.operation.name) & _STAYS_OPEN:
            raise
        return services.policies.core(today)


def _told(call: Validated, resource: Resource, verdict: Verdict) -> ServiceError:
    # INVARIANT: what belongs to another account is answered as what does not exist.
    if resource.owner != call.caller.account_id:
        return ResourceNotFoundException(f"The resource `{call.request['ResourceArn']}` does not exist")
    return AccessDeniedException(verdict.message)
