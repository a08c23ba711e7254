"""Run public queries in killable processes on hard-linked snapshots of the store."""

from __future__ import annotations

import json
import re
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

from kg.errors import LimitExceeded, Malformed
from kg.query import ALL, Answer, Dataset, Limits, PublicQuery
from kg.results import check_form
from kg.slots import Slots

MAX_STALENESS = 0.5
#: bytes that a pipe to a worker holds; large answers come with fewer changes of process
_PIPE = 1024**2
#: bytes of a first read: most answers are small, and room for a large one has to be made
_SMALL = 16 * 1024
#: one heap for all threads: each more takes 64 MiB of the addresses that RLIMIT_AS counts
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "MALLOC_ARENA_MAX": "1"}


class Source(Protocol):
    """A store that can be copied for readers."""

    def version(self) -> int:
        """Return the data version."""

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
            folder, version = self._fresh(), self._version
            self._users[folder] += 1
        try:
            yield folder, version
        finally:
            with self._lock:
                self._users[folder] -= 1
                if folder != self._current:
                    self._sweep()

    def _fresh(self) -> Path:
        old = time.monotonic() - self._made > MAX_STALENESS
        if self._current is None or (old and self._store.version() != self._version):
            version = self._store.version()
            self._count += 1
            folder = self._folder / str(self._count)
            self._store.snapshot(folder)
            self._current, self._version, self._made = folder, version, time.monotonic()
            self._sweep()
        return self._current

    def _sweep(self) -> None:
        for folder in self._folder.iterdir():
            if folder != self._current and not self._users[folder]:
                shutil.rmtree(folder, ignore_errors=True)
                del self._users[folder]


class _Worker:
    """One process bound to one snapshot."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", "from kg.worker import main; main()",
             str(folder), str(limits.memory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=folder, env=_ENVIRONMENT, bufsize=0, pipesize=_PIPE,
        )  # fmt: skip
        try:
            self.network = str(self._receive()[0]["network"])
        except LimitExceeded:
            self.kill()
            raise

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Return the answer's head and body; LimitExceeded if the process ended instead.

        The process ends itself by an alarm of the kernel when its time is over.
        """
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return self._receive()

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        line, _, rest = self._read(_SMALL).partition(b"\n")
        head = json.loads(line)
        parts, size = [rest], len(rest)
        while size < head["length"]:
            parts.append(self._read(_PIPE))
            size += len(parts[-1])
        return head, b"".join(parts)

    def _read(self, most: int) -> bytes:
        assert self._process.stdout
        data = self._process.stdout.read(most)
        if not data:
            raise self._ended()
        return data

    def _ended(self) -> LimitExceeded:
        """Return why the process is gone: its alarm, a crash of its stack, or no memory."""
        code = self._process.wait()
        if code == -signal.SIGALRM:
            return LimitExceeded("The query took longer than it may.", "time")
        if code == -signal.SIGSEGV:
            return LimitExceeded("The query is nested or chained too long to run.", "complexity")
        return LimitExceeded("The query needed more memory than it may use.", "memory")

    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once and wait for it."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        self._process.wait()


def _syntax_error(reason: str) -> Malformed:
    """Return what the engine says, ``error at 1:14: expected ...``, for a person."""
    found = re.match(r"error at (\d+):(\d+):? ?(.*)", reason)
    if not found:
        return Malformed(f"The query cannot be read: {reason.splitlines()[0][:200]}")
    line, column, more = found.groups()
    hint = more.replace("[_]", "something else")[:200]
    return Malformed(f"The query cannot be read at line {line}, column {column}: {hint}.")


class QueryPool:
    """Answers SPARQL queries of strangers within limits, several at a time."""

    def __init__(self, store: Source, folder: Path, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._snapshots = _Snapshots(store, folder)
        self._slots = Slots(self.limits)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []

    def run(self, query: PublicQuery, form: str, dataset: Dataset = ALL) -> Answer:
        """Return the answer to a query (see ``kg.query.QueryEngine``)."""
        check_form(query.form, form)
        with self._slots.turn(), self._snapshots.lease() as (folder, version):
            worker = self._worker(folder)
            try:
                head, body = worker.ask(self._request(query, form, dataset))
            except (LimitExceeded, OSError):
                worker.kill()
                raise
            with self._lock:
                self._idle.append(worker)
        return self._answer(head, body, version)

    def _request(self, query: PublicQuery, form: str, dataset: Dataset) -> dict[str, Any]:
        limits = self.limits
        return {
            "query": query.text,
            "format": form,
            "union": dataset == ALL and not query.own_dataset,
            "default": dataset.default,
            "named": dataset.named,
            "seconds": limits.seconds,
            "rows": limits.rows,
            "bytes": limits.bytes,
        }

    def _answer(self, head: dict[str, Any], body: bytes, version: int) -> Answer:
        if "limit" in head:
            raise LimitExceeded(
                f"The answer goes beyond the limit of {head['limit']}.", head["limit"]
            )
        if "syntax" in head:
            raise _syntax_error(str(head["syntax"]))
        if "failed" in head:
            raise Malformed(f"The query cannot be run: {head['failed']}")
        return Answer(head["kind"], head["rows"], body, version)

    def _worker(self, folder: Path) -> _Worker:
        """Return an idle worker of this snapshot, or a new one; end those of old ones."""
        with self._lock:
            old = [w for w in self._idle if w.folder != folder]
            self._idle = [w for w in self._idle if w.folder == folder]
            found = self._idle.pop() if self._idle else None
        if found and not found.alive():
            old.append(found)
            found = None
        for worker in old:
            worker.kill()
        return found or _Worker(folder, self.limits)

    def close(self) -> None:
        """End all idle workers."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()
