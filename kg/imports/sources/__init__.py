"""Lists that can be imported: entries as RDF, and others' lists by one mapping file each.

A further list of a known format needs a ``NAME.toml`` in this folder and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from kg.catalogue.places import Places
from kg.entries.reading import Noted, nothing_noted
from kg.entry import Entry
from kg.errors import ImportFailed, Problem

#: the name under which a file of entries as RDF is imported
RDF = "rdf"
MAX_FILE = 200 * 1024 * 1024
#: format -> the module whose ``records`` reads it, imported when needed
READERS = {"csv": "kg.imports.sources.delimited", "geojson": "kg.imports.sources.geojson"}


@dataclass(frozen=True)
class Record:
    """The cells of one row or feature by column; ``fault`` says why they cannot be used."""

    number: int
    values: dict[str, str]
    fault: str | None = None


@dataclass(frozen=True)
class ImportedRow:
    """What became of one row: an entry, or the problems that forbid it.

    ``number`` is the line of a CSV file or the feature of a GeoJSON file, from 1. A row
    with an entry may have warnings; one with neither entry nor violation repeats an
    earlier row.
    """

    number: int
    identifier: str | None
    entry: Entry | None
    problems: tuple[Problem, ...]


def mappings() -> list[str]:
    """The names of the lists that have a mapping file."""
    inside = [Path(file.name) for file in files("kg.imports.sources").iterdir()]
    return sorted(file.stem for file in inside if file.suffix == ".toml")


def names() -> list[str]:
    """The names that can be imported: those of lists, and ``rdf``."""
    return sorted([*mappings(), RDF])


def read(
    name: str,
    path: Path,
    base: str,
    territories: Collection[str],
    noted: Noted = nothing_noted,
    places: Places | None = None,
) -> Iterator[ImportedRow]:
    """Yield the rows of a file of the list ``name`` as entries under ``base``.

    ``territories`` are the codes (last parts of the IRIs) of the territories that are
    recorded, ``noted`` says what provenance says of an entry (see ``kg.entries.reading``), and
    ``places`` finds territories by the names that rows give them. The
    whole file is read through once before the first row is yielded, so that ImportFailed (with
    one sentence that says what to do) comes before any row.
    """
    from kg.imports.sources.mapping import load, rows
    from kg.imports.sources.rdf import rows as rdf_rows

    if name not in names():
        raise ImportFailed(f"There is no list {name!r}; known are {', '.join(names())}.")
    if not path.is_file():
        raise ImportFailed(f"There is no file {path}.")
    if path.stat().st_size > MAX_FILE:
        raise ImportFailed(f"{path.name} is larger than 200 MB; split it and import the parts.")
    if not path.stat().st_size:
        raise ImportFailed(f"{path.name} is empty; download it again.")
    if name == RDF:
        return rdf_rows(path, base, noted)
    mapping = load(name)
    records: Callable[[Path, Collection[str]], Iterator[Record]]
    records = import_module(READERS[mapping.reader]).records
    return rows(mapping, lambda: records(path, mapping.expected), base, territories, places)


def not_utf8(path: Path, error: UnicodeDecodeError) -> ImportFailed:
    """The error for a file in another encoding."""
    return ImportFailed(
        f"{path.name} is not UTF-8 (byte 0x{error.object[error.start]:02x} cannot be read);"
        " save it again with the encoding UTF-8."
    )
