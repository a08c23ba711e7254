"""Turns for public queries: so many run at a time, so many more may wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kg.errors import Overloaded
from kg.query import Limits


class Slots:
    """Lets ``limits.concurrent`` callers in at a time and ``limits.queue`` more wait."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._slots = threading.BoundedSemaphore(limits.concurrent)
        self._lock = threading.Lock()
        self._inside = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and hold it while the block runs; raises Overloaded."""
        with self._lock:
            if self._inside >= self._limits.queue + self._limits.concurrent:
                raise Overloaded("Too many queries are waiting. Try again in a moment.", 2, "queue")
            self._inside += 1
        try:
            if not self._slots.acquire(timeout=self._limits.seconds):
                raise Overloaded(
                    "The query waited too long for its turn. Try again.", 5, "concurrent"
                )
            try:
                yield
            finally:
                self._slots.release()
        finally:
            with self._lock:
                self._inside -= 1
