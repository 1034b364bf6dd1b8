"""A suspension acts at once, on everybody whom it reaches, and the log shows the order."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from logged_calls import await_entry

pytestmark = pytest.mark.xdist_group("server")

CLIENTS = 64
EFFECT_WITHIN_S = 1.0


@pytest.fixture(scope="module")
def officer(service):
    """A client of the house's first officer."""
    return service.officer()


@pytest.fixture
def make_account(service, officer):
    """Make an account that has accepted the terms: its id and a maker of clients."""

    def make(name: str) -> tuple[str, Any]:
        made = officer.create_account(Name=name)
        keys = {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
        }
        own = service.client("countenance", **keys)
        terms = own.get_terms()
        own.accept_terms(
            Version=terms["Version"], Digest=terms["Digest"], OfficerName=name, OfficerRole="officer"
        )
        return made["AccountId"], lambda kind="rekognition": service.client(kind, **keys)

    return make


class Caller:
    """Calls without pause; when it asked what was answered and what was refused.

    When it had the answer is no measure: so many threads wait for one another.

    Attributes:
        last: the event of its last refusal.
    """

    def __init__(self, client: Any, stop: threading.Event) -> None:
        self.answered: list[float] = []
        self.refused: list[float] = []
        self.others: list[str] = []
        self.last = ""
        self._client, self._stop = client, stop
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            asked_at = time.monotonic()
            try:
                self._client.list_collections()
                self.answered.append(asked_at)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code != "AccessDeniedException":
                    self.others.append(code)
                    continue
                self.refused.append(asked_at)
                self.last = error.response["ResponseMetadata"]["HTTPHeaders"]["x-countenance-event-id"]


def entries_of(client: Any) -> list[str]:
    """All entries of the client's account, in the log's order."""
    found, token = [], None
    while True:
        page = client.list_audit_entries(MaxResults=1000, **({"NextToken": token} if token else {}))
        found += [entry["Entry"] for entry in page["Entries"]]
        token = page.get("NextToken")
        if token is None:
            return found


def position_of_suspension(entries: list[str]) -> int:
    """Where the entry stands that tells of it, as its own or as one that was carried to it."""
    return next(
        place
        for place, entry in enumerate(entries)
        if '"to":"suspended"' in entry
        and ('"operation":"ChangeStanding"' in entry or '"operation":"CarryStanding"' in entry)
    )


def test_a_suspension_acts_within_a_second_under_64_clients_and_reaches_who_is_downstream(
    officer, make_account
):
    """On two worker processes; nobody is answered behind it, in time and in the log; others go on."""
    provider_id, provider = make_account("Provider")
    firm_id, firm = make_account("Firm")
    agency_id, agency = make_account("Agency")
    _, bystander = make_account("Bystander")
    for owner, kind, other, confirming in (
        (firm, "supplied_by", provider_id, provider),
        (firm, "acts_for", agency_id, agency),
    ):
        made = owner("countenance").declare_relation(Kind=kind, AccountId=other)
        assert confirming("countenance").confirm_relation(RelationId=made["RelationId"])["InForce"]
    stop = threading.Event()
    callers = {
        "firm": [Caller(firm(), stop) for _ in range(CLIENTS // 2)],
        "agency": [Caller(agency(), stop) for _ in range(CLIENTS // 2 - 4)],
        "provider": [Caller(provider(), stop) for _ in range(2)],
        "bystander": [Caller(bystander(), stop) for _ in range(2)],
    }
    time.sleep(2.0)
    officer.change_standing(AccountId=firm_id, Standing="suspended", Reason="a test of suspension")
    told_at = time.monotonic()
    time.sleep(2.5)
    stop.set()
    for group in callers.values():
        for caller in group:
            caller.join()
    assert [code for group in callers.values() for caller in group for code in caller.others] == []
    for name in ("firm", "agency"):
        answered = [at for caller in callers[name] for at in caller.answered]
        assert len(answered) > 20, name
        assert max(answered) < told_at + EFFECT_WITHIN_S, name
        assert sum(len(caller.refused) for caller in callers[name]) > 20, name
    for name in ("provider", "bystander"):
        assert all(caller.answered[-1] > told_at + 1.0 and not caller.refused for caller in callers[name]), (
            name
        )
    for name, account in (("firm", firm), ("agency", agency)):
        for last in filter(None, (caller.last for caller in callers[name])):
            await_entry(account("countenance"), last)
        entries = entries_of(account("countenance"))
        behind = entries[position_of_suspension(entries) :]
        assert len(behind) > 20
        assert not [
            entry
            for entry in behind
            if '"operation":"ListCollections"' in entry and '"outcome":"answered"' in entry
        ]


def test_what_a_suspended_account_may_still_do(officer, make_account, refusal):
    """Read why, appeal, export its own log: and nothing else, with no key and no session."""
    account_id, account = make_account("Suspended")
    own, rekognition = account("countenance"), account()
    session = own.get_session_token()["Credentials"]
    officer.change_standing(AccountId=account_id, Standing="suspended", Reason="because of a test")
    told = own.describe_account()
    assert (told["Standing"], told["Changes"][0]["Reason"]) == ("suspended", "because of a test")
    assert own.list_findings()["Findings"] == []
    assert own.get_terms()["Name"] == "acceptable-use"
    assert entries_of(own) is not None
    for operation in (rekognition.list_collections, own.list_access_keys, own.list_purposes, own.get_health):
        code, message, _ = refusal(operation)
        assert code == "AccessDeniedException"
        assert "AUP-002" in message
        assert "SubmitAppeal" in message
    appeal = own.submit_appeal(Statement="It was only a test.")["AppealId"]
    code, message, _ = refusal(
        officer.decide_appeal, AppealId=appeal, Decision="grant", Reason="I changed my mind"
    )
    assert code == "AccessDeniedException", message  # not by whoever suspended
    assert session["SessionToken"]
