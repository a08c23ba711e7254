"""Ask the recorded questions again: ``python -m benchmarks.recorded [--write]``.

Prints for the hashing embedder and for the real model how many answers are not those on record, and
the lines of those. ``--write`` puts the present answers on record (`tests/recorded/`).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.recorded import recording
from tests.recorded.recording import Answer


def moved(now: list[Answer], before: list[Answer]) -> list[int]:
    """The lines that are not the same any more; those that were added are among them."""
    return [n for n, answer in enumerate(now, 1) if before[n - 1 : n] != [answer]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recorded")
    parser.add_argument("--write", action="store_true", help="record the present answers")
    write = parser.parse_args().write
    for name in recording.EMBEDDERS:
        with tempfile.TemporaryDirectory() as scratch:
            now = recording.answers(name, Path(scratch))
        lines = moved(now, recording.recorded(name))
        print(f"{name}: {len(lines)} of {len(now)} questions moved", *lines)
        if write:
            recording.record(name, now)


if __name__ == "__main__":
    main()
