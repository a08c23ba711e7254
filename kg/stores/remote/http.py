"""Somebody's SPARQL 1.1 engine over HTTP: requests, retries, and answers that are whole."""

from __future__ import annotations

import base64
import math
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from itertools import count

from SPARQLWrapper import INSERT, POST, SELECT, SPARQLWrapper

from kg.errors import LimitExceeded, Malformed, Overloaded, StoreUnusable

RESULTS = "application/sparql-results+json"
TRIPLES = "application/n-triples"
#: what engines call the two
_NAMES = {
    RESULTS: {RESULTS, "application/json"},
    TRIPLES: {TRIPLES, "text/plain"},
}
#: seconds for what the store itself asks and writes
PATIENCE = 60.0
_PAUSE = 0.1
#: what Virtuoso says of a transaction that it undid because of another
_DEADLOCK = "40001"
_LATE = re.compile(r"time[ -]?out|timed out|exceeds the limit|exceeded.*time|S1T00", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """Where a SPARQL 1.1 engine answers, and how we say who we are.

    A ``token`` is sent as bearer; ``user`` and ``password`` by basic authentication, or by
    digest if ``digest``.
    """

    query: str
    update: str
    graphs: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    digest: bool = False
    token: str | None = field(default=None, repr=False)


class Reply:
    """The body of an answer as a file; raises rather than end too early or too late."""

    def __init__(self, response: HTTPResponse, end: float) -> None:
        self.headers = response.headers
        self._response = response
        # Another handle of the connection: only shutting it down wakes a thread that reads.
        self._socket = (
            None if response.isclosed() else socket.socket(fileno=os.dup(response.fileno()))
        )
        self._late = False
        self._alarm = threading.Timer(max(0.0, end - time.monotonic()), self._hang_up)
        self._alarm.daemon = True
        if self._socket:
            self._alarm.start()

    def _hang_up(self) -> None:
        self._late = True
        with suppress(OSError):
            assert self._socket
            self._socket.shutdown(socket.SHUT_RDWR)

    def read(self, size: int = 1 << 16) -> bytes:
        """Return the next bytes, none at the end. Raises LimitExceeded or StoreUnusable."""
        try:
            data = self._response.read1(size)
        except TimeoutError as error:
            raise too_late() from error
        except (HTTPException, OSError) as error:
            raise self._broken() from error
        if not data and (self._late or self._response.length):
            raise self._broken()
        return data

    def _broken(self) -> LimitExceeded | StoreUnusable:
        return too_late() if self._late else StoreUnusable("The SPARQL engine's answer broke off.")

    def all(self) -> bytes:
        """Return the rest of the body."""
        return b"".join(iter(self.read, b""))

    def close(self) -> None:
        """Close the connection."""
        if self._socket:
            self._alarm.cancel()
            self._alarm.join()
            self._socket.close()
        self._response.close()


def too_late() -> LimitExceeded:
    """Return the error of a query that takes too long."""
    return LimitExceeded("The query took longer than it may.", "time")


def cut_off(rows: int | str) -> LimitExceeded:
    """Return the error of an answer that the engine ended early."""
    return LimitExceeded(f"The SPARQL engine cuts answers off at {rows} rows.", "rows")


class Engine:
    """Sends queries, updates and graphs to an engine; safe to use from several threads."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.virtuoso = False
        #: after how many rows the engine was seen to end an answer
        self.most_rows: int | None = None

    @contextmanager
    def query(
        self, text: str, accept: str = RESULTS, seconds: float = PATIENCE,
        graphs: Mapping[str, Sequence[str]] | None = None,
    ) -> Iterator[Reply]:  # fmt: skip
        """Yield the answer to a query as RESULTS or TRIPLES.

        ``graphs`` holds the protocol's parameters of a dataset; None is the union of all
        graphs. Raises Malformed for what the engine cannot read, LimitExceeded (``time``,
        ``rows``), Overloaded, or StoreUnusable.
        """
        wrapper = self._wrapper(text, SELECT, accept)
        dataset = {"union-default-graph": ["true"]} if graphs is None else graphs
        for name, values in dataset.items():
            for value in values:
                wrapper.addParameter(name, value)
        # Virtuoso counts in milliseconds, RDF4J and Fuseki in seconds; others do not look at it.
        wrapper.addParameter("timeout", str(math.ceil(seconds * (1000 if self.virtuoso else 1))))
        with self._reply(wrapper._createRequest, seconds) as reply:
            self.virtuoso = "virtuoso" in reply.headers.get("Server", "").lower()
            self.most_rows = int(reply.headers.get("X-SPARQL-MaxRows", 0)) or self.most_rows
            _check(reply, accept)
            yield reply

    def update(self, text: str) -> None:
        """Run an update; raises what ``query`` raises."""
        wrapper = self._wrapper(text, INSERT, "*/*")
        with self._reply(wrapper._createRequest, PATIENCE) as reply:
            reply.all()

    def graph(self, name: str) -> bytes:
        """Return a graph as N-Triples, nothing if there is none."""
        try:
            with self._graph_store("GET", name, None) as reply:
                return reply.all()
        except StoreUnusable as error:
            if getattr(error.__cause__, "code", None) == 404:
                return b""
            raise

    def put(self, name: str, triples: bytes) -> None:
        """Put N-Triples into a graph in the place of what it holds."""
        with self._graph_store("PUT", name, triples) as reply:
            reply.all()

    def _wrapper(self, text: str, kind: str, accept: str) -> SPARQLWrapper:
        wrapper = SPARQLWrapper(self._address.query, self._address.update)
        wrapper.setMethod(POST)
        wrapper.setOnlyConneg(True)
        # Not by setQuery: its guess at what a stranger wrote must not say where that is sent.
        wrapper.queryString, wrapper.queryType = text, kind
        for name, value in self._headers(accept).items():
            wrapper.addCustomHttpHeader(name, value)
        return wrapper

    def _headers(self, accept: str) -> dict[str, str]:
        found, here = {"Accept": accept}, self._address
        if here.token:
            found["Authorization"] = f"Bearer {here.token}"
        elif here.user and not here.digest:
            pair = base64.b64encode(f"{here.user}:{here.password or ''}".encode()).decode()
            found["Authorization"] = f"Basic {pair}"
        return found

    def _graph_store(
        self, method: str, name: str, body: bytes | None
    ) -> AbstractContextManager[Reply]:
        url = self._address.graphs + "?" + urllib.parse.urlencode({"graph": name})
        headers = self._headers(TRIPLES if body is None else "*/*")
        if body is not None:
            headers["Content-Type"] = "text/turtle; charset=utf-8"  # every engine reads it
        return self._reply(
            lambda: urllib.request.Request(url, body, headers, method=method), PATIENCE
        )

    @contextmanager
    def _reply(self, make: Callable[[], urllib.request.Request], seconds: float) -> Iterator[Reply]:
        end = time.monotonic() + seconds
        reply = Reply(self._send(make, end), end)
        try:
            yield reply
        finally:
            reply.close()

    def _send(self, make: Callable[[], urllib.request.Request], end: float) -> HTTPResponse:
        """Send a request, again if the engine asks for it and the time allows."""
        wait: float | None = None
        for attempt in count():
            try:
                found: HTTPResponse = self._opener().open(
                    make(), timeout=max(end - time.monotonic(), _PAUSE)
                )
            except urllib.error.HTTPError as error:
                told = _told(error)
                if (wait := _wait(error, told, attempt)) is None:
                    raise _refusal(error, told.partition("\n")[0][:200]) from error
            except (HTTPException, OSError) as error:
                raise _unreachable(error) from error
            else:
                return found
            if time.monotonic() + wait >= end:
                break
            time.sleep(wait)
        raise Overloaded("The SPARQL engine has too much to do. Try again.", math.ceil(wait or 1))

    def _opener(self) -> urllib.request.OpenerDirector:
        """Return an opener of its own for each request: the one for digest keeps count."""
        here = self._address
        if not here.digest:
            return urllib.request.build_opener()
        known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        urls = [here.query, here.update, here.graphs]
        known.add_password(None, urls, here.user or "", here.password or "")
        return urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(known))


def _check(reply: Reply, accept: str) -> None:
    """Refuse what is no answer to the query, or only a part of one."""
    state = reply.headers.get("X-SQL-State")
    if state == "S1TAT":  # Virtuoso: an incomplete answer at its time-out
        raise too_late()
    if "X-SPARQL-MaxRows" in reply.headers:  # Virtuoso: cut at its ResultSetMaxRows
        raise cut_off(reply.headers["X-SPARQL-MaxRows"])
    found = reply.headers.get_content_type()
    if state or found not in _NAMES[accept]:
        raise StoreUnusable(f"The SPARQL engine answered {found}, not {accept}.")


def _told(error: urllib.error.HTTPError) -> str:
    """Return the beginning of what an error says, as far as it can be read."""
    with error, suppress(HTTPException, OSError):
        return error.read(2_000).decode("utf-8", "replace").strip()
    return ""


def _wait(error: urllib.error.HTTPError, told: str, attempt: int) -> float | None:
    """Return how long to wait before the next try; None if there is to be none."""
    if error.code not in {429, 503} and _DEADLOCK not in told:
        return None
    after = error.headers.get("Retry-After", "")
    if after.isascii() and after.isdigit():
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except ValueError:
        return float(_PAUSE * 2**attempt)


def _refusal(error: urllib.error.HTTPError, told: str) -> Malformed | LimitExceeded | StoreUnusable:
    if error.code >= 500 and _LATE.search(told):
        return too_late()
    if error.code == 400:
        return Malformed(f"The query cannot be read: {told}")
    if error.code in {401, 403}:
        return StoreUnusable(
            f"The SPARQL engine does not let us in ({error.code}); check"
            " PASSERELLE_SPARQL_USER, _PASSWORD, _AUTH and _TOKEN."
        )
    return StoreUnusable(f"The SPARQL engine failed ({error.code}): {told or error.reason}")


def _unreachable(error: HTTPException | OSError) -> LimitExceeded | StoreUnusable:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return too_late()
    told = getattr(reason, "strerror", None) or str(reason).strip() or type(reason).__name__
    return StoreUnusable(f"The SPARQL engine cannot be reached: {told}.")
