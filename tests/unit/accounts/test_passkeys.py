"""Passkeys: an invitation taken up with one, signed in with, added, removed; and who does not get in."""

from __future__ import annotations

import base64
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from account_server import CLI
from authenticator import Authenticator
from countenance.accounts.authenticators import Place, creation_options, request_options
from countenance.accounts.passkeys import MOST_PASSKEYS, Challenge
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)

PLACE = Place.of("https://countenance.example")


def challenge() -> Challenge:
    return Challenge(secrets.token_bytes(32), datetime.now(UTC) + timedelta(minutes=5))


class Person:
    """An operator with a device that keeps passkeys."""

    def __init__(self, server, account: str | None = None, name: str = "Ada") -> None:
        self.server, self.name = server, name
        self.account = account or server.account()
        self.passkeys, self.operators = server.governance.passkeys, server.governance.operators
        self.operators.put(self.account, name, ["developer"], actor=CLI)
        self.operator_id = self.operators.require(self.account, name).operator_id
        self.device = Authenticator(PLACE.origin)

    def made(self, asked: Challenge, **wrong) -> str:
        options = creation_options(PLACE, asked.value, operator_id=self.operator_id, name=self.name, has=[])
        return self.device.make(options, **wrong)

    def take_up(self) -> str:
        code, asked = self.operators.invite(self.account, self.name, actor=CLI).code, challenge()
        return self.passkeys.take_up(code, self.made(asked), PLACE, asked, name="the first")

    def sign_in(self, asked: Challenge | None = None, **told) -> str:
        asked = asked or challenge()
        return self.passkeys.sign_in(
            self.device.sign(request_options(PLACE, asked.value), **told), PLACE, asked
        )

    def session(self, token: str):
        return self.server.governance.sign_ins.find(token)

    def add(self, session, **wrong) -> bytes:
        asked = challenge()
        before = set(self.device.keys)
        self.passkeys.add(session, self.made(asked, **wrong), PLACE, asked, name="another")
        [new] = set(self.device.keys) - before
        return new


@pytest.fixture
def ada(server) -> Person:
    person = Person(server)
    person.token = person.take_up()
    return person


def test_whoever_is_invited_needs_a_passkey_and_nothing_else(ada, server):
    """No account, no name, no password: the device says whose it is."""
    assert ada.session(ada.token).operator == "Ada"
    session = ada.session(ada.sign_in())
    assert (session.account_id, session.operator) == (ada.account, "Ada")
    [kept] = ada.passkeys.list(ada.operator_id)
    assert (kept.name, kept.place, kept.used_at is not None) == ("the first", "countenance.example", True)
    assert server.operations(ada.account)[-2:] == ["TakeUpInvitation", "SignIn"]
    assert ada.operators.require(ada.account, "Ada").can_sign_in


def test_an_invitation_is_taken_up_once_with_whatever(server):
    """Of four browsers with one code, one makes the passkey."""
    person = Person(server)
    code = person.operators.invite(person.account, "Ada", actor=CLI).code

    def attempt(_):
        asked = challenge()
        return person.passkeys.take_up(code, person.made(asked), PLACE, asked, name="x")

    with ThreadPoolExecutor(4) as pool:
        ended = [each.exception() for each in [pool.submit(attempt, number) for number in range(4)]]
    assert [error for error in ended if error is None] == [None]
    assert all(isinstance(error, AccessDeniedException) for error in ended if error)
    assert len(person.passkeys.list(person.operator_id)) == 1


def test_a_challenge_counts_once(ada):
    """What was signed is worth nothing a second time, in whichever process, at once or later.

    The device does not count: its counter would find the replay out by itself.
    """
    ada.device.counts = False
    asked = challenge()
    answer = ada.device.sign(request_options(PLACE, asked.value))
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(ada.passkeys.sign_in, answer, PLACE, asked) for _ in range(4)]
        ended = [each.exception() for each in tries]
    assert len([error for error in ended if error is None]) == 1
    with pytest.raises(AccessDeniedException, match="made already"):
        ada.passkeys.sign_in(answer, PLACE, asked)


def test_an_answer_that_comes_again_is_no_sign_of_a_copy(ada):
    """A button pressed twice must not end a passkey: what is spent is not looked at further."""
    asked = challenge()
    answer = ada.device.sign(request_options(PLACE, asked.value))
    ada.passkeys.sign_in(answer, PLACE, asked)
    with pytest.raises(AccessDeniedException, match="made already"):
        ada.passkeys.sign_in(answer, PLACE, asked)
    assert ada.passkeys.list(ada.operator_id)[0].copied_at is None
    ada.sign_in()


def test_a_challenge_is_spent_for_new_passkeys_as_well(ada):
    asked = challenge()
    session = ada.session(ada.token)
    ada.passkeys.add(session, ada.made(asked), PLACE, asked, name="one")
    with pytest.raises(AccessDeniedException, match="already"):
        ada.passkeys.add(session, ada.made(asked), PLACE, asked, name="two")


def test_a_counter_that_goes_back_ends_the_passkey_and_is_recorded(ada, server):
    """There are two of it: neither the thief's nor the holder's is taken any more."""
    ada.sign_in()
    ada.sign_in()
    [key] = ada.device.keys.values()
    with pytest.raises(AccessDeniedException, match="may have been copied"):
        ada.sign_in(count=1)
    assert server.operations(ada.account)[-1] == "RefuseCopiedPasskey"
    key.count = 100
    with pytest.raises(AccessDeniedException, match="may have been copied"):
        ada.sign_in()
    assert server.operations(ada.account).count("RefuseCopiedPasskey") == 1
    assert ada.passkeys.list(ada.operator_id)[0].copied_at is not None


def test_a_device_that_does_not_count_is_taken_and_one_that_stops_is_not(ada):
    """Most that are kept in step over several devices say 0 for ever."""
    ada.device.counts = False
    for _ in range(3):
        ada.sign_in()
    ada.device.counts = True
    ada.sign_in()
    with pytest.raises(AccessDeniedException, match="may have been copied"):
        ada.sign_in(count=0)


def test_nobody_makes_a_passkey_look_copied_without_its_key(ada, server):
    """The count counts only with its signature: else anybody who knows an id could end it."""
    ada.sign_in()
    other = Authenticator(PLACE.origin)
    told = server.operations(ada.account)
    for _ in range(3):
        with pytest.raises(AccessDeniedException, match="signs nobody in"):
            ada.sign_in(count=0, private=_another_key(other))
    assert ada.passkeys.list(ada.operator_id)[0].copied_at is None
    ada.sign_in()
    new = server.operations(ada.account)[len(told) :]
    assert new == ["RefuseSignIn", "SignIn"]  # trying fills no log


def _another_key(device: Authenticator):
    device.make(creation_options(PLACE, b"x" * 32, operator_id="x", name="x", has=[]))
    return next(iter(device.keys.values())).private


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"challenge": b"x" * 32},
        {"place": "evil.example"},
        {"flags": 0x01},
        {"handle": b"somebody else"},
        {"handle": None},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_whatever_is_wrong_nobody_is_signed_in_and_the_answer_is_the_same(ada, wrong):
    with pytest.raises(AccessDeniedException) as refused:
        ada.sign_in(**wrong)
    assert refused.value.message.startswith("this passkey signs nobody in here")


def test_one_operators_passkey_signs_in_no_other(ada, server):
    """Whatever id its device is made to say."""
    eve = Person(server, ada.account, "Eve")
    eve.take_up()
    with pytest.raises(AccessDeniedException, match="signs nobody in"):
        eve.sign_in(handle=ada.operator_id.encode())
    [hers], [theirs] = ada.device.keys.values(), eve.device.keys.values()
    theirs.credential_id = hers.credential_id  # her id, with another's key
    with pytest.raises(AccessDeniedException, match="signs nobody in"):
        eve.sign_in()
    with pytest.raises(AccessDeniedException, match="signs nobody in"):
        eve.sign_in(handle=ada.operator_id.encode())


def test_a_passkey_of_another_address_is_none_of_this_one(ada):
    """The server moved, or somebody serves it under another name as well."""
    elsewhere = Place.of("https://another.example")
    asked = challenge()
    answer = ada.device.sign(
        request_options(PLACE, asked.value), place="another.example", origin="https://another.example"
    )
    with pytest.raises(AccessDeniedException):
        ada.passkeys.sign_in(answer, elsewhere, asked)


def test_further_ones_are_added_named_and_removed_and_the_last_one_stays(ada, server):
    session = ada.session(ada.token)
    second = ada.add(session)
    first = next(each for each in ada.device.keys if each != second)
    ada.passkeys.rename(session, second, name=" the key ring ")
    assert [each.name for each in ada.passkeys.list(ada.operator_id)] == ["the first", "the key ring"]
    other = ada.sign_in(key=ada.device.keys[first])
    ada.passkeys.remove(session, first)
    assert ada.session(other) is None  # whoever has the lost device is out
    assert ada.session(ada.token) is not None
    with pytest.raises(AccessDeniedException, match="signs nobody in"):
        ada.sign_in(key=ada.device.keys[first])
    with pytest.raises(ConflictException, match="last way"):
        ada.passkeys.remove(session, second)
    assert ada.sign_in(key=ada.device.keys[second])
    assert server.operations(ada.account)[-6:] == [
        *("TakeUpInvitation", "AddPasskey", "RenamePasskey", "SignIn", "RemovePasskey", "SignIn"),
    ]


def test_of_two_removals_at_once_one_leaves_a_way_in(ada):
    """Else two tabs lock somebody out."""
    session = ada.session(ada.token)
    ada.add(session)
    with ThreadPoolExecutor(2) as pool:
        tries = [pool.submit(ada.passkeys.remove, session, each) for each in ada.device.keys]
        ended = [each.exception() for each in tries]
    assert sorted(type(error).__name__ for error in ended) == ["ConflictException", "NoneType"]
    assert len(ada.passkeys.list(ada.operator_id)) == 1


def test_a_copied_passkey_is_no_way_in_and_may_be_removed(ada):
    session = ada.session(ada.token)
    second = ada.add(session)
    with pytest.raises(AccessDeniedException):
        ada.device.counts = True
        ada.device.keys[second].count = 5
        ada.sign_in(key=ada.device.keys[second])
        ada.sign_in(key=ada.device.keys[second], count=1)
    first = next(each for each in ada.device.keys if each != second)
    with pytest.raises(ConflictException, match="last way"):
        ada.passkeys.remove(session, first)
    ada.passkeys.remove(session, second)


def test_it_is_done_soon_after_signing_in_and_not_at_a_screen_that_was_left(ada, server):
    session = ada.session(ada.token)
    assert ada.passkeys.is_fresh(session)
    ada.add(session)
    server.execute(
        "update console_session set created_at = created_at - interval '11 min' where session_digest = %s",
        session.digest,
    )
    assert not ada.passkeys.is_fresh(session)
    with pytest.raises(AccessDeniedException, match="sign in again"):
        ada.add(session)
    with pytest.raises(AccessDeniedException, match="sign in again"):
        ada.passkeys.remove(session, next(iter(ada.device.keys)))
    server.governance.sign_ins.sign_out(session)
    with pytest.raises(AccessDeniedException, match="sign in again"):
        ada.add(session)


def test_anothers_passkeys_are_nobodys_to_touch(ada, server):
    eve = Person(server, ada.account, "Eve")
    session = eve.session(eve.take_up())
    theirs = next(iter(ada.device.keys))
    for attempt in (
        lambda: eve.passkeys.remove(session, theirs),
        lambda: eve.passkeys.rename(session, theirs, name="mine"),
        lambda: eve.passkeys.remove(session, b""),
    ):
        with pytest.raises(ResourceNotFoundException):
            attempt()
    with pytest.raises(InvalidParameterException, match="known here"):
        eve.add(session, credential_id=theirs)
    assert ada.sign_in()


def test_an_operator_has_some_and_not_any_number(ada):
    session = ada.session(ada.token)
    for _ in range(MOST_PASSKEYS - 1):
        ada.add(session)
    with pytest.raises(ConflictException, match="most"):
        ada.add(session)
    with pytest.raises(InvalidParameterException, match="characters"):
        ada.passkeys.rename(session, next(iter(ada.device.keys)), name="x" * 65)


def test_being_invited_anew_or_removed_ends_every_passkey_and_other_roles_end_none(ada, server):
    """Somebody is invited anew because a device is lost; roles are no matter of devices."""
    ada.operators.put(ada.account, "Ada", ["auditor"], actor=CLI)
    assert ada.session(ada.token) is None
    assert ada.session(ada.sign_in()).roles == {"auditor"}
    old = dict(ada.device.keys)
    ada.device.keys.clear()
    ada.take_up()
    for key in old.values():
        with pytest.raises(AccessDeniedException, match="signs nobody in"):
            ada.sign_in(key=key)
    assert ada.sign_in()
    ada.operators.remove(ada.account, "Ada", actor=CLI)
    with pytest.raises(AccessDeniedException, match="signs nobody in"):
        ada.sign_in()
    assert server.select("select 1 from passkey where operator_id = %s", ada.operator_id) == []


def test_a_password_that_is_taken_up_ends_the_passkeys_before_it(ada, server):
    """What one signed in with before is over, whatever it was."""
    sign_ins = server.governance.sign_ins
    code = ada.operators.invite(ada.account, "Ada", actor=CLI).code
    secret = base64.b32decode(sign_ins.invited(code).secret)
    now = TOTP(secret, 6, SHA1(), 30).generate(int(datetime.now(UTC).timestamp())).decode()
    sign_ins.take_up(code, password="correct horse battery", one_time_code=now)
    with pytest.raises(AccessDeniedException):
        ada.sign_in()
