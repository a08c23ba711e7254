"""Turns: no more at a time than may run, and who waits in vain is told so."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kg.errors import Overloaded
from kg.sparql.query import Limits, Slots


def test_a_turn_is_free_again_after_an_error() -> None:
    slots = Slots(Limits(concurrent=1, queue=0))
    for _ in range(3):
        with pytest.raises(KeyError), slots.turn():
            raise KeyError


def test_who_comes_when_the_queue_is_full_is_turned_away() -> None:
    slots = Slots(Limits(concurrent=1, queue=0))
    with slots.turn(), pytest.raises(Overloaded, match="waiting") as error, slots.turn():
        raise AssertionError("there was a second turn")
    assert error.value.limit == "queue"


def test_one_visitor_leaves_room_for_others() -> None:
    slots = Slots(Limits(seconds=5, concurrent=4, queue=4), "checks", each=2)
    with slots.turn("a"), slots.turn("a"), slots.turn("b"):
        with pytest.raises(Overloaded, match="Too many checks"), slots.turn("a"):
            pass
        with slots.turn("b"):
            pass
    with slots.turn("a"), slots.turn("a"):
        pass


def test_who_waits_too_long_is_told() -> None:
    slots = Slots(Limits(seconds=0.05, concurrent=1, queue=1))
    with slots.turn(), pytest.raises(Overloaded, match="too long"), slots.turn():
        raise AssertionError("there was a second turn")
    with slots.turn():
        pass


def test_never_more_than_may_run_at_a_time() -> None:
    slots, inside, most, lock = Slots(Limits(concurrent=3, queue=20)), 0, 0, threading.Lock()
    full = threading.Barrier(3)

    def work(_: int) -> None:
        nonlocal inside, most
        with slots.turn():
            with lock:
                inside += 1
                most = max(most, inside)
            full.wait(10)  # so that three are inside at the same time
            with lock:
                inside -= 1

    with ThreadPoolExecutor(9) as threads:
        list(threads.map(work, range(9)))
    assert (most, inside) == (3, 0)
