"""The process that runs one public query at a time on a snapshot, and nothing else.

It has no network, a memory limit, and an alarm of the kernel that ends it when the time of
its query is over, whatever the engine does and whether or not its parent lives.
Started by ``pool`` as ``python -I -c "from kg.sparql.worker import main; main()" FOLDER MEMORY``.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from contextlib import suppress

import pyoxigraph as ox

from kg.errors import LimitExceeded
from kg.sparql import results

#: seconds that a start may take
START = 30
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
#: before each answer: how many bytes its head and its body have
FRAME = struct.Struct("!IQ")
#: letters of what the engine says; it may quote the whole query
_SAID = 200


def main() -> None:
    """Answer one JSON line after another until standard input ends."""
    folder, memory = sys.argv[-2], int(sys.argv[-1])
    signal.setitimer(signal.ITIMER_REAL, START)
    alone = _unshare_network()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    store = ox.Store.read_only(folder)
    if not alone:
        # Leave no free file descriptor, so that no socket can be made.
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, highest + 1))
        with suppress(OSError):
            while True:
                os.dup(0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    _send({"ready": True, "network": "namespace" if alone else "descriptors"}, b"")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, request.pop("seconds"))
        head: dict[str, object]
        body = b""
        try:
            kind, rows, body = results.run(store, **request)
            head = {"kind": kind, "rows": rows}
        except LimitExceeded as error:
            head = {"limit": error.limit}
        except SyntaxError as error:
            head = {"syntax": str(error)[:_SAID]}
        except MemoryError:
            head = {"limit": "memory"}
        except (OSError, ValueError, RuntimeError) as error:
            head = {"failed": str(error)[:_SAID] or type(error).__name__}
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(head, body)


def _unshare_network() -> bool:
    """Move into a network namespace without interfaces; False where the host forbids it."""
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.unshare(_NEW_USER | _NEW_NET) == 0)


def _send(head: dict[str, object], body: bytes) -> None:
    text = json.dumps(head).encode()
    sys.stdout.buffer.writelines((FRAME.pack(len(text), len(body)), text, body))
    sys.stdout.buffer.flush()
