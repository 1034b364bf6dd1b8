"""In which order photos begin."""

from __future__ import annotations

import random

from countenance.importing.order import Order
from countenance.importing.records import Item, Outcome, Verdict, Wanted


def items(*people):
    return iter(
        [Item(number, Wanted(f"{number}.jpg", f"{number}", who)) for number, who in enumerate(people, 1)]
    )


def taken(order):
    found = []
    while (item := order.take()) is not None:
        found.append(item.number)
    return found


def test_a_persons_photos_wait_for_their_first():
    order = Order(items("ann", "ann", "bob", "ann", "bob"))
    assert taken(order) == [1, 3]
    order.ended(Outcome(1, Verdict.ENROLLED))
    assert taken(order) == [2, 4]
    order.ended(Outcome(3, Verdict.DUPLICATE))
    assert taken(order) == [5]


def test_where_the_first_cannot_be_enrolled_the_next_is_the_first():
    order = Order(items("ann", "ann", "ann", "ann"))
    assert taken(order) == [1]
    order.ended(Outcome(1, Verdict.NO_FACE))
    assert taken(order) == [2]
    order.ended(Outcome(2, Verdict.ENROLLED))
    assert taken(order) == [3, 4]


def test_none_is_left_out_whatever_ends_when():
    chance = random.Random(5)
    people = [chance.choice("abcdefgh") for _ in range(6_000)]
    order, begun, open_ = Order(items(*people)), [], []
    while True:
        if len(open_) < 8 and (item := order.take()) is not None:
            begun.append(item.number)
            open_.append(item.number)
        elif open_:
            order.ended(Outcome(open_.pop(chance.randrange(len(open_))), chance.choice(list(Verdict))))
        else:
            break
    assert sorted(begun) == list(range(1, len(people) + 1))
