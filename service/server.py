"""The HTTP server: waitress with limits that survive slow clients."""

from __future__ import annotations

import json
import socket
from http import HTTPStatus

from flask import Flask
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask

#: bodies up to here are read, so that a client hears of our own limit before it is cut off
READ = 64 * 1024**2
#: threads beside those that SPARQL queries may hold
SPARE = 8


class _ProblemTask(ErrorTask):  # type: ignore[misc]
    """Says as problem+json what waitress found wrong before the application saw it."""

    def execute(self) -> None:
        """Write the answer and close the connection."""
        error = self.request.error
        title = HTTPStatus(error.code).phrase
        told = {"type": "about:blank", "title": title, "status": error.code, "detail": error.body}
        body = json.dumps(told).encode()
        self.status = f"{error.code} {title}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.response_headers.append(("Connection", "close"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    error_task_class = _ProblemTask


def bind(host: str, port: int) -> socket.socket:
    """Return a socket of this address, not listening yet; OSError if it is taken."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    found = socket.socket(family, kind)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(address)
    except OSError as error:
        found.close()
        raise OSError(f"Port {port} of {host} cannot be used: {error.strerror}.") from error
    return found


def make(app: Flask, bound: socket.socket) -> BaseWSGIServer:
    """Return a server for the application; it listens now and answers once it runs."""
    settings = app.extensions["passerelle"].settings
    # A query that runs or waits holds a thread; SPARE are left for everybody else.
    threads = settings.sparql_concurrent + settings.sparql_queue + SPARE
    server = create_server(
        app, sockets=[bound], threads=threads, connection_limit=1000, channel_timeout=20,
        max_request_body_size=max(READ, app.config["MAX_CONTENT_LENGTH"]), ident="Passerelle",
    )  # fmt: skip
    server.channel_class = _Channel
    return server
