"""The Unix socket of a home: commands beside a running service, for whoever owns the home.

A request is one line of JSON, ``{"command", "arguments"}``. Lines of progress, pieces of an export
and at last a result or an error follow. The socket is readable by its owner only (mode 0600); there
is no way to it over the port.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from kg.errors import KgError, Problem, Refused, StoreUnusable
from service.core.operations import Counted, Operations
from service.core.runtime import Runtime

SOCKET = "passerelle.sock"
#: commands by their names at the socket, and the operations that they are
COMMANDS = {
    "import": "import_file",
    "export": "export",
    "count": "entry_count",
    "undo": "undo",
}
#: bytes of a request
LONGEST = 64 * 1024
log = logging.getLogger("passerelle")


class ControlSocket:
    """Answers commands at the socket of a home until it is closed."""

    def __init__(self, runtime: Runtime) -> None:
        self._path = runtime.settings.home / SOCKET
        self._path.unlink(missing_ok=True)  # left by a process that was killed
        with reachable(self._path) as address:
            former = os.umask(0o177)
            try:
                self._server = _Server(address, runtime)
            finally:
                os.umask(former)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="control", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> ControlSocket:
        """Give the object itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the socket and take it away."""
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)


class reachable:
    """An address of a socket whose folder may have a path of any length; 108 bytes are taken."""

    def __init__(self, path: Path) -> None:
        self._folder, self._name = path.parent, path.name

    def __enter__(self) -> str:
        """Open the folder and name the socket in it."""
        self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._descriptor}/{self._name}"

    def __exit__(self, *exception: object) -> None:
        """Let go of the folder."""
        os.close(self._descriptor)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, address: str, runtime: Runtime) -> None:
        self.runtime = runtime
        super().__init__(address, _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Carry out one command."""
        with suppress(BrokenPipeError, ConnectionResetError):
            try:
                request = json.loads(self.rfile.readline(LONGEST))
                runtime = self.server.runtime
                operations = Operations(runtime.intake, runtime.matcher.atlas)
                command = getattr(operations, COMMANDS[request["command"]])
                result = command(**request["arguments"], counted=self.counted)
                if isinstance(result, Iterator):
                    for piece in result:
                        self.tell(piece=piece)
                    result = None
                self.tell(result=result)
            except KgError as error:
                problems = error.problems if isinstance(error, Refused) else []
                self.tell(error=str(error), problems=[problem.as_dict() for problem in problems])
            except OSError as error:
                self.tell(error=f"{error.strerror}: {error.filename}", problems=[])
            except (KeyError, TypeError, ValueError):
                self.tell(error="The service does not know this command; is it of another release?")
            except Exception:
                log.exception("A command failed.")
                self.tell(error="Something went wrong in the service; its log says what.")
            self.server.runtime.written()

    def tell(self, **message: Any) -> None:  # noqa: ANN401
        """Send a line."""
        self.wfile.write(json.dumps(message).encode() + b"\n")

    def counted(self, done: int, total: int) -> None:
        """Send a line of progress."""
        self.tell(done=done, total=total)


class Beside:
    """The commands of ``Operations``, carried out by the service that holds the home."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, home: Path) -> Beside | None:
        """The service that runs in a home; None where none does."""
        path = home / SOCKET
        try:
            with socket.socket(socket.AF_UNIX) as probe, reachable(path) as address:
                probe.connect(address)
        except OSError:
            return None
        return cls(path)

    def import_file(
        self, name: str, file: str, limit: int | None, counted: Counted
    ) -> dict[str, Any]:
        """Have a file imported and give the report."""
        given = {"name": name, "file": str(Path(file).absolute()), "limit": limit}
        report: dict[str, Any] = self._ask("import", given, counted)
        return report

    def export(self, form: str, counted: Counted) -> list[str]:
        """All entries as pieces of text."""
        pieces: list[str] = []
        self._ask("export", {"form": form}, counted, pieces)
        return pieces

    def entry_count(self, counted: Counted) -> int:
        """How many entries there are."""
        count: int = self._ask("count", {}, counted)
        return count

    def undo(
        self,
        job: str | None,
        token: str | None,
        since: str | None,
        dry_run: bool,
        reason: str | None,
        counted: Counted,
    ) -> dict[str, Any]:
        """Have changes taken back and give the report."""
        given = {"job": job, "token": token, "since": since, "dry_run": dry_run, "reason": reason}
        report: dict[str, Any] = self._ask("undo", given, counted)
        return report

    def _ask(
        self,
        command: str,
        arguments: dict[str, Any],
        counted: Counted,
        pieces: list[str] | None = None,
    ) -> Any:  # noqa: ANN401
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            with reachable(self._path) as address:
                connection.connect(address)
            connection.sendall(json.dumps({"command": command, "arguments": arguments}).encode())
            connection.sendall(b"\n")
            with connection.makefile("rb") as stream:
                for line in stream:
                    message = json.loads(line)
                    if "done" in message:
                        counted(message["done"], message["total"])
                    elif "piece" in message and pieces is not None:
                        pieces.append(message["piece"])
                    elif "error" in message:
                        problems = [Problem(**problem) for problem in message.get("problems", [])]
                        raise Refused(message["error"], problems)
                    else:
                        return message["result"]
        raise StoreUnusable("The service ended before the command did; run it again.")
