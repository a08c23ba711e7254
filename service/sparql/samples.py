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
    """Return the samples in the order of their file names, about entries under a base."""
    found = sorted((f for f in FOLDER.iterdir() if f.name.endswith(".rq")), key=lambda f: f.name)
    return tuple(_sample(f.name, f.read_text("utf-8"), base) for f in found)


def first_query() -> str:
    """Return a query to begin with, the usual prefixes declared."""
    lines = [f"PREFIX {name}: <{PREFIXES[name]}>" for name in USUAL]
    body = "SELECT ?practice ?title WHERE {\n  ?practice a psr:Practice ; dct:title ?title .\n}"
    return "\n".join([*lines, body, "LIMIT 20"])


def _sample(name: str, text: str, base: str) -> Sample:
    title, meaning, query = text.replace(DEFAULT_BASE, base).split("\n", 2)
    return Sample(name.removesuffix(".rq"), title.strip("# "), meaning.strip("# "), query.strip())
