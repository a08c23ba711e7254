"""The transfer itself: who helps, and how earlier transfers went (T1 and T2)."""

from __future__ import annotations

import pyoxigraph as ox

from kg.entry import Entry
from kg.i18n import gettext as _
from kg.store import Store
from kg.vocabulary import PSR, SCHEMA
from matcher.criteria.verdict import Scene, Verdict
from matcher.evidence import cite

_RESULTS = {
    "adopted": 1.0,
    "adapted": 1.0,
    "partly-adopted": 0.5,
    "not-adopted": 0.0,
    "discontinued": 0.0,
}


def support(practice: Entry, scene: Scene) -> Verdict:
    """T1: share of: an owner willing to mentor, a tool kit, a web page to reach them."""
    owners = [scene.store.get(a) for a in involved(practice)]
    willing = tuple(t for o in owners for t in cite(o, PSR + "willingToMentor", ["true"]))
    kit = cite(practice, PSR + "toolkit")
    reach = cite(practice, SCHEMA + "url") + tuple(
        t for o in owners for t in cite(o, SCHEMA + "url")
    )
    parts = [
        (willing, _("an owner willing to mentor")),
        (kit, _("a tool kit")),
        (reach, _("a web page")),
    ]
    there = [(cited, name) for cited, name in parts if cited]
    if not there:
        return Verdict(None, _("Whether its owners help others is not known."))
    text = _("There is: {names}.").format(names=", ".join(name for _c, name in there))
    return Verdict(len(there) / len(parts), text, tuple(t for cited, _n in there for t in cited))


def involved(practice: Entry) -> list[str]:
    """Return the actors involved in a practice."""
    nodes = practice.links(PSR + "hasInvolvement")
    return sorted({a for n in nodes for a in practice.links(PSR + "actor", n)})


def record(practice: Entry, scene: Scene) -> Verdict:
    """T2: (successes + 1) / (transfers with a known result + 2), Laplace's rule of succession."""
    known, cited, failed = [], [], 0
    for transfer in transfers_of(scene.store, practice.iri):
        for result in transfer.links(PSR + "result"):
            value = _RESULTS.get(result.rsplit("/", 1)[-1])
            if value is not None:
                known.append(value)
                failed += value == 0.0
                cited += [
                    *cite(transfer, PSR + "sourcePractice"),
                    *cite(transfer, PSR + "result", [result]),
                ]
    if not known:
        return Verdict(None, _("No transfer with a known result is recorded."))
    text = _("{count} transfers with a known result, {failed} of them failed.").format(
        count=len(known), failed=failed
    )
    return Verdict((sum(known) + 1) / (len(known) + 2), text, tuple(cited))


def transfers_of(store: Store, practice: str) -> list[Entry]:
    """Return the recorded transfers of a practice, by IRI."""
    rows = store.select(
        "SELECT DISTINCT ?t { ?t psr:sourcePractice $p } ORDER BY ?t", {"p": ox.NamedNode(practice)}
    )
    return [store.get(row["t"]) for row in rows]
