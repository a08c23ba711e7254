"""Run public queries over somebody's SPARQL engine, within our limits and in our formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from traceback import clear_frames
from typing import IO, cast

import pyoxigraph as ox

from kg.errors import KgError, LimitExceeded, Malformed, StoreUnusable
from kg.sparql.query import ALL, Dataset, Limits, Prepare, PublicQuery, QueryEngine, Result
from kg.sparql.results import write
from kg.sparql.scan import is_relative
from kg.sparql.syntax_errors import mistake
from kg.stores.remote.http import RESULTS, TRIPLES, Engine, Reply, cut_off

_TABULAR = {"SELECT", "ASK"}
#: how Virtuoso answers ASK: a row with a 1, or no row
_ASKED = "__ASK_RETVAL"


class RemoteQueries(QueryEngine):
    """Hands public queries on to an engine.

    The engine is asked for a time-out; at ours the connection is closed, and the query may run
    on there. Memory is the engine's own affair. ``version`` returns the present data version.
    """

    def __init__(
        self, engine: Engine, version: Callable[[], int], limits: Limits | None = None
    ) -> None:
        super().__init__(limits)
        self._engine, self._version = engine, version
        self._most: int | None = None

    def _answer(self, query: PublicQuery, form: str, dataset: Dataset, prepare: Prepare) -> Result:
        graphs = {"default-graph-uri": dataset.default, "named-graph-uri": dataset.named}
        union = dataset == ALL and not query.own_dataset
        accept = RESULTS if query.form in _TABULAR else TRIPLES
        ready, seconds = self._prepared(query, prepare)
        text = ready.text
        if ready.base is not None and is_relative(text):  # the engine would take its own base
            text = f"BASE {ox.NamedNode(ready.base)} {text}"
        version = self._version()
        try:
            with self._engine.query(text, accept, seconds, None if union else graphs) as reply:
                # Named nowhere here, so that no error keeps the reader (see _write).
                kind, rows, body = self._write(_result(reply, ready.form), form)
        except Malformed as error:
            raise Malformed(mistake(query.text) or str(error)) from error
        if kind == "graph" and self._engine.virtuoso:
            # It says of tables only that it cut them, so once a table is asked for.
            if self._most is None:
                many = f"SELECT (1 AS ?x) {{ ?a ?b ?c . ?d ?e ?f }} LIMIT {self.limits.rows + 1}"
                with suppress(LimitExceeded), self._engine.query(many):
                    pass
                self._most = self._engine.most_rows or self.limits.rows + 1
            if rows >= self._most:
                raise cut_off(self._most)
        return Result(kind, rows, body, version)

    def _write(
        self, result: ox.QuerySolutions | ox.QueryBoolean | Iterable[ox.Triple], form: str
    ) -> tuple[str, int, bytes]:
        """Kind, rows and body of an answer that is read while it is written.

        pyoxigraph's readers must end in the thread they began in: no error may keep one.
        """
        try:
            return write(result, form, max_rows=self.limits.rows, max_bytes=self.limits.bytes)
        except (KgError, SyntaxError, ValueError) as error:
            clear_frames(error.__traceback__)
            if isinstance(error, SyntaxError):
                raise _unreadable(error) from error
            if isinstance(error, ValueError):
                raise Malformed(f"The query cannot be run: {error}") from error
            raise
        finally:
            del result

    def close(self) -> None:
        """Do nothing: no connection outlives its query."""


def _result(reply: Reply, kind: str) -> ox.QuerySolutions | ox.QueryBoolean | Iterator[ox.Triple]:
    """Triples, solutions, or the truth that a query is about. Raises StoreUnusable."""
    if kind not in _TABULAR:
        quads = ox.parse(cast(IO[bytes], reply), format=ox.RdfFormat.N_TRIPLES)
        return (quad.triple for quad in quads)
    result = _parsed(cast(IO[bytes], reply))
    if isinstance(result, ox.QueryBoolean) == (kind == "ASK"):
        return result
    if isinstance(result, ox.QuerySolutions) and [v.value for v in result.variables] == [_ASKED]:
        truth = any(row[_ASKED].value == "1" for row in result)
        return _parsed(json.dumps({"head": {}, "boolean": truth}).encode())
    del result
    raise StoreUnusable(f"The SPARQL engine's answer is none to {kind}.")


def _parsed(source: IO[bytes] | bytes) -> ox.QuerySolutions | ox.QueryBoolean:
    try:
        return ox.parse_query_results(source, format=ox.QueryResultsFormat.JSON)
    except SyntaxError as error:
        raise _unreadable(error) from error


def _unreadable(error: SyntaxError) -> StoreUnusable:
    reason = str(error).partition("\n")[0][:200]
    return StoreUnusable(f"The SPARQL engine's answer cannot be read: {reason}")
