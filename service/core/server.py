"""The HTTP server: waitress with limits that survive slow clients, and bodies kept with care."""

from __future__ import annotations

import json
import socket
from functools import partial
from http import HTTPStatus
from io import BytesIO
from typing import Any

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask, WSGITask

from service.core.door import REFUSED, Door, Refusal

#: bytes of a refused body that are read and dropped, so that its sender hears why
READ = 64 * 1024**2
#: bytes of a body that nobody has to find room for
SMALL = 64 * 1024
#: threads beside those that SPARQL queries may hold
SPARE = 8
#: seconds without a byte after which a client is cut off, and how often that is looked at
PATIENCE, LOOK = 20, 5
#: seconds that a thread may keep the interpreter while others wait. SQLite gives it up at each
#: statement: beside a busy thread a change was followed in 15 ms with Python's own 0.005, in 8 so
TURN = 0.0005


class _ProblemTask(ErrorTask):  # type: ignore[misc]
    """Says as problem+json what waitress found wrong before the application saw it."""

    def execute(self) -> None:
        """Write the answer and close the connection."""
        error = self.request.error
        title = HTTPStatus(error.code).phrase
        problem = {"title": title, "status": error.code, "detail": error.body}
        body = json.dumps({"type": "about:blank"} | problem).encode()
        self.status = f"{error.code} {title}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.response_headers.append(("Connection", "close"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Task(WSGITask):  # type: ignore[misc]
    """Lets the application say why a request was refused by its head."""

    def get_environment(self) -> dict[str, Any]:
        """Note the reason in the environment where there is one."""
        environ: dict[str, Any] = super().get_environment()
        if self.request.refused:
            environ[REFUSED] = self.request.refused
        return environ


class _Nowhere:
    """Takes the place of a buffer and keeps nothing."""

    def append(self, data: bytes) -> None:
        """Forget the data."""

    def __len__(self) -> int:
        """Say that nothing was kept."""
        return 0

    def getfile(self) -> BytesIO:
        """Give an empty body."""
        return BytesIO()

    def close(self) -> None:
        """Do nothing: nothing was opened."""


class _Request(HTTPRequestParser):  # type: ignore[misc]
    """A request whose body is kept only if its head is good and there is room for it."""

    refused: Refusal | None = None
    expect_continue: bool
    body_rcv: Any

    def __init__(self, door: Door, peer: str, adj: Adjustments) -> None:
        super().__init__(adj)
        self._door, self._peer = door, peer
        self._guest: str | None = None
        self._taken = 0

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head, and decide on it if a body follows."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a number of thousands of digits
            raise ParsingError("Content-Length is invalid") from error
        if self.body_rcv is None:
            return
        head = self._door.head(self.command, self.path, self._peer, self.headers)
        self._guest = None if self._door.known(head) else head.client
        if reason := self._door.refusal(head):
            self._refuse(reason)
        if self.refused and self.expect_continue:  # who asks first is answered at once
            self.headers["CONNECTION"] = "close"
            self.expect_continue, self.content_length, self.body_rcv = False, 0, None

    def received(self, data: bytes) -> int:
        """Take what came, and find room for it."""
        consumed: int = super().received(data)
        if self.body_rcv is None or self.refused:
            return consumed
        size = len(self.body_rcv)
        more = max(0, size - SMALL) - self._taken
        if size > self._door.largest:
            self._refuse("length")
        elif more > 0 and self._guest is not None:
            if self._door.room.take(self._guest, more):
                self._taken += more
            else:
                self._refuse("room")
        return consumed

    def close(self) -> None:
        """Let go of the body and its room."""
        super().close()
        self._give_back()

    def _refuse(self, reason: Refusal) -> None:
        """Drop what was kept of the body, and what still comes of it."""
        self.refused = reason
        self.body_rcv.getbuf().close()
        self.body_rcv.buf = _Nowhere()
        self._give_back()

    def _give_back(self) -> None:
        taken, self._taken = self._taken, 0
        if taken and self._guest is not None:
            self._door.room.give_back(self._guest, taken)


class _Channel(HTTPChannel):  # type: ignore[misc]
    task_class = _Task
    error_task_class = _ProblemTask

    def __init__(
        self,
        server: BaseWSGIServer,
        sock: socket.socket,
        addr: tuple[str, int],
        *more: Any,  # noqa: ANN401
        **named: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(server, sock, addr, *more, **named)
        self.parser_class = partial(_Request, server.door, addr[0])

    def handle_close(self) -> None:
        """Close the connection, and what was kept of a request that is not complete."""
        super().handle_close()
        if self.request is not None:
            self.request.close()


def bind(host: str, port: int) -> socket.socket:
    """Make a socket of this address, not listening yet; OSError if it is taken."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise OSError(f"Port {port} of {host} cannot be used: {error.strerror}.") from error
    return bound


def make(app: Flask, bound: socket.socket) -> BaseWSGIServer:
    """Make a server for the application; it listens now and answers once it runs."""
    settings = app.extensions["passerelle"].settings
    # A query that runs or waits holds a thread; SPARE are left for everybody else.
    threads = settings.sparql_concurrent + settings.sparql_queue + SPARE
    server = create_server(
        app,
        sockets=[bound],
        threads=threads,
        connection_limit=1000,
        channel_timeout=PATIENCE,
        cleanup_interval=LOOK,
        max_request_body_size=max(READ, app.config["MAX_CONTENT_LENGTH"]),
        clear_untrusted_proxy_headers=False,
        ident="Passerelle",
    )
    server.door = app.extensions["passerelle.door"]
    server.channel_class = _Channel
    return server
