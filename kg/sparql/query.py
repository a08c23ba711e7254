"""What a public query is and what answers it; ``pool`` and ``remote`` implement it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kg.errors import LimitExceeded


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


def prepared(query: PublicQuery, prepare: Prepare, limits: Limits) -> tuple[PublicQuery, float]:
    """The query that is to run and the seconds that are left for it.

    Raises what ``prepare`` raises, and LimitExceeded if it took all the time.
    """
    begun = time.monotonic()
    ready = prepare(query, begun + limits.seconds)
    seconds = limits.seconds - (time.monotonic() - begun)
    if seconds <= 0:
        raise LimitExceeded("The query took longer than it may.", "time")
    return ready, seconds


#: brings all triples of the graphs that it is run over
EVERYTHING = PublicQuery("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", "CONSTRUCT")


@dataclass(frozen=True)
class Answer:
    """A finished answer: its kind, rows, bytes, and the data version it was read from.

    ``kind`` is ``solutions``, ``boolean`` or ``graph``.
    """

    kind: str
    rows: int
    body: bytes
    version: int


class QueryEngine(Protocol):
    """Answers public queries within limits; safe to use from several threads."""

    limits: Limits

    def run(
        self, query: PublicQuery, form: str, dataset: Dataset = ALL, prepare: Prepare = unchanged
    ) -> Answer:
        """The answer to a query, written as ``form`` (see ``kg.sparql.results``).

        ``prepare`` is called when the query's turn has come; its time counts as the query's.
        Raises what that raises, UnknownFormat for a form that does not fit the query, Malformed
        for a syntax error, LimitExceeded (``time``, ``memory``, ``rows``, ``bytes``,
        ``complexity``), Overloaded or StoreUnusable.
        """

    def close(self) -> None:
        """Let go of processes and connections."""
