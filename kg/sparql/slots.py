"""Turns for requests of visitors: a limited number runs, a limited number waits."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from kg.errors import Overloaded
from kg.sparql.query import Limits


class Slots:
    """Lets ``limits.concurrent`` callers in at a time and ``limits.queue`` more wait.

    ``what`` names them in messages; one visitor may have at most ``each`` of them inside.
    """

    def __init__(self, limits: Limits, what: str = "queries", each: int | None = None) -> None:
        self._limits, self._what, self._each = limits, what, each
        self._visitors: Counter[str] = Counter()
        self._slots = threading.BoundedSemaphore(limits.concurrent)
        self._lock = threading.Lock()
        self._inside = 0

    @contextmanager
    def turn(self, visitor: str = "") -> Iterator[None]:
        """Wait for a turn, and hold it while the block runs; raises Overloaded."""
        with self._lock:
            full = self._inside >= self._limits.queue + self._limits.concurrent
            if full or (self._each is not None and self._visitors[visitor] >= self._each):
                raise Overloaded(
                    f"Too many {self._what} are waiting. Try again in a moment.", 2, "queue"
                )
            self._inside += 1
            self._visitors[visitor] += 1
        try:
            if not self._slots.acquire(timeout=self._limits.seconds):
                raise Overloaded(
                    f"This waited too long behind other {self._what}. Try again.", 5, "concurrent"
                )
            try:
                yield
            finally:
                self._slots.release()
        finally:
            with self._lock:
                self._inside -= 1
                self._visitors[visitor] -= 1
                if not self._visitors[visitor]:
                    del self._visitors[visitor]
