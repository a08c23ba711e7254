"""Public queries, the turns they take, and what answers them; ``pool`` and ``remote`` do."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kg.errors import LimitExceeded, Overloaded
from kg.sparql.results import check_form


@dataclass(frozen=True)
class Limits:
    """What one public query may use: seconds, bytes of memory, rows, bytes of answer.

    ``concurrent`` queries run at a time, ``queue`` more may wait.
    """

    seconds: float = 10.0
    memory: int = 1024**3
    rows: int = 100_000
    bytes: int = 64 * 1024**2
    concurrent: int = 4
    queue: int = 32


@dataclass(frozen=True)
class Dataset:
    """The graphs that a request of the SPARQL Protocol names; empty means all of them.

    ``default`` graphs are merged into the default graph, ``named`` ones can be asked with
    GRAPH. Where one of the two is given the other is empty, as the protocol says (2.1.4).
    """

    default: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


ALL = Dataset()


@dataclass(frozen=True)
class PublicQuery:
    """The text of a query that ``kg.sparql.scan.check_query`` has let through, and what it saw.

    ``form`` is SELECT, ASK, CONSTRUCT or DESCRIBE; ``own_dataset`` says that the text names
    its graphs with FROM; ``volatile`` that it calls NOW, RAND or the like, so that the same
    data may give another answer; ``base`` is the address that relative IRIs are relative to.
    """

    text: str
    form: str
    own_dataset: bool = False
    volatile: bool = False
    base: str | None = None


#: makes of a query what the engine is to run, by this time of the monotonic clock
Prepare = Callable[[PublicQuery, float], PublicQuery]


def unchanged(query: PublicQuery, end: float) -> PublicQuery:
    """Let a query run as it was sent."""
    return query


#: brings all triples of the graphs that it is run over
EVERYTHING = PublicQuery("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", "CONSTRUCT")


@dataclass(frozen=True)
class Result:
    """A finished answer: its kind, rows, bytes, and the data version it was read from.

    ``kind`` is ``solutions``, ``boolean`` or ``graph``.
    """

    kind: str
    rows: int
    body: bytes
    version: int


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


class QueryEngine(ABC):
    """Answers public queries within limits; safe to use from several threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._slots = Slots(self.limits)

    def run(
        self, query: PublicQuery, form: str, dataset: Dataset = ALL, prepare: Prepare = unchanged
    ) -> Result:
        """The answer to a query, written as ``form`` (see ``kg.sparql.results``).

        ``prepare`` is called when the query's turn has come; its time counts as the query's.
        Raises what that raises, UnknownFormat for a form that does not fit the query, Malformed
        for a syntax error, LimitExceeded (``time``, ``memory``, ``rows``, ``bytes``,
        ``complexity``), Overloaded or StoreUnusable.
        """
        check_form(query.form, form)
        with self._slots.turn():
            return self._answer(query, form, dataset, prepare)

    @abstractmethod
    def _answer(self, query: PublicQuery, form: str, dataset: Dataset, prepare: Prepare) -> Result:
        """Answer a query whose turn has come."""

    def _prepared(self, query: PublicQuery, prepare: Prepare) -> tuple[PublicQuery, float]:
        """The query that is to run and the seconds that are left; LimitExceeded if none are."""
        begun = time.monotonic()
        ready = prepare(query, begun + self.limits.seconds)
        seconds = self.limits.seconds - (time.monotonic() - begun)
        if seconds <= 0:
            raise LimitExceeded("The query took longer than it may.", "time")
        return ready, seconds

    @abstractmethod
    def close(self) -> None:
        """Let go of processes and connections."""
