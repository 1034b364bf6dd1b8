"""Whoever invites can sign in in somebody's place: nobody counts as a second person by that alone."""

from __future__ import annotations

import uuid

import pytest

from account_server import CLI
from countenance.accounts import Actor
from countenance.accounts.sign_in import Identity
from countenance.errors import AccessDeniedException, ConflictException, ResourceNotFoundException


class Staff:
    """People of one account; what they do they do by calls, unless it says `on the machine`."""

    def __init__(self, server) -> None:
        self.server, self.account = server, server.account()
        self.operators = server.governance.operators

    def on_the_machine(self, name: str, *roles: str) -> None:
        self.operators.put(self.account, name, roles or ["administrator"], actor=CLI)

    def number(self, name: str) -> str:
        return self.operators.require(self.account, name).operator_id

    def call(self, by: str, do, *given) -> object:
        """What `by` does with a personal key of theirs."""
        with self.server.database.transaction() as connection:
            actor = Actor(
                by, connection, uuid.uuid4(), self.account, lambda _: None, operator_id=self.number(by)
            )
            return do(self.account, *given, actor=actor)

    def put(self, by: str, name: str, *roles: str) -> None:
        self.call(by, self.operators.put, name, roles)

    def bring_in(self, by: str, name: str) -> None:
        """Invited by `by`, and taken up by whoever has the code."""
        code = self.call(by, self.operators.invite, name).code
        self.take_up(code)

    def take_up(self, code: str) -> None:
        self.server.governance.sign_ins.take_up_by_identity(
            code, Identity("https://id.example", str(uuid.uuid4()))
        )

    def confirm(self, by: str, name: str) -> None:
        self.call(by, self.operators.confirm, name)

    def is_confirmed(self, name: str) -> bool:
        return self.operators.require(self.account, name).vouched_at is not None


@pytest.fixture
def staff(server) -> Staff:
    """Two administrators of the machine's making."""
    made = Staff(server)
    made.on_the_machine("Anna")
    made.on_the_machine("Bert")
    return made


def test_who_was_invited_by_one_is_confirmed_by_another(staff, server):
    """And the account's list says by whom."""
    staff.put("Anna", "Erin", "examiner")
    staff.bring_in("Anna", "Erin")
    assert not staff.is_confirmed("Erin")
    staff.confirm("Bert", "Erin")
    erin = staff.operators.require(staff.account, "Erin")
    assert (erin.vouched_by, erin.brought_in_by) == ("Bert", "Anna")
    with pytest.raises(ConflictException, match="already"):
        staff.confirm("Bert", "Erin")


def test_whoever_invited_does_not_confirm_and_nobody_confirms_themselves(staff):
    staff.put("Anna", "Erin", "administrator", "examiner")
    staff.bring_in("Anna", "Erin")
    with pytest.raises(AccessDeniedException, match="whom they invited"):
        staff.confirm("Anna", "Erin")
    with pytest.raises(AccessDeniedException, match="not confirmed yourself"):
        staff.confirm("Erin", "Erin")
    staff.put("Bert", "Carl", "examiner")
    staff.bring_in("Bert", "Carl")
    with pytest.raises(AccessDeniedException, match="not confirmed yourself"):
        staff.confirm("Erin", "Carl")


def test_an_administrator_whom_one_made_up_brings_in_nobody_who_counts(staff):
    """Anna makes Eve and signs in as her; Eve invites Erin, Anna confirms Erin: that would be one woman."""
    staff.put("Anna", "Eve", "administrator")
    staff.bring_in("Anna", "Eve")
    staff.put("Eve", "Erin", "examiner")
    staff.bring_in("Eve", "Erin")
    for by in ("Anna", "Bert"):
        with pytest.raises(AccessDeniedException, match="invited by somebody who was not confirmed"):
            staff.confirm(by, "Erin")
    staff.confirm("Bert", "Eve")  # too late for whom she brought in before
    with pytest.raises(AccessDeniedException, match="invited by somebody who was not confirmed"):
        staff.confirm("Anna", "Erin")
    staff.bring_in("Eve", "Erin")
    staff.confirm("Bert", "Erin")


def test_who_is_invited_anew_is_somebody_else_until_confirmed(staff):
    """A person whom all know is taken over by one click, and is then nobody's second pair of eyes."""
    staff.on_the_machine("Erin", "examiner")
    assert staff.is_confirmed("Erin")
    code = staff.call("Anna", staff.operators.invite, "Erin").code
    assert staff.is_confirmed("Erin")  # an invitation that nobody takes up changes nothing
    staff.take_up(code)
    assert not staff.is_confirmed("Erin")
    staff.put("Anna", "Erin", "auditor")
    staff.put("Anna", "Erin", "examiner")
    assert not staff.is_confirmed("Erin")


def test_a_confirmation_does_not_outlive_a_later_invitation_of_the_confirmers_friend(staff):
    """Confirmed first and taken over afterwards is not confirmed."""
    staff.put("Anna", "Erin", "examiner")
    with pytest.raises(ConflictException, match="not taken up"):
        staff.confirm("Bert", "Erin")
    staff.bring_in("Anna", "Erin")
    staff.confirm("Bert", "Erin")
    staff.bring_in("Bert", "Erin")
    with pytest.raises(AccessDeniedException, match="whom they invited"):
        staff.confirm("Bert", "Erin")
    staff.confirm("Anna", "Erin")


def test_the_machine_confirms_and_invites_as_somebody_of_its_own(staff, server):
    """Houses with one administrator have their way; the log says who did it."""
    staff.put("Anna", "Erin", "examiner")
    staff.bring_in("Anna", "Erin")
    staff.operators.confirm(staff.account, "Erin", actor=CLI)
    assert staff.operators.require(staff.account, "Erin").vouched_by == "machine"
    assert server.operations(staff.account)[-1] == "ConfirmOperator"
    staff.take_up(staff.operators.invite(staff.account, "Erin", actor=CLI).code)
    assert staff.is_confirmed("Erin")


def test_whoever_is_gone_or_of_another_account_confirms_nobody(staff, server):
    other = Staff(server)
    other.on_the_machine("Anna")
    with pytest.raises(ResourceNotFoundException):
        other.confirm("Anna", "Bert")
    staff.put("Anna", "Erin", "examiner")
    staff.bring_in("Anna", "Erin")
    number = other.number("Anna")
    with (
        pytest.raises(AccessDeniedException, match="not confirmed yourself"),
        server.database.transaction() as connection,
    ):
        actor = Actor("Anna", connection, uuid.uuid4(), staff.account, operator_id=number)
        staff.operators.confirm(staff.account, "Erin", actor=actor)
    with (
        pytest.raises(AccessDeniedException, match="not confirmed yourself"),
        server.database.transaction() as connection,
    ):
        keyless = Actor("a program", connection, uuid.uuid4(), staff.account)
        staff.operators.confirm(staff.account, "Erin", actor=keyless)
