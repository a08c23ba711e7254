"""The log of public queries: how long, how much, which limit; never what or by whom.

One JSON object a line in ``log/queries.jsonl`` of the home, at most four files of 4 MiB.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from kg.errors import KgError
from kg.sparql.query import Result
from service.core.metrics import Metrics

FILE = "log/queries.jsonl"
SIZE, KEPT = 4 * 1024**2, 3
#: lines that wait in memory at most
WAITING = 1000
log = logging.getLogger("passerelle")


@dataclass
class LoggedQuery:
    """One query: when, what became of it, how long it took and how much it brought.

    ``hash`` is the beginning of the SHA-256 of its text; ``outcome`` is ``answered``,
    ``not-modified`` or the name of an error; ``limit`` the one it ran into.
    """

    when: str
    hash: str
    outcome: str = "failed"
    limit: str | None = None
    milliseconds: float = 0.0
    form: str | None = None
    format: str | None = None
    rows: int | None = None
    bytes: int | None = None
    version: int | None = None
    similar: bool = False

    def answered(self, form: str, written: str, answer: Result, *, similar: bool) -> None:
        """Note the answer."""
        self.outcome, self.form, self.format, self.similar = "answered", form, written, similar
        self.rows, self.bytes, self.version = answer.rows, len(answer.body), answer.version


_LOGGED = TypeAdapter(LoggedQuery)


class _Lines(RotatingFileHandler):
    """A log file that raises what goes wrong."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Let the error out that is being handled."""
        raise


class QueryLog:
    """Notes what is logged of each query, and counts it; safe to use from several threads.

    Lines wait in memory for ``flush``: a write for each would let go of the interpreter. Lines
    that cannot be written are lost, and the service's own log says so once until it works again;
    no query fails for it.
    """

    def __init__(self, home: Path, metrics: Metrics) -> None:
        self._metrics = metrics
        self._path = home / FILE
        self._file = _Lines(
            self._path, maxBytes=SIZE, backupCount=KEPT, encoding="utf-8", delay=True
        )
        self._waiting: list[str] = []
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._failed = False

    @contextmanager
    def watch(self, text: str) -> Iterator[LoggedQuery]:
        """Note one query, also where the block raises."""
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        logged = LoggedQuery(datetime.now(UTC).isoformat(timespec="milliseconds"), digest)
        start = time.perf_counter()
        try:
            yield logged
        except KgError as error:
            logged.outcome, logged.limit = type(error).__name__, getattr(error, "limit", None)
            raise
        finally:
            seconds = time.perf_counter() - start
            logged.milliseconds = round(seconds * 1000, 1)
            line = json.dumps({k: v for k, v in vars(logged).items() if v is not None})
            with self._lock:
                self._waiting.append(line)
                many = len(self._waiting) >= WAITING
            if many:
                self.flush()
            self._metrics.query(logged.outcome, logged.limit, seconds)

    def flush(self) -> None:
        """Write what waits; a file that somebody has removed is begun anew."""
        with self._writing:
            with self._lock:
                lines, self._waiting = self._waiting, []
            if not lines:
                return
            if not self._path.exists():
                self._drop()
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file.emit(logging.makeLogRecord({"msg": "\n".join(lines)}))
                self._failed = False
            except OSError as error:
                self._drop()
                if not self._failed:
                    log.warning(
                        "The log of queries cannot be written (%s);"
                        " queries are answered without it.",
                        error.strerror or type(error).__name__,
                    )
                self._failed = True

    def _drop(self) -> None:
        """Let go of the file; what it holds in memory is lost if it cannot be written."""
        with suppress(OSError):
            self._file.close()

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        self._drop()


def read(home: Path) -> Iterator[LoggedQuery]:
    """The queries that were noted, latest first; what is no line of ours is left out."""
    latest = home / FILE
    for path in (latest, *(latest.with_name(f"{latest.name}.{n + 1}") for n in range(KEPT))):
        try:
            text = path.read_text("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
        for line in reversed(text.splitlines()):
            with suppress(ValidationError):  # a full disk cuts lines
                yield _LOGGED.validate_json(line)
