"""A SPARQL engine that misbehaves as it is told."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kg.stores.remote.http import Address

JSON = "application/sparql-results+json"
ROW = b'{"x":{"type":"literal","value":"one"}}'
HEAD = b'{"head":{"vars":["x"]},"results":{"bindings":['
ROWS = HEAD + ROW + b"]}}"
TRUE = b'{"head":{},"boolean":true}'


class Visit(BaseHTTPRequestHandler):
    """One request; the script's next step answers it."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = urllib.parse.parse_qs(self.rfile.read(length).decode(), keep_blank_values=True)
        self.server.seen.append((self.path, dict(self.headers), form))
        steps = self.server.steps
        (steps.pop(0) if len(steps) > 1 else steps[0])(self)
        self.close_connection = True

    do_GET = do_PUT = do_POST

    def log_message(self, format: str, *args: object) -> None:
        pass


Step = Callable[[Visit], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, steps: list[Step]) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.steps = steps
        self.seen: list[tuple[str, dict[str, str], dict[str, list[str]]]] = []
        self.released = threading.Event()

    @property
    def address(self) -> Address:
        root = f"http://127.0.0.1:{self.server_port}"
        return Address(f"{root}/query", f"{root}/update", f"{root}/graphs")


def says(body: bytes = ROWS, status: int = 200, kind: str = JSON, **headers: str) -> Step:
    """Answer; an empty ``Content_Length`` leaves it out, other headers are added."""

    def step(visit: Visit) -> None:
        visit.send_response_only(status)
        told = {"Content_Type": kind, "Content_Length": str(len(body))} | headers
        for name, value in told.items():
            if value:
                visit.send_header(name.replace("_", "-"), value)
        visit.end_headers()
        visit.wfile.write(body)

    return step


@contextmanager
def fake(*steps: Step) -> Iterator[_Server]:
    """Run an engine that takes one step after another, and the last one again and again."""
    server = _Server(list(steps))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
