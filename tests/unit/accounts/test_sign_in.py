"""Signing in: invitation, password, one-time code, session."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from account_server import CLI
from countenance.accounts.changing import Changing
from countenance.accounts.sign_in import SignIns, session_digest
from countenance.errors import AccessDeniedException, InvalidParameterException

PASSWORD = "correct horse battery staple"
START = datetime.now(UTC).replace(second=0, microsecond=0)  # the database has a clock of its own


class Person:
    """An operator with an invitation, a device that shows codes, and a clock that the test sets."""

    def __init__(self, server, *roles: str) -> None:
        self.server, self.now = server, START
        self.account = server.account()
        server.governance.operators.put(self.account, "Ada", roles or ["developer"], actor=CLI)
        self.invitation = server.governance.operators.invite(self.account, "Ada", actor=CLI).code
        self.sign_ins = SignIns(Changing(server.database, server.keys), server.keys, clock=lambda: self.now)
        self.secret = base64.b32decode(self.sign_ins.invited(self.invitation).secret)

    def code(self) -> str:
        return TOTP(self.secret, 6, SHA1(), 30).generate(self.now.timestamp()).decode()

    def take_up(self, **changes) -> None:
        given = {"password": PASSWORD, "one_time_code": self.code()} | changes
        self.sign_ins.take_up(self.invitation, **given)
        self.later()

    def later(self, seconds: float = 30) -> None:
        self.now += timedelta(seconds=seconds)

    def sign_in(self, **changes) -> str:
        given = {"password": PASSWORD, "one_time_code": self.code()} | changes
        return self.sign_ins.sign_in(given.pop("account", self.account), given.pop("name", "Ada"), **given)


@pytest.fixture
def ada(server) -> Person:
    person = Person(server)
    person.take_up()
    return person


def test_whoever_is_invited_chooses_a_password_and_signs_in(ada, server):
    """The session's key is theirs, with their roles, and is told to nobody."""
    session = ada.sign_ins.find(ada.sign_in())
    assert (session.account_id, session.operator, session.roles) == (ada.account, "Ada", {"developer"})
    credential = server.accounts.find_credential(session.keys.access_key_id)
    assert (credential.secret, credential.roles) == (session.keys.secret, {"developer"})
    assert session.keys.secret not in repr(session)
    assert session.keys.access_key_id not in {
        key.access_key_id for key in server.accounts.list_access_keys(ada.account)
    }
    assert server.operations(ada.account)[-2:] == ["TakeUpInvitation", "SignIn"]


def test_an_invitation_is_taken_up_once(server):
    """Of two browsers with one link, one chooses the password."""
    person = Person(server)
    with ThreadPoolExecutor(4) as pool:
        tries = [pool.submit(person.sign_ins.take_up, person.invitation, password=PASSWORD,
                             one_time_code=person.code()) for _ in range(4)]  # fmt: skip
        ended = [each.exception() for each in tries]
    assert [error for error in ended if error is None] == [None]
    assert all(isinstance(error, AccessDeniedException) for error in ended if error)
    assert person.sign_ins.invited(person.invitation) is None


def test_a_new_invitation_ends_the_one_before_and_the_sessions_of_the_old_password(ada, server):
    token = ada.sign_in()
    first = server.governance.operators.invite(ada.account, "Ada", actor=CLI).code
    ada.invitation = server.governance.operators.invite(ada.account, "Ada", actor=CLI).code
    assert ada.sign_ins.invited(first) is None
    assert ada.sign_ins.find(token) is not None  # an invitation that nobody takes up changes nothing
    ada.secret = base64.b32decode(ada.sign_ins.invited(ada.invitation).secret)
    ada.take_up(password="another password, longer")
    assert ada.sign_ins.find(token) is None
    with pytest.raises(AccessDeniedException):
        ada.sign_in()
    ada.later()
    assert ada.sign_in(password="another password, longer")


@pytest.mark.parametrize("password", ["short", "x" * 257])
def test_a_password_is_long_enough(server, password):
    person = Person(server)
    with pytest.raises(InvalidParameterException, match="12 to 256"):
        person.take_up(password=password)
    with pytest.raises(InvalidParameterException, match="one-time code is wrong"):
        person.take_up(one_time_code="000000" if person.code() != "000000" else "000001")


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "correct horse battery stapl"},
        {"one_time_code": "12345"},
        {"one_time_code": "١٢٣٤٥٦"},
        {"name": "Nobody"},
        {"account": "999999999999"},
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(ada, wrong):
    """It tells nobody which accounts and operators there are."""
    with pytest.raises(AccessDeniedException) as refused:
        ada.sign_in(**wrong)
    assert refused.value.message == (
        "account, operator, password and code do not go together, or there were too many tries"
    )


def test_a_code_counts_once(ada):
    """Whoever looks over a shoulder has nothing."""
    code = ada.code()
    assert ada.sign_in()
    with pytest.raises(AccessDeniedException):
        ada.sign_in(one_time_code=code)
    ada.later()
    assert ada.sign_in()


def test_tries_cost_more_and_more_and_end_in_no_lock_for_good(ada):
    """Guessing is slow; and who is guessed at can sign in once the lock is over."""
    for _ in range(5):
        with pytest.raises(AccessDeniedException):
            ada.sign_in(password="guess guess guess")
    told = ada.server.operations(ada.account)
    with pytest.raises(AccessDeniedException):
        ada.sign_in()  # the right one, within the lock
    assert ada.server.operations(ada.account) == told  # guessing on fills no log
    ada.later(16)
    assert ada.sign_in()


def test_a_session_ends_by_itself_by_hand_and_with_the_operator(ada, server):
    """And its key with it."""
    token = ada.sign_in()
    session = ada.sign_ins.find(token)
    ada.sign_ins.sign_out(session)
    assert ada.sign_ins.find(token) is None
    assert server.accounts.find_credential(session.keys.access_key_id).revoked
    ada.later()
    second = ada.sign_in()
    with server.database.transaction() as connection:
        connection.execute("update console_session set seen_at = seen_at - interval '31 minutes'")
    assert ada.sign_ins.find(second) is None
    ada.later()
    third = ada.sign_in()
    server.governance.operators.remove(ada.account, "Ada", actor=CLI)
    assert ada.sign_ins.find(third) is None


def test_a_page_that_looks_again_by_itself_puts_off_no_end(ada, server):
    """Else a session at a desk that nobody sits at would go on for as long as the page is open."""

    def idle(minutes: int) -> None:
        with server.database.transaction() as connection:
            connection.execute(
                "update console_session set seen_at = seen_at - make_interval(mins => %s)"
                " where session_digest = %s",
                [minutes, session_digest(token)],
            )

    token = ada.sign_in()
    idle(20)
    assert ada.sign_ins.find(token, is_used=False) is not None
    idle(5)
    assert ada.sign_ins.find(token) is not None  # somebody clicks: thirty minutes from now
    idle(29)
    assert ada.sign_ins.find(token, is_used=False) is not None
    idle(2)
    assert ada.sign_ins.find(token, is_used=False) is None


@pytest.mark.parametrize("token", ["", "x", "x" * 10_000, "\x00", "ä"])
def test_no_number_is_no_session(ada, token):
    assert ada.sign_ins.find(token) is None


def test_what_lies_in_the_database_signs_nobody_in(ada, server):
    """Neither a backup nor a reader of the tables has a session's number, its key, or the codes' secret."""
    token = ada.sign_in()
    secret = ada.sign_ins.find(token).keys.secret
    with server.database.read() as connection:
        rows = connection.execute("select o::text || s::text from operator o, console_session s").fetchall()
        hashed = connection.execute("select password_hash from operator where password_hash is not null")
        assert all(value.startswith("$argon2id$") for (value,) in hashed)
    text = "".join(row[0] for row in rows)
    for hidden in (token, secret, secret.encode().hex(), ada.secret.hex(), PASSWORD):
        assert hidden not in text


def test_an_idle_sessions_key_ends_when_anybody_is_looked_up(ada, server):
    """It ended at the next sign-in alone: of a house where nobody signs in, keys stayed for good."""
    idle = ada.sign_ins.find(ada.sign_in())
    with server.database.transaction() as connection:
        connection.execute(
            "update console_session set seen_at = clock_timestamp() - interval '31 minutes' "
            "where session_digest = %s",
            [idle.digest],
        )
    assert ada.sign_ins.find("nobody's number") is None
    with server.database.read() as connection:
        [(revoked_at,)] = connection.execute(
            "select revoked_at from access_key where access_key_id = %s", [idle.keys.access_key_id]
        ).fetchall()
    assert revoked_at is not None


def test_the_session_that_a_browser_had_before_ends_with_its_key(ada, server):
    """It was forgotten by the browser and lived for half a day."""
    older = ada.sign_in()
    keys = ada.sign_ins.find(older).keys
    ada.later()
    newer = ada.sign_in()
    ada.sign_ins.end(session_digest(older))
    assert ada.sign_ins.find(older) is None
    assert ada.sign_ins.find(newer) is not None
    with server.database.read() as connection:
        [(revoked_at,)] = connection.execute(
            "select revoked_at from access_key where access_key_id = %s", [keys.access_key_id]
        ).fetchall()
    assert revoked_at is not None
    ada.sign_ins.end(session_digest(older))  # again is nothing
    ada.sign_ins.end("")
