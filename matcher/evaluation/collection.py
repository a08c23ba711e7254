"""A collection of texts as an index of practices, for as long as it is measured."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from kg.entry import Entry, make
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change
from kg.vocabulary import DCT, PSR, RDF_TYPE
from matcher.encoding.centring import for_model
from matcher.encoding.embedder import Embedder
from matcher.search.index import Index, Progress

BASE = "https://passerelle.example/"


@dataclass(frozen=True)
class Document:
    """A text with its name, its language and, hidden from the matcher, its labels."""

    slug: str
    title: str
    text: str
    lang: str
    tags: frozenset[str] = frozenset()

    @property
    def iri(self) -> str:
        """Return the IRI that it gets."""
        return f"{BASE}id/practice/{self.slug}"


@contextmanager
def indexed(
    documents: Sequence[Document], embedder: Embedder, home: Path, progress: Progress | None
) -> Iterator[Index]:
    """Yield an index of the documents in a scratch folder."""
    store = EmbeddedStore(BASE)
    store.write([Change(d.iri, entry(d)) for d in documents], "evaluation", "import")
    with tempfile.TemporaryDirectory() as scratch:
        index = Index(store, embedder, for_model(embedder, home), Path(scratch))
        index.catch_up(progress)
        yield index
        index.close()


def entry(document: Document) -> Entry:
    """Return a practice with the document's title and text, and nothing else."""
    node = ox.NamedNode(document.iri)
    said = ((DCT + "title", document.title), (PSR + "solution", document.text))
    return make(
        document.iri,
        [ox.Triple(node, RDF_TYPE, ox.NamedNode(PSR + "Practice"))]
        + [
            ox.Triple(node, ox.NamedNode(p), ox.Literal(words, language=document.lang))
            for p, words in said
            if words
        ],
    )
