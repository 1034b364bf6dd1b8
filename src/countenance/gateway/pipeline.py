"""The life of a call, step by step. Start here.

A call comes in two parts. Its head is enough to say which operation is meant and which key signs
for it: whoever has no key is refused before a byte of the body is read. The body comes after. Each
step takes the call as far as it has come and returns it one step further, as a complete value of a
new type (`call`), or raises; nothing reaches an operation except along this list.
"""

from __future__ import annotations

from datetime import datetime

from countenance.audit import LogBehind
from countenance.errors import InternalServerError, ServiceError, ThrottlingException
from countenance.gateway.authenticate import admit_key, authenticate
from countenance.gateway.authorize import Denied, authorize
from countenance.gateway.call import Admitted, Answer, Authorized, Call, Head, received, stopped
from countenance.gateway.dispatch import dispatch
from countenance.gateway.identify import identify
from countenance.gateway.log import Fault
from countenance.gateway.log_pages import LogPages
from countenance.gateway.observe import observe_answered, observe_refused
from countenance.gateway.record import record, record_refusal
from countenance.gateway.respond import Refusal, respond, respond_refused
from countenance.gateway.services import GatewayServices
from countenance.gateway.validate import validate
from countenance.store import CONTENTION, StoreUnavailable, UnitOfWork


class Pipeline:
    """Admits and answers calls. Thread-safe, synchronous, never raises.

    An answer with a result is given only after the call's changes and its event are committed, in
    one transaction. Any error rolls the changes back, and leaves an event of its own.
    """

    def __init__(self, services: GatewayServices) -> None:
        self._services = services
        self.log_pages = LogPages(services)

    def admit(self, head: Head) -> Admitted | Answer:
        """All that can be refused before the body is read."""
        reached = Call(head=head)
        try:
            reached = identified = identify(reached, self._services)
            reached = admitted = admit_key(identified, self._services)
            self._services.limits.require_room(admitted)
            return admitted
        except BaseException as error:  # noqa: BLE001  # every way to fail ends so; a panic is no Exception
            return self.refuse(reached, error)

    def answer(self, admitted: Admitted, body: bytes) -> Answer:
        """The rest of the life of a call whose body has been read."""
        reached = whole = received(admitted)
        try:
            reached = authentic = authenticate(whole, body, self._services)
            self._services.limits.spend(authentic)
            reached = validated = validate(authentic, self._services)
            reached = authorized = authorize(validated, self._services)
            with UnitOfWork(self._services.database) as work:
                reached = performed = dispatch(authorized, work, self._services)
                recorded = record(performed, work, self._services)
        except BaseException as error:  # noqa: BLE001  # as above
            return self.refuse(reached, error)
        observe_answered(recorded, self._services)
        return respond(recorded)

    def refuse(self, reached: Call, error: BaseException) -> Answer:
        """The answer to a call that got as far as `reached` and ends there."""
        refusal = record_refusal(_refusal(stopped(reached), error), self._services)
        observe_refused(refusal, self._services)
        return respond_refused(refusal)

    def now(self) -> datetime:
        """The time that calls are stamped with and judged by."""
        return self._services.clock()

    def is_healthy(self) -> bool:
        """Whether the database answers, the log keeps up and policy can decide: else no call is answered."""
        try:
            with self._services.database.read() as connection:
                self._services.promises.require_current(connection)
                connection.execute("select 1")
            return self._services.policies.is_usable(self.now().date())
        except (StoreUnavailable, LogBehind):
            return False


def _refusal(reached: Call, error: BaseException) -> Refusal:
    verdict = reached.verdict if isinstance(reached, Authorized) else None
    if isinstance(error, Denied):
        return Refusal(call=reached, error=error.answer, verdict=error.verdict, fault=None, asked=error.asked)
    if isinstance(error, ServiceError):
        fault = Fault.of(error) if error.status >= 500 else None
        return Refusal(call=reached, error=error, verdict=verdict, fault=fault)
    if isinstance(error, CONTENTION):  # rolled back for another call's sake: clients try again
        return Refusal(call=reached, error=ThrottlingException(), verdict=verdict, fault=Fault.of(error))
    return Refusal(call=reached, error=InternalServerError(), verdict=verdict, fault=Fault.of(error))
