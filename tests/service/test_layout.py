"""The page of an entry follows the shapes."""

from __future__ import annotations

import pyoxigraph as ox

from kg.vocabulary import CLASSES, PSH, PSR, turtle_files
from service.pages.entry.layout import ELSEWHERE, layout_of

SH = "http://www.w3.org/ns/shacl#"
#: what stands under "More facts"
REST = {"lat", "long", "sourceTag"}


def test_every_property_has_a_group_with_a_heading() -> None:
    store = ox.Store()
    for file in turtle_files("shapes"):
        store.load(file.read_bytes(), ox.RdfFormat.TURTLE)
    query = (
        f"SELECT ?path ?label {{ <{PSH}%sShape> <{SH}property> ?p . ?p <{SH}path> ?path"
        f" OPTIONAL {{ ?p <{SH}group> ?g . ?g a <{SH}PropertyGroup> ;"
        " <http://www.w3.org/2000/01/rdf-schema#label> ?label } }"
    )
    loose = {}
    for path, iri in CLASSES.items():
        if path == "match":
            continue
        grouped, props = set(), set()
        for row in store.query(query % iri.removeprefix(PSR)):  # type: ignore[union-attr]
            if isinstance(row["path"], ox.NamedNode):
                props.add(row["path"].value)
                if row["label"]:
                    grouped.add(row["path"].value)
        left = props - grouped - ELSEWHERE
        loose[path] = {p for p in left if p.rpartition("#")[2].rpartition("/")[2] not in REST}
        layout = layout_of(path)
        shown = {*layout.prose, *layout.facts, *(p for g in layout.groups for p in g.props)}
        assert shown == grouped, path
        assert layout.facts
    assert {path: props for path, props in loose.items() if props} == {}


def test_the_order_is_that_of_the_form() -> None:
    practice = layout_of("practice")
    assert [p.removeprefix(PSR) for p in practice.prose] == ["problem", "solution", "context"]
    assert [group.title for group in practice.groups][:3] == [
        "What it takes",
        "What came of it",
        "Who did it",
    ]
