"""How much a client may send: a token bucket or a window a client, kept in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable


class RateLimiter:
    """Allows ``rate`` requests a second to each client, after a first ``burst``.

    Only the latest ``clients`` are remembered, so that many addresses cost no memory.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        clients: int = 10_000,
    ) -> None:
        self._rate, self._burst, self._clock, self._clients = rate, burst, clock, clients
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, *, take: bool = True) -> float:
        """Take one token and return 0, or return the seconds until there is one.

        Without ``take`` it only looks.
        """
        now = self._clock()
        with self._lock:
            left, seen = self._buckets.pop(client, (float(self._burst), now))
            left = min(self._burst, left + (now - seen) * self._rate)
            allowed = left >= 1
            self._buckets[client] = (left - 1 if allowed and take else left, now)
            if len(self._buckets) > self._clients:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


class Window:
    """Allows ``most`` events to each client within any ``seconds``.

    Only the latest ``clients`` are remembered, so that many addresses cost no memory.
    """

    def __init__(
        self,
        most: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        clients: int = 10_000,
    ) -> None:
        self._most, self._seconds, self._clock, self._clients = most, seconds, clock, clients
        self._lock = threading.Lock()
        self._events: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Count one event and return 0, or return the seconds until one is allowed."""
        now = self._clock()
        with self._lock:
            events = self._events[client] = self._events.pop(client, deque(maxlen=self._most))
            if len(self._events) > self._clients:
                self._events.popitem(last=False)
            if len(events) == self._most and (left := events[0] + self._seconds - now) > 0:
                return left
            events.append(now)
        return 0.0
