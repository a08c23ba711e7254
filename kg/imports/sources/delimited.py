"""Read the rows of a CSV file that has a header line."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from kg.errors import ImportFailed
from kg.imports.sources import Record, not_utf8

_OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def records(path: Path, expected: Collection[str]) -> Iterator[Record]:
    """Yield the rows; ``number`` is the line on which a row begins.

    The header must name the ``expected`` columns, in any order, and no other. Raises
    ImportFailed for another header, delimiter or encoding, and for a quote left open.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = csv.reader(stream, strict=True)
        try:
            header = next(lines, [])
            for mark, name in _OTHERS.items():
                if len(header) < 2 and mark in "".join(header):
                    raise ImportFailed(
                        f"The columns of {path.name} are separated by {name}; save it with commas."
                    )
            if missing := [c for c in expected if c not in header]:
                raise ImportFailed(
                    f"{path.name} has no column {missing[0]!r}; it must be as published."
                )
            if others := [c for i, c in enumerate(header) if c not in expected or c in header[:i]]:
                raise ImportFailed(
                    f"{path.name} has a column {others[0]!r} that is not known or comes twice;"
                    " remove it or add it to the mapping."
                )
            begin = lines.line_num + 1
            for cells in lines:
                if cells:
                    fault = None
                    if len(cells) != len(header):
                        fault = f"This row has {len(cells)} cells, the header has {len(header)}."
                    yield Record(begin, dict(zip(header, cells, strict=False)), fault)
                begin = lines.line_num + 1
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from error
        except csv.Error as error:
            raise ImportFailed(
                f"{path.name} cannot be read as CSV near line {lines.line_num} ({error});"
                " check the quotation marks there."
            ) from error
