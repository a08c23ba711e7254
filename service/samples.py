"""The worked sample queries of the query page: one file each, title and meaning on top."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

FOLDER = files("service") / "queries"


@dataclass(frozen=True)
class Sample:
    """A query with its file's name, a title and a sentence on what it tells."""

    name: str
    title: str
    meaning: str
    query: str


@lru_cache(maxsize=1)
def samples() -> tuple[Sample, ...]:
    """Return the samples in the order of their file names."""
    found = sorted((f for f in FOLDER.iterdir() if f.name.endswith(".rq")), key=lambda f: f.name)
    return tuple(_sample(f.name, f.read_text("utf-8")) for f in found)


def _sample(name: str, text: str) -> Sample:
    title, meaning, query = text.split("\n", 2)
    return Sample(name.removesuffix(".rq"), title.strip("# "), meaning.strip("# "), query.strip())
