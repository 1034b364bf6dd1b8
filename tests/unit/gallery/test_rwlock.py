"""Readers together, a writer alone."""

from __future__ import annotations

import threading
import time

import pytest

from countenance.gallery.rwlock import ReadWriteLock


def test_readers_read_together():
    lock, both = ReadWriteLock(), threading.Barrier(2, timeout=5)

    def read():
        with lock.reading():
            both.wait()  # breaks unless both are inside

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not both.broken


def test_a_writer_is_alone():
    lock, inside, most = ReadWriteLock(), [], []

    def write():
        with lock.writing():
            inside.append(1)
            time.sleep(0.002)
            most.append(len(inside))
            inside.pop()

    def read():
        with lock.reading():
            most.append(1 + len(inside))

    threads = [threading.Thread(target=target) for target in (write, read) * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}


def test_a_waiting_writer_goes_before_new_readers():
    """Else a stream of searches would keep a deletion from ever being seen."""
    lock, order = ReadWriteLock(), []
    reading, release = threading.Event(), threading.Event()

    def first_reader():
        with lock.reading():
            reading.set()
            release.wait(5)

    def writer():
        with lock.writing():
            order.append("writer")

    def second_reader():
        with lock.reading():
            order.append("reader")

    threads = [threading.Thread(target=first_reader)]
    threads[0].start()
    reading.wait(5)
    threads.append(threading.Thread(target=writer))
    threads[1].start()
    while not lock._writers_waiting:
        time.sleep(0.001)
    threads.append(threading.Thread(target=second_reader))
    threads[2].start()
    time.sleep(0.02)
    release.set()
    for thread in threads:
        thread.join(5)
    assert order == ["writer", "reader"]


def test_it_is_free_again_after_an_error_inside():
    lock = ReadWriteLock()
    for entered in (lock.writing, lock.reading):
        with pytest.raises(KeyError), entered():
            raise KeyError
    with lock.writing():
        assert lock._writing
