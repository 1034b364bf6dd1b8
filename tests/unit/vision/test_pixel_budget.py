"""Large pictures wait for one another."""

from __future__ import annotations

import threading
import time

import pytest

from countenance.errors import InvalidImageFormatException, ThrottlingException
from countenance.vision.pipeline import Vision
from countenance.vision.pixel_budget import PixelBudget


def test_what_fits_goes_on_and_what_does_not_waits_for_room():
    """Small pictures beside one another, a large one when there is room for it."""
    budget = PixelBudget(100)
    first, second = budget.take(40), budget.take(60)
    entered = threading.Event()

    def third():
        with budget.hold(50):
            entered.set()

    waiting = threading.Thread(target=third)
    waiting.start()
    assert not entered.wait(0.1)
    first()
    assert not entered.wait(0.1)
    second()
    assert entered.wait(5)
    waiting.join()


def test_more_than_there_is_gets_everything_alone():
    """A picture over the budget is still a picture within the limits."""
    budget = PixelBudget(100, patience_s=0.1)
    with budget.hold(1000), pytest.raises(ThrottlingException):
        budget.take(1)
    budget.take(100)()


def test_a_large_picture_is_not_passed_over_by_small_ones_for_ever():
    """First come, first served: behind a waiting large one small ones wait as well."""
    budget = PixelBudget(100)
    held = budget.take(50)
    order = []

    def ask(name, pixels):
        with budget.hold(pixels):
            order.append(name)

    large = threading.Thread(target=ask, args=("large", 100))
    large.start()
    time.sleep(0.1)
    small = threading.Thread(target=ask, args=("small", 10))
    small.start()
    time.sleep(0.1)
    assert order == []
    held()
    large.join(5)
    small.join(5)
    assert order == ["large", "small"]


def test_giving_back_twice_gives_back_once():
    """A finalizer may run beside an explicit release."""
    budget = PixelBudget(100, patience_s=0.1)
    give_back = budget.take(100)
    give_back()
    give_back()
    with budget.hold(100), pytest.raises(ThrottlingException):
        budget.take(1)


def test_who_gave_up_stands_in_nobodys_way():
    """A timed-out call leaves the queue."""
    budget = PixelBudget(100, patience_s=0.1)
    held = budget.take(60)
    with pytest.raises(ThrottlingException):
        budget.take(100)
    budget.take(40)()
    held()
    budget.take(100)()


def test_eight_threads_never_hold_more_than_there_is():
    """The bound is the point."""
    budget = PixelBudget(100)
    held, most = [0], [0]
    lock = threading.Lock()

    def work():
        for pixels in (10, 70, 30, 100, 5) * 10:
            with budget.hold(pixels):
                with lock:
                    held[0] += pixels
                    most[0] = max(most[0], held[0])
                with lock:
                    held[0] -= pixels

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert 0 < most[0] <= 100


def test_decoded_pixels_give_their_room_back_when_they_are_let_go(default_pack, portraits):
    """The room is bound to the pixels themselves: no call can forget to give it back."""
    photo = portraits.stranger.read_bytes()  # 512 x 512
    vision = Vision(default_pack, decoded=PixelBudget(512 * 512, patience_s=0.2))
    pixels = vision.decode(photo)
    with pytest.raises(ThrottlingException):
        vision.decode(photo)
    part = pixels[:10]
    del pixels
    with pytest.raises(ThrottlingException):
        vision.decode(photo)  # a view keeps the whole
    del part
    assert vision.decode(photo).shape == (512, 512, 3)
    with pytest.raises(InvalidImageFormatException):
        vision.decode(photo[: len(photo) // 2])
    assert vision.decode(photo).shape == (512, 512, 3)
