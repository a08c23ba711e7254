"""The worked sample queries of the query page: one file each, title and meaning on top."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from kg.vocabulary import PREFIXES
from service.core.settings import DEFAULT_BASE

FOLDER = files("service") / "queries"
USUAL = ("psr", "dct", "skos", "schema", "prov")


@dataclass(frozen=True)
class Sample:
    """A query with its file's name, a title and a sentence on what it tells."""

    name: str
    title: str
    meaning: str
    query: str


@lru_cache(maxsize=1)
def samples(base: str = DEFAULT_BASE) -> tuple[Sample, ...]:
    """The samples in the order of their file names, about entries under a base."""
    known = []
    for file in sorted(FOLDER.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".rq"):
            text = file.read_text("utf-8").replace(DEFAULT_BASE, base)
            title, meaning, query = text.split("\n", 2)
            name = file.name.removesuffix(".rq")
            known.append(Sample(name, title.strip("# "), meaning.strip("# "), query.strip()))
    return tuple(known)


def first_query() -> str:
    """A query to begin with, the usual prefixes declared."""
    lines = [f"PREFIX {name}: <{PREFIXES[name]}>" for name in USUAL]
    body = "SELECT ?practice ?title WHERE {\n  ?practice a psr:Practice ; dct:title ?title .\n}"
    return "\n".join([*lines, body, "LIMIT 20"])
