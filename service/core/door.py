"""What is refused by its head alone, before a byte of its body is kept."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from kg.errors import StoreUnusable
from service.core.proxies import Proxies, household
from service.core.rate_limit import RateLimiter
from service.core.settings import MIB, Settings
from service.core.tokens import Tokens

#: bytes of strangers' bodies that are kept at a time in all; half of them for one client
ROOM = 64 * MIB
#: paths that are never limited
FREE = frozenset({"/health", "/ready"})
#: where the environment of a request notes why it is refused
REFUSED = "passerelle.refused"
_WRITES = frozenset({"POST", "PUT", "DELETE", "PATCH"})
_ENTRIES = ("/api/entries", "/graph-store", "/id/")
#: why a request is refused: its body is too large, there is no token, too many requests, no room
Refusal = Literal["length", "token", "rate", "room"]


@dataclass(frozen=True)
class Head:
    """What is known of a request before its body; ``length`` is 0 while it is not known."""

    method: str
    path: str
    client: str
    length: int
    authorization: str


class Room:
    """Space for bodies that strangers send: so many bytes in all, half of them for one client."""

    def __init__(self, size: int = ROOM) -> None:
        self._size, self._lock = size, threading.Lock()
        self._held: Counter[str] = Counter()
        self._total = 0

    def take(self, client: str, size: int) -> bool:
        """Hold ``size`` more bytes for a client, or return False where they are not to be had."""
        with self._lock:
            if self._total + size > self._size or self._held[client] + size > self._size // 2:
                return False
            self._total += size
            self._held[client] += size
        return True

    def give_back(self, client: str, size: int) -> None:
        """Let go of bytes that were taken."""
        with self._lock:
            self._total -= size
            self._held[client] -= size
            if not self._held[client]:
                del self._held[client]


class Door:
    """Decides on requests by their heads; one for the server and for the application."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self.proxies = Proxies(settings.proxies)
        self.limiter = RateLimiter(settings.rate, settings.burst)
        self.room = Room()
        self.largest = settings.body
        self._tokens, self._prefix = tokens, urlsplit(settings.public_url or "").path

    def head(self, method: str, path: str, peer: str, headers: dict[str, str]) -> Head:
        """Read the head of a request; ``headers`` are named in capitals, with ``_`` for ``-``."""
        forwarded = headers.get("X_FORWARDED_FOR", "") if self.proxies.trusts(peer) else ""
        length = headers.get("CONTENT_LENGTH", "")
        return Head(
            method=method,
            path=path.removeprefix(self._prefix),
            client=household(self.proxies.client(peer, forwarded)),
            length=int(length[:18]) if length.isascii() and length.isdecimal() else 0,
            authorization=headers.get("AUTHORIZATION", ""),
        )

    def known(self, head: Head) -> bool:
        """Tell whether a request carries a token that is known here."""
        scheme, _, secret = head.authorization.partition(" ")
        try:
            return scheme.lower() == "bearer" and self._tokens.holder(secret.strip()) is not None
        except StoreUnusable:
            return False  # whoever writes is told why

    def refusal(self, head: Head) -> Refusal | None:
        """Say why the body of a request need not be read; takes nothing from its client's rate."""
        if head.length > self.largest:
            return "length"
        if head.method in _WRITES and head.path.startswith(_ENTRIES) and not self.known(head):
            return "token"
        if head.path not in FREE and self.limiter.wait(head.client, take=False):
            return "rate"
        return None
