"""Run public queries over somebody's SPARQL engine, within our limits and in our formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import IO, cast

import pyoxigraph as ox

from kg.engine import RESULTS, TRIPLES, Engine, Reply
from kg.errors import LimitExceeded, Malformed, StoreUnusable
from kg.query import Answer, Dataset, Limits
from kg.results import TooMuch, check_form, write
from kg.scan import check_query
from kg.slots import Slots

#: how Virtuoso answers ASK
_ASKED = "__ASK_RETVAL"
_BOTH = "default-graph-uri", "named-graph-uri"


class RemoteQueries:
    """Implements ``kg.query.QueryEngine`` over an engine.

    The engine is asked for a time-out; at ours the connection is closed, and the query may run
    on there. Memory is the engine's own affair. ``version`` returns the present data version.
    """

    def __init__(
        self, engine: Engine, version: Callable[[], int], limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._engine, self._version = engine, version
        self._slots = Slots(self.limits)

    def run(self, query: str, form: str, dataset: Dataset | None = None) -> Answer:
        """Return the answer to a query (see ``kg.query.QueryEngine``)."""
        kind = check_query(query)
        check_form(kind, form)
        table = kind in {"SELECT", "ASK"}
        with self._slots.turn():
            version = self._version()
            with self._engine.query(
                query, RESULTS if table else TRIPLES, self.limits.seconds, _parameters(dataset)
            ) as reply:
                found = _result(reply, kind) if table else _triples(reply)
                return Answer(*self._write(found, form), version)

    def _write(
        self, found: ox.QuerySolutions | bool | Iterable[ox.Triple], form: str
    ) -> tuple[str, int, bytes]:
        """Return kind, rows and body of an answer that is read while it is written."""
        try:
            return write(found, form, max_rows=self.limits.rows, max_bytes=self.limits.bytes)
        except TooMuch as error:
            told = f"The answer goes beyond the limit of {error.limit}."
            raise LimitExceeded(told, error.limit) from error
        except SyntaxError as error:
            raise _unreadable(error) from error
        except ValueError as error:
            raise Malformed(f"The query cannot be run: {error}") from error

    def close(self) -> None:
        """Do nothing: no connection outlives its query."""


def _parameters(dataset: Dataset | None) -> dict[str, tuple[str, ...]] | None:
    if dataset is None or not (dataset.default or dataset.named):
        return None
    return dict(zip(_BOTH, (dataset.default, dataset.named), strict=True))


def _result(reply: Reply, kind: str) -> ox.QuerySolutions | bool:
    """Return solutions, or the truth that was asked for. Raises StoreUnusable."""
    try:
        found = ox.parse_query_results(cast(IO[bytes], reply), format=ox.QueryResultsFormat.JSON)
    except SyntaxError as error:
        raise _unreadable(error) from error
    if isinstance(found, ox.QueryBoolean):
        if kind == "ASK":
            return bool(found)
    elif kind == "SELECT":
        return found
    elif [v.value for v in found.variables] == [_ASKED]:
        return next(iter(found))[_ASKED].value in {"1", "true"}
    raise StoreUnusable(f"The SPARQL engine's answer is none to {kind}.")


def _triples(reply: Reply) -> Iterator[ox.Triple]:
    return (quad.triple for quad in ox.parse(cast(IO[bytes], reply), format=ox.RdfFormat.N_TRIPLES))


def _unreadable(error: SyntaxError) -> StoreUnusable:
    told = str(error).partition("\n")[0][:200]
    return StoreUnusable(f"The SPARQL engine's answer cannot be read: {told}")
