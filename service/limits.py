"""How many requests a client may send: one token bucket a client, kept in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class RateLimiter:
    """Allows ``rate`` requests a second to each client, after a first ``burst``.

    Only the latest ``clients`` are remembered, so that many addresses cost no memory.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic,
        clients: int = 10_000,
    ) -> None:  # fmt: skip
        self._rate, self._burst, self._clock, self._clients = rate, burst, clock, clients
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take one token and return 0, or return the seconds until there is one."""
        now = self._clock()
        with self._lock:
            left, seen = self._buckets.pop(client, (float(self._burst), now))
            left = min(self._burst, left + (now - seen) * self._rate)
            allowed = left >= 1
            self._buckets[client] = (left - 1 if allowed else left, now)
            if len(self._buckets) > self._clients:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate
