"""The texts of the shapes as messages for translators; Babel calls it in ``make messages``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from rdflib import Graph
from rdflib.namespace import RDF, RDFS, SH

_SHOWN = (SH.name, SH.message, SH.description)
Found = tuple[int, str, str, list[str]]


def shapes(
    file: IO[bytes], keywords: object, comment_tags: object, options: object
) -> Iterator[Found]:
    """Yield the texts of a Turtle file of shapes that people read: line, function, text, notes."""
    graph = Graph().parse(data=file.read().decode(), format="turtle")
    texts = {str(text) for prop in _SHOWN for text in graph.objects(None, prop)}
    for group in graph.subjects(RDF.type, SH.PropertyGroup):
        texts |= {str(label) for label in graph.objects(group, RDFS.label)}
    for text in sorted(texts):
        yield 0, "", text, []
