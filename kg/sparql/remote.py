"""Run public queries over somebody's SPARQL engine, within our limits and in our formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from traceback import clear_frames
from typing import IO, cast

import pyoxigraph as ox

from kg.errors import KgError, LimitExceeded, Malformed, StoreUnusable
from kg.sparql.query import ALL, Answer, Dataset, Limits, Prepare, PublicQuery, prepared, unchanged
from kg.sparql.results import TooMuch, check_form, write
from kg.sparql.scan import is_relative
from kg.sparql.slots import Slots
from kg.sparql.syntax_errors import mistake
from kg.stores.remote.http import RESULTS, TRIPLES, Engine, Reply, cut_off

#: how Virtuoso answers ASK: a row with a 1, or no row
_ASKED = "__ASK_RETVAL"


class RemoteQueries:
    """Implements ``kg.sparql.query.QueryEngine`` over an engine.

    The engine is asked for a time-out; at ours the connection is closed, and the query may run
    on there. Memory is the engine's own affair. ``version`` returns the present data version.
    """

    def __init__(
        self, engine: Engine, version: Callable[[], int], limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._engine, self._version = engine, version
        self._slots = Slots(self.limits)
        self._most: int | None = None

    def run(
        self, query: PublicQuery, form: str, dataset: Dataset = ALL, prepare: Prepare = unchanged
    ) -> Answer:
        """The answer to a query (see ``kg.sparql.query.QueryEngine``)."""
        check_form(query.form, form)
        graphs = None if dataset == ALL and not query.own_dataset else _parameters(dataset)
        with self._slots.turn():
            ready, seconds = prepared(query, prepare, self.limits)
            version = self._version()
            try:
                kind, rows, body = self._ask(ready, form, graphs, seconds)
            except Malformed as error:
                raise Malformed(mistake(query.text) or str(error)) from error
            if kind == "graph" and self._engine.virtuoso:
                self._check_whole(rows)
        return Answer(kind, rows, body, version)

    def _ask(
        self, query: PublicQuery, form: str, graphs: Mapping[str, Sequence[str]] | None,
        seconds: float,
    ) -> tuple[str, int, bytes]:  # fmt: skip
        table = query.form in {"SELECT", "ASK"}
        accept = RESULTS if table else TRIPLES
        with self._engine.query(_based(query), accept, seconds, graphs) as reply:
            return self._write(_result(reply, query.form) if table else _triples(reply), form)

    def _check_whole(self, rows: int) -> None:
        """Refuse a graph that Virtuoso may have cut: it says so of tables only, so ask for one."""
        if self._most is None:
            many = f"SELECT (1 AS ?x) {{ ?a ?b ?c . ?d ?e ?f }} LIMIT {self.limits.rows + 1}"
            with suppress(LimitExceeded), self._engine.query(many):
                pass
            self._most = self._engine.most_rows or self.limits.rows + 1
        if rows >= self._most:
            raise cut_off(self._most)

    def _write(
        self, found: ox.QuerySolutions | ox.QueryBoolean | Iterable[ox.Triple], form: str
    ) -> tuple[str, int, bytes]:
        """Kind, rows and body of an answer that is read while it is written.

        pyoxigraph's readers must end in the thread they began in: no error may keep one.
        """
        try:
            return write(found, form, max_rows=self.limits.rows, max_bytes=self.limits.bytes)
        except KgError as error:
            clear_frames(error.__traceback__)
            raise
        except (TooMuch, SyntaxError, ValueError) as error:
            clear_frames(error.__traceback__)
            raise _of_ours(error) from error
        finally:
            del found

    def close(self) -> None:
        """Do nothing: no connection outlives its query."""


def _based(query: PublicQuery) -> str:
    """The text, with the base of its relative IRIs in it: an engine would take its own."""
    if query.base is None or not is_relative(query.text):
        return query.text
    return f"BASE {ox.NamedNode(query.base)} {query.text}"


def _parameters(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    return {"default-graph-uri": dataset.default, "named-graph-uri": dataset.named}


def _result(reply: Reply, kind: str) -> ox.QuerySolutions | ox.QueryBoolean:
    """Solutions, or the truth that was asked for. Raises StoreUnusable."""
    found = _parsed(cast(IO[bytes], reply))
    if isinstance(found, ox.QueryBoolean) == (kind == "ASK"):
        return found
    if isinstance(found, ox.QuerySolutions) and [v.value for v in found.variables] == [_ASKED]:
        truth = any(row[_ASKED].value == "1" for row in found)
        return _parsed(json.dumps({"head": {}, "boolean": truth}).encode())
    del found
    raise StoreUnusable(f"The SPARQL engine's answer is none to {kind}.")


def _parsed(source: IO[bytes] | bytes) -> ox.QuerySolutions | ox.QueryBoolean:
    try:
        return ox.parse_query_results(source, format=ox.QueryResultsFormat.JSON)
    except SyntaxError as error:
        raise _unreadable(error) from error


def _triples(reply: Reply) -> Iterator[ox.Triple]:
    return (quad.triple for quad in ox.parse(cast(IO[bytes], reply), format=ox.RdfFormat.N_TRIPLES))


def _unreadable(error: SyntaxError) -> StoreUnusable:
    told = str(error).partition("\n")[0][:200]
    return StoreUnusable(f"The SPARQL engine's answer cannot be read: {told}")


def _of_ours(error: TooMuch | SyntaxError | ValueError) -> KgError:
    """What an error while an answer is read and written means to the client."""
    if isinstance(error, TooMuch):
        return LimitExceeded(f"The answer goes beyond the limit of {error.limit}.", error.limit)
    if isinstance(error, SyntaxError):
        return _unreadable(error)
    return Malformed(f"The query cannot be run: {error}")
