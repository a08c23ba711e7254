"""The log of public queries: how long, how much, which limit; never what or by whom.

One JSON object a line in ``log/queries.jsonl`` of the home, at most four files of 4 MiB.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kg.errors import KgError
from kg.query import Answer
from service.metrics import Metrics

FILE = "log/queries.jsonl"
SIZE, KEPT = 4 * 1024**2, 3


@dataclass
class Seen:
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

    def answered(self, form: str, written: str, found: Answer, *, similar: bool) -> None:
        """Note the answer."""
        self.outcome, self.form, self.format, self.similar = "answered", form, written, similar
        self.rows, self.bytes, self.version = found.rows, len(found.body), found.version


class QueryLog:
    """Writes what is seen of each query, and counts it; safe to use from several threads.

    Lines wait in memory for ``flush``: a write for each would let go of the interpreter.
    """

    def __init__(self, home: Path, metrics: Metrics) -> None:
        self._path, self._metrics = home / FILE, metrics
        self._lock = threading.Lock()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab")

    @contextmanager
    def watch(self, text: str) -> Iterator[Seen]:
        """Note one query, also where the block raises."""
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        seen = Seen(datetime.now(UTC).isoformat(timespec="milliseconds"), digest)
        start = time.perf_counter()
        try:
            yield seen
        except KgError as error:
            seen.outcome, seen.limit = type(error).__name__, getattr(error, "limit", None)
            raise
        finally:
            seconds = time.perf_counter() - start
            seen.milliseconds = round(seconds * 1000, 1)
            self._write(seen)
            self._metrics.query(seen.outcome, seen.limit, seconds)

    def _write(self, seen: Seen) -> None:
        line = json.dumps({k: v for k, v in vars(seen).items() if v is not None})
        with self._lock:
            self._file.write(line.encode() + b"\n")
            if self._file.tell() > SIZE:
                self._turn()

    def _turn(self) -> None:
        """Begin a new file, and let go of the oldest."""
        self._file.close()
        for number in range(KEPT - 1, -1, -1):
            if (old := _file(self._path, number)).exists():
                old.replace(_file(self._path, number + 1))
        self._file = self._path.open("ab")

    def flush(self) -> None:
        """Let readers of the file see what was noted so far."""
        with self._lock:
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _file(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def read(home: Path) -> Iterator[Seen]:
    """Yield the queries that were noted, latest first."""
    for number in range(KEPT + 1):
        path = _file(home / FILE, number)
        if path.exists():
            for line in reversed(path.read_text("utf-8").splitlines()):
                yield Seen(**json.loads(line))
