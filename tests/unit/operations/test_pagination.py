from __future__ import annotations

from base64 import b85decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.errors import InvalidPaginationTokenException
from countenance.operations.pagination import _ALPHABET, PageTokens

TOKENS = PageTokens(b"k" * 32)
SCOPE = ("ListFaces", "111122223333", "us-east-1", "collection")


@given(st.text(_ALPHABET, max_size=255))
def test_every_position_comes_back_and_its_token_fits_the_model(position):
    """NextToken has at most 255 characters in the model, and we validate that on the way in."""
    token = TOKENS.issue(position, scope=SCOPE)
    assert len(token) <= 255
    assert TOKENS.resume(token, scope=SCOPE) == position


def test_a_longest_name_of_the_alphabets_last_letter_still_fits():
    token = TOKENS.issue(_ALPHABET[-1] * 255, scope=SCOPE)
    assert len(token) <= 255


@pytest.mark.parametrize("absent", [None, ""])
def test_an_empty_token_is_no_token(absent):
    """AWS's own Python examples send NextToken="" with the first page."""
    assert TOKENS.resume(absent, scope=SCOPE) is None


@pytest.mark.parametrize("place", range(4))
def test_a_token_of_another_operation_account_region_or_collection_is_refused(place):
    token = TOKENS.issue("position", scope=SCOPE)
    elsewhere = tuple("other" if i == place else part for i, part in enumerate(SCOPE))
    with pytest.raises(InvalidPaginationTokenException):
        TOKENS.resume(token, scope=elsewhere)


def test_parts_of_the_scope_do_not_run_into_one_another():
    token = TOKENS.issue("position", scope=("ab", "c"))
    with pytest.raises(InvalidPaginationTokenException):
        TOKENS.resume(token, scope=("a", "bc"))


@given(st.data())
def test_a_token_with_one_character_changed_is_refused(data):
    token = TOKENS.issue("zebra", scope=SCOPE)
    at = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[at]))
    with pytest.raises(InvalidPaginationTokenException):
        TOKENS.resume(token[:at] + character + token[at + 1 :], scope=SCOPE)


def test_another_spelling_of_the_same_bytes_is_refused():
    """The last group of base 85 can be written in several ways; only ours is a token."""
    token = TOKENS.issue("zebra", scope=SCOPE)
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
    respelt = [token[:-1] + last for last in alphabet if last != token[-1]]
    assert any(b85decode(other) == b85decode(token) for other in respelt)
    for other in respelt:
        with pytest.raises(InvalidPaginationTokenException):
            TOKENS.resume(other, scope=SCOPE)


@given(st.text(min_size=1, max_size=300))
def test_any_text_is_refused_without_another_error(text):
    with pytest.raises(InvalidPaginationTokenException):
        TOKENS.resume(text, scope=SCOPE)


def test_a_token_of_another_server_is_refused():
    token = PageTokens(b"o" * 32).issue("position", scope=SCOPE)
    with pytest.raises(InvalidPaginationTokenException):
        TOKENS.resume(token, scope=SCOPE)


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        PageTokens(b"short")


NAMES = sorted(["a", "b", "c", "d", "e"])


def fetch(after, limit):
    return [name for name in NAMES if after is None or name > after][:limit]


def pages_of(size):
    token, pages = None, []
    while True:
        page = TOKENS.page(token, scope=SCOPE, size=size, fetch=fetch, position_of=str)
        pages.append(list(page.items))
        if page.next_token is None:
            return pages
        token = page.next_token


@pytest.mark.parametrize(
    ("size", "pages"),
    [
        (2, [["a", "b"], ["c", "d"], ["e"]]),
        (5, [["a", "b", "c", "d", "e"]]),
        (1, [["a"], ["b"], ["c"], ["d"], ["e"]]),
    ],
)
def test_pages_cover_the_list_once_and_only_the_last_has_no_token(size, pages):
    """A page that ends exactly with the list must not promise another one."""
    assert pages_of(size) == pages


def test_an_empty_list_is_one_page():
    page = TOKENS.page(None, scope=SCOPE, size=3, fetch=lambda *_: [], position_of=str)
    assert list(page.items) == []
    assert page.next_token is None
