"""A small world to test with: two territories, a challenge, an instrument, an actor, a practice."""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox

from kg.entries.reading import read_entry
from kg.entry import Entry
from kg.vocabulary import PREFIXES, VOC

BASE = "https://passerelle.example/"
ID = BASE + "id/"
CROATIA, SPLIT = ID + "territory/HR", ID + "territory/HR035"
CHALLENGE, INSTRUMENT = ID + "challenge/waste", ID + "instrument/erdf"
ACTOR, PRACTICE = ID + "actor/menders", ID + "practice/repair-cafe"
TURTLE, JSONLD, NTRIPLES = "text/turtle", "application/ld+json", "application/n-triples"

SCHEMES = {
    "level": "territory-level",
    "kind": "instrument-type",
    "actortype": "actor-type",
    "theme": "theme",
    "role": "role",
}
_KNOWN = PREFIXES | {name: f"{VOC}{scheme}/" for name, scheme in SCHEMES.items()}
HEADER = f"@base <{BASE}> .\n" + "".join(f"@prefix {n}: <{iri}> .\n" for n, iri in _KNOWN.items())
TEXTS = {
    CROATIA: """<id/territory/HR> a psr:Territory ; dct:title "Croatia"@en ;
        psr:countryCode "HR" ; psr:territoryLevel level:country .""",
    SPLIT: """<id/territory/HR035> a psr:Territory ; dct:title "Split-Dalmatia"@en ;
        psr:countryCode "HR" ; dct:isPartOf <id/territory/HR> ;
        psr:territoryLevel level:nuts3 .""",
    CHALLENGE: """<id/challenge/waste> a psr:Challenge ; dct:title "Waste"@en ;
        dct:description "Usable things are thrown away."@en .""",
    INSTRUMENT: """<id/instrument/erdf> a psr:Instrument, psr:FundingInstrument ;
        dct:title "European Regional Development Fund"@en ;
        psr:instrumentType kind:eu-fund ;
        dct:description "Money for regions."@en .""",
    ACTOR: """<id/actor/menders> a psr:Actor ; dct:title "Menders"@en ;
        psr:actorType actortype:civil-society ;
        dct:spatial <id/territory/HR035> .""",
    PRACTICE: """<id/practice/repair-cafe> a psr:Practice ;
        dct:title "Repair café"@en, "Popravljaonica"@hr ;
        psr:problem "Usable things are thrown away because nobody can mend them."@en ;
        psr:solution "Volunteers mend things together with their owners."@en ;
        psr:addresses <id/challenge/waste> ; psr:usesInstrument <id/instrument/erdf> ;
        dct:subject theme:circular-economy ;
        dct:spatial <id/territory/HR035> ; psr:budget 1500.5 ;
        psr:hasInvolvement [ a psr:Involvement ; psr:actor <id/actor/menders> ;
            psr:role role:lead ] ;
        psr:hasOutcome [ a psr:Outcome ; dct:description "Things mended"@en ;
            psr:value 120 ; psr:unit "things" ] .""",
}  # fmt: skip


def turtle(text: str, iri: str | None = None) -> Entry:
    """Return the entry that a Turtle text (prefixes and base are put before it) describes."""
    return read_entry((HEADER + text).encode(), TURTLE, BASE, iri=iri)


def serialized(quads: Iterable[ox.Quad] | Iterable[ox.Triple], form: ox.RdfFormat) -> str:
    """Return what the engine writes of some quads or triples."""
    body = ox.serialize(quads, format=form)
    assert body is not None
    return body.decode()


def world() -> dict[str, Entry]:
    """Return the entries of the small world by IRI."""
    return {iri: turtle(text) for iri, text in TEXTS.items()}


def practice(slug: str = "library", **extra: str) -> Entry:
    """Return a practice that conforms; ``extra`` replaces or adds lines, empty ones remove."""
    lines = {
        "title": f'dct:title "Practice {slug}"@en',
        "problem": 'psr:problem "Few people own tools."@en',
        "solution": 'psr:solution "Neighbours share their tools."@en',
        "spatial": "dct:spatial <id/territory/HR035>",
    } | extra
    said = " ; ".join(["a psr:Practice", *filter(None, lines.values())])
    return turtle(f"<id/practice/{slug}> {said} .")
