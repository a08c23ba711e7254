"""Run public queries in killable processes on hard-linked snapshots of the store."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from kg.errors import LimitExceeded, Malformed, Overloaded, StoreUnusable
from kg.sparql.query import ALL, Dataset, Limits, Prepare, PublicQuery, QueryEngine, Result
from kg.sparql.results import too_much
from kg.sparql.syntax_errors import explain
from kg.sparql.worker import FRAME, START

MAX_STALENESS = 0.5
#: seconds more than a query may take, after which a worker without an alarm is killed
MARGIN = 2.0
#: seconds between two looks for such workers
LOOK = 0.25
#: bytes that a pipe to a worker holds; large answers come with fewer changes of process
_PIPE = 1024**2
#: bytes of a first read: most answers are small
_SMALL = 16 * 1024
_START = "from kg.sparql.worker import main; main()"
#: one heap for all threads: each more takes 64 MiB of the addresses that RLIMIT_AS counts
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "MALLOC_ARENA_MAX": "1"}


class Source(Protocol):
    """A store that can be copied for readers."""

    def version(self) -> int:
        """The data version."""

    def snapshot(self, folder: Path) -> None:
        """Write a copy into a new folder."""


class _Snapshots:
    """Copies of the store for readers; at most half a second behind, old ones removed."""

    def __init__(self, store: Source, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._lock = threading.Lock()
        self._users: Counter[Path] = Counter()
        self._current: Path | None = None
        self._version, self._made, self._count = -1, 0.0, 0
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    @contextmanager
    def lease(self) -> Iterator[tuple[Path, int]]:
        """Yield a snapshot's folder and data version; it stays while the block runs."""
        with self._lock:
            old = time.monotonic() - self._made > MAX_STALENESS
            if self._current is None or (old and self._store.version() != self._version):
                version = self._store.version()
                self._count += 1
                folder = self._folder / str(self._count)
                try:
                    self._store.snapshot(folder)
                except (OSError, RuntimeError) as error:
                    shutil.rmtree(folder, ignore_errors=True)
                    raise StoreUnusable("The store cannot be copied for queries now.") from error
                self._current, self._version, self._made = folder, version, time.monotonic()
                self._sweep()
            folder, version = self._current, self._version
            self._users[folder] += 1
        try:
            yield folder, version
        finally:
            with self._lock:
                self._users[folder] -= 1
                if folder != self._current:
                    self._sweep()

    def _sweep(self) -> None:
        for folder in self._folder.iterdir():
            if folder != self._current and not self._users[folder]:
                shutil.rmtree(folder, ignore_errors=True)
                del self._users[folder]


class _Watch:
    """Kills processes that do not end in time; one thread for all of them.

    To wait for a pipe and a time at once would take one more system call a query, which is one
    more turn of the GIL.
    """

    def __init__(self) -> None:
        self._ends: dict[subprocess.Popen[bytes], float] = {}
        self._lock, self._over = threading.Lock(), threading.Event()

        def look() -> None:
            while not self._over.wait(LOOK):
                with self._lock:
                    late = [p for p, end in self._ends.items() if end < time.monotonic()]
                for process in late:
                    process.kill()

        threading.Thread(target=look, name="query-watch", daemon=True).start()

    @contextmanager
    def until(self, end: float, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Kill the process if the block still runs at ``end`` of the monotonic clock."""
        with self._lock:
            self._ends[process] = end
        try:
            yield
        finally:
            with self._lock:
                del self._ends[process]

    def close(self) -> None:
        """End the thread."""
        self._over.set()


class _Worker:
    """One process bound to one snapshot; it must be killed by whoever made it.

    A process ends itself by an alarm of the kernel when its time is over. As a stopped process
    has no alarm, it is killed MARGIN seconds later.
    """

    def __init__(self, folder: Path, limits: Limits, watch: _Watch) -> None:
        self.folder, self._watch = folder, watch
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, str(folder), str(limits.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_ENVIRONMENT,
            bufsize=0,
            pipesize=_PIPE,
        )
        try:
            with self._until(START):
                self.network = str(self._receive()[0]["network"])
        except BaseException:
            self.kill()
            raise

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Send a request and read head and body; LimitExceeded if the process ended instead.

        Raises BrokenPipeError for a process that has ended before it could read the request.
        """
        assert self._process.stdin
        rest = memoryview(json.dumps(request).encode() + b"\n")
        with self._until(request["seconds"]):
            while rest := rest[self._process.stdin.write(rest) or 0 :]:
                pass
            return self._receive()

    @contextmanager
    def _until(self, seconds: float) -> Iterator[None]:
        end = time.monotonic() + seconds + MARGIN
        with self._watch.until(end, self._process):
            try:
                yield
            except (LimitExceeded, BrokenPipeError) as error:
                if time.monotonic() > end:
                    raise _too_late() from error
                raise

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        """Read head and body; most answers take one read, and each more is a turn of the GIL."""
        data, start = self._read(_SMALL), FRAME.size
        while len(data) < start or len(data) < start + FRAME.unpack_from(data)[0]:
            data += self._read(_SMALL)
        head, body = FRAME.unpack_from(data)
        parts = [data[start + head :]]
        left = body - len(parts[0])
        while left > 0:
            parts.append(self._read(_PIPE))
            left -= len(parts[-1])
        return json.loads(data[start : start + head]), b"".join(parts)

    def _read(self, most: int) -> bytes:
        assert self._process.stdout
        part = self._process.stdout.read(most)
        if part:
            return part
        code = self._process.wait()
        if code == -signal.SIGALRM:
            raise _too_late()
        if code == -signal.SIGSEGV:  # the end of its stack
            raise LimitExceeded("The query is nested or chained too long to run.", "complexity")
        raise LimitExceeded("The query needed more memory than it may use.", "memory")

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once and wait for it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        self._process.wait()


def _too_late() -> LimitExceeded:
    return LimitExceeded("The query took longer than it may.", "time")


class QueryPool(QueryEngine):
    """Answers SPARQL queries of strangers within limits, several at a time."""

    def __init__(self, store: Source, folder: Path, limits: Limits | None = None) -> None:
        super().__init__(limits)
        self._snapshots = _Snapshots(store, folder)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._watch = _Watch()
        self._closed = 0

    def _answer(self, query: PublicQuery, form: str, dataset: Dataset, prepare: Prepare) -> Result:
        with self._snapshots.lease() as (folder, version):
            ready, seconds = self._prepared(query, prepare)
            request = {
                "query": ready.text,
                "base": ready.base,
                "describe": ready.form == "DESCRIBE",
                "form": form,
                "union": dataset == ALL and not ready.own_dataset,
                "default": dataset.default,
                "named": dataset.named,
                "seconds": seconds,
                "max_rows": self.limits.rows,
                "max_bytes": self.limits.bytes,
            }
            try:
                head, body = self._ask(folder, request)
            except BrokenPipeError:  # the worker died after its last query
                head, body = self._ask(folder, request)
        if "syntax" in head:
            raise Malformed(explain(query.text, str(head["syntax"]), ready.text))
        if "failed" in head:
            raise Malformed(f"The query cannot be run: {head['failed']}")
        if "limit" in head:
            raise too_much(head["limit"])
        return Result(head["kind"], head["rows"], body, version)

    def _ask(self, folder: Path, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Ask a worker of this snapshot; afterwards it is idle or dead, whatever happens."""
        with self._lock:
            closed = self._closed
            old = [w for w in self._idle if w.folder != folder]
            self._idle = [w for w in self._idle if w.folder == folder]
            idle = self._idle.pop() if self._idle else None
        if idle and not idle.alive():
            old.append(idle)
            idle = None
        for worker in old:
            worker.kill()
        try:
            worker = idle or _Worker(folder, self.limits, self._watch)
        except OSError as error:
            raise Overloaded("No process can be started for the query. Try again.", 5) from error
        try:
            reply = worker.ask(request)
        except BaseException:
            worker.kill()
            raise
        with self._lock:
            kept = closed == self._closed
            if kept:
                self._idle.append(worker)
        if not kept:
            worker.kill()
        return reply

    def close(self) -> None:
        """End all idle workers now, and those that are at work after their query."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._closed += 1
        for worker in idle:
            worker.kill()
        self._watch.close()
