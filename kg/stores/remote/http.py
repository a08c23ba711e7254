"""Somebody's SPARQL 1.1 engine over HTTP: requests, retries, and answers that are whole.

httpx2 sends and reads; the time that a whole answer may take is kept here, as a time-out of HTTP
clients begins anew with every byte.
"""

from __future__ import annotations

import math
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import count
from urllib.parse import urlencode

import httpx2

from kg.errors import (
    EngineRefused,
    KgError,
    LimitExceeded,
    Malformed,
    Overloaded,
    StoreUnusable,
)

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

    def auth(self) -> httpx2.Auth | None:
        """Answer the challenges of one request; digest counts, so that no two may share it."""
        if self.digest:
            return httpx2.DigestAuth(self.user or "", self.password or "")
        if self.user and not self.token:
            return httpx2.BasicAuth(self.user, self.password or "")
        return None


class Reply:
    """The body of an answer as a file that never ends early: it raises instead."""

    def __init__(self, response: httpx2.Response, end: float) -> None:
        self.headers = response.headers
        self._response = response
        self._chunks, self._ahead = response.iter_raw(), b""
        # Another handle of the connection: only shutting it down wakes a thread that reads.
        connection = response.extensions["network_stream"].get_extra_info("socket")
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._late = False

        def hang_up() -> None:
            self._late = True
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

        self._alarm = threading.Timer(max(0.0, end - time.monotonic()), hang_up)
        self._alarm.daemon = True
        self._alarm.start()

    def read(self, size: int = 1 << 16) -> bytes:
        """At most ``size`` bytes, none at the end. Raises LimitExceeded or StoreUnusable."""
        try:
            chunk = self._ahead or next(self._chunks, b"")
        except httpx2.HTTPError as error:
            if self._late or isinstance(error, httpx2.TimeoutException):
                raise too_late() from error
            raise StoreUnusable("The SPARQL engine's answer broke off.") from error
        if not chunk and self._late:
            raise too_late()
        self._ahead = chunk[size:]
        return chunk[:size]

    def all(self) -> bytes:
        """The rest of the body."""
        return b"".join(iter(self.read, b""))

    def close(self) -> None:
        """Close the connection."""
        self._alarm.cancel()
        self._alarm.join()
        self._socket.close()
        self._response.close()


def too_late() -> LimitExceeded:
    """The error of a query that takes too long."""
    return LimitExceeded("The query took longer than it may.", "time")


def cut_off(rows: int | str) -> LimitExceeded:
    """The error of an answer that the engine ended early."""
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
        self,
        text: str,
        accept: str = RESULTS,
        seconds: float = PATIENCE,
        graphs: Mapping[str, Sequence[str]] | None = None,
    ) -> Iterator[Reply]:
        """Send a query and read RESULTS or TRIPLES inside the block.

        ``graphs`` holds the protocol's parameters of a dataset; None is the union of all
        graphs. Raises Malformed for what the engine cannot read, LimitExceeded (``time``,
        ``rows``), Overloaded, or StoreUnusable.
        """
        # Virtuoso counts in milliseconds, RDF4J and Fuseki in seconds; others do not look at it.
        timeout = str(math.ceil(seconds * (1000 if self.virtuoso else 1)))
        dataset = {"union-default-graph": ["true"]} if graphs is None else graphs
        form = {"query": text, **dataset, "timeout": timeout}
        with self._reply("POST", self._address.query, accept, seconds, form=form) as reply:
            self.virtuoso = "virtuoso" in reply.headers.get("Server", "").lower()
            self.most_rows = int(reply.headers.get("X-SPARQL-MaxRows", 0)) or self.most_rows
            state = reply.headers.get("X-SQL-State")
            if state == "S1TAT":  # Virtuoso: an incomplete answer at its time-out
                raise too_late()
            if "X-SPARQL-MaxRows" in reply.headers:  # Virtuoso: cut at its ResultSetMaxRows
                raise cut_off(reply.headers["X-SPARQL-MaxRows"])
            kind = reply.headers.get("Content-Type", "text/plain").partition(";")[0].strip().lower()
            if state or kind not in _NAMES[accept]:
                raise StoreUnusable(f"The SPARQL engine answered {kind}, not {accept}.")
            yield reply

    def update(self, text: str, seconds: float = PATIENCE) -> None:
        """Run an update; raises what ``query`` raises, and EngineRefused."""
        form = {"update": text}
        with self._reply("POST", self._address.update, "*/*", seconds, form=form) as reply:
            reply.all()

    def graph(self, name: str) -> bytes:
        """The N-Triples of a graph, nothing if there is none."""
        try:
            with self._reply("GET", self._graph(name), TRIPLES) as reply:
                return reply.all()
        except _NotThere:
            return b""

    def put(self, name: str, triples: bytes) -> None:
        """Put N-Triples into a graph in the place of what it holds."""
        with self._reply("PUT", self._graph(name), "*/*", triples=triples) as reply:
            reply.all()

    def _graph(self, name: str) -> str:
        return self._address.graphs + "?" + urlencode({"graph": name})

    @contextmanager
    def _reply(
        self,
        method: str,
        url: str,
        accept: str,
        seconds: float = PATIENCE,
        *,
        form: Mapping[str, str | Sequence[str]] | None = None,
        triples: bytes | None = None,
    ) -> Iterator[Reply]:
        """Send a request, again if the engine asks for it and the time allows.

        Each request has a client of its own, so that nothing is kept between two: no connection
        and no cookie. Redirects are not followed.
        """
        end, wait = time.monotonic() + seconds, 0.0
        headers = {"Accept": accept, "Accept-Encoding": "identity", "Connection": "close"}
        if triples is not None:
            headers["Content-Type"] = "text/turtle; charset=utf-8"  # every engine reads it
        if self._address.token:
            headers["Authorization"] = f"Bearer {self._address.token}"
        with httpx2.Client(
            auth=self._address.auth(), headers=headers, verify=_tls(), trust_env=False
        ) as client:
            for attempt in count():
                left = max(end - time.monotonic(), _PAUSE)
                try:
                    request = client.build_request(
                        method, url, data=form, content=triples, timeout=left
                    )
                    response = client.send(request, stream=True)
                except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                    raise _unreachable(error) from error
                with closing(Reply(response, end)) as reply:
                    if response.is_success:
                        yield reply
                        return
                    complaint = b""
                    with suppress(KgError):  # as far as it can be read
                        while len(complaint) < 2_000 and (part := reply.read(2_000)):
                            complaint += part
                text = complaint[:2_000].decode("utf-8", "replace").strip()
                wait = _wait(response, text, attempt)
                if time.monotonic() + wait >= end:
                    break
                time.sleep(wait)
        raise Overloaded("The SPARQL engine has too much to do. Try again.", math.ceil(wait or 1))


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The system's certificate authorities; loading them takes 0.1 s."""
    return ssl.create_default_context()


class _NotThere(StoreUnusable):
    """The engine knows no such address, or no such graph."""


def _wait(response: httpx2.Response, complaint: str, attempt: int) -> float:
    """Seconds before the next try; raises the error where there is to be none."""
    status = response.status_code
    if status not in {429, 503} and _DEADLOCK not in complaint:
        complaint = complaint.partition("\n")[0][:200]
        if status >= 500 and _LATE.search(complaint):
            raise too_late()
        if status == 400:
            raise Malformed(f"The query cannot be read: {complaint}")
        if status in {401, 403}:
            raise StoreUnusable(
                f"The SPARQL engine does not let us in ({status}); check"
                " PASSERELLE_SPARQL_USER, _PASSWORD, _AUTH and _TOKEN."
            )
        failed = _NotThere if status == 404 else EngineRefused
        raise failed(f"The SPARQL engine failed ({status}): {complaint or response.reason_phrase}")
    after = response.headers.get("Retry-After", "")
    if after.isascii() and after.isdigit():
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except ValueError:
        return float(_PAUSE * 2**attempt)


def _unreachable(error: Exception) -> LimitExceeded | StoreUnusable:
    if isinstance(error, httpx2.TimeoutException):
        return too_late()
    cause: BaseException | None = error
    while cause and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    reason = getattr(cause, "strerror", None) or str(error).strip() or type(error).__name__
    return StoreUnusable(f"The SPARQL engine cannot be reached: {reason.rstrip('.')}.")
