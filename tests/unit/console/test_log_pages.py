"""An entry's page: what was refused or put off is no entry that is not there."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from countenance.console.calls import CallRefused
from countenance.console.explain_page import show as explain
from countenance.console.log_pages import show_one
from countenance.console.request import WebRequest
from countenance.console.visit import Visit

EVENT = str(uuid.uuid4())


class Refusing:
    """A gateway that refuses every call in one way."""

    def __init__(self, code: str, status: int) -> None:
        self._error = CallRefused(code=code, message="not now", status=status, event_id="")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def call(self, *_args, **_given):
        raise self._error


@pytest.mark.parametrize("show", [show_one, explain])
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("AccessDeniedException", 400),
        ("InternalServerError", 500),
    ],
)
def test_what_is_refused_or_put_off_is_told_as_that(show, code, status):
    """Who reads "there is no such entry" of one that there is thinks that the log was changed."""
    visit = Visit(
        request=WebRequest(method="GET", path=f"/console/log/{EVENT}", query=f"event={EVENT}", headers={}),
        session=SimpleNamespace(keys=SimpleNamespace(access_key_id="AKIA", secret="s")),
        number="n" * 43,
        calls=Refusing(code, status),
        door=None,
        parts={"event": EVENT},
        menu=[],
    )
    with pytest.raises(CallRefused) as caught:
        show(visit)
    assert (caught.value.code, caught.value.status) == (code, status)
