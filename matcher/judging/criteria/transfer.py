"""The transfer itself: who helps, and how earlier transfers went (T1 and T2)."""

from __future__ import annotations

from kg.entry import Entry
from kg.text.i18n import gettext as _
from kg.text.i18n import ngettext
from kg.vocabulary import PSR, SCHEMA
from matcher.graph.view import Moved
from matcher.judging.criteria.verdict import Scene, Verdict
from matcher.model.reasons import Triple, cite

#: how far a recorded result was a success; a result that is not listed is not known
RESULTS = {
    "adopted": 1.0,
    "adapted": 1.0,
    "partly-adopted": 0.5,
    "not-adopted": 0.0,
    "discontinued": 0.0,
}
#: what a transfer to another kind of place counts against one to the same kind
ELSEWHERE = 0.5


def support(practice: Entry, scene: Scene) -> Verdict:
    """T1: mean of: owners willing to mentor, owners' contact checked, tool kit, web page.

    Owners count by their share, the others are there or not.
    """
    owners = scene.world.several(involved(practice))
    willing = [cite(o, PSR + "willingToMentor", ["true"]) for o in owners]
    checked = [cite(o, PSR + "contactCheckedOn") for o in owners]
    kit, page = cite(practice, PSR + "toolkit"), cite(practice, SCHEMA + "url")
    share = max(len(owners), 1)
    parts = [
        (sum(map(bool, willing)) / share, willing, _("an owner willing to mentor")),
        (sum(map(bool, checked)) / share, checked, _("a contact that was checked")),
        (float(bool(kit)), [kit], _("a tool kit")),
        (float(bool(page)), [page], _("a web page")),
    ]
    there = [part for part in parts if part[0]]
    if not there:
        return Verdict(None, _("Whether its owners help others is not known."))
    cited = tuple(t for _v, groups, _n in there for group in groups for t in group)
    if any(willing) or any(checked):
        nodes = practice.links(PSR + "hasInvolvement")
        cited += cite(practice, PSR + "hasInvolvement")
        cited += tuple(t for n in nodes for t in cite(practice, PSR + "actor", node=n))
    text = _("There is: {names}.").format(names=", ".join(name for _v, _g, name in there))
    return Verdict(sum(v for v, *_rest in parts) / len(parts), text, cited)


def involved(practice: Entry) -> list[str]:
    """The actors that a practice names as involved, by IRI."""
    nodes = practice.links(PSR + "hasInvolvement")
    return sorted({a for n in nodes for a in practice.links(PSR + "actor", n)})


def record(practice: Entry, scene: Scene) -> Verdict:
    """T2: (successes + 1) / (transfers with a known result + 2), Laplace's rule of succession.

    A transfer to another kind of place (urban, intermediate, rural) counts half.
    """
    here = scene.place.facts.get("urbanRural")
    counts, cited, kinds = [], list[Triple](), list[Triple]()
    for moved in known_results(scene, practice.iri):
        there = (
            scene.world.place(moved.territory).facts.get("urbanRural") if moved.territory else None
        )
        same = bool(here and there and here.value == there.value)
        counts.append((1.0 if same else ELSEWHERE, RESULTS[moved.result]))
        transfer = scene.world.get(moved.iri)
        cited += cite(transfer, PSR + "sourcePractice", [practice.iri])
        cited += cite(transfer, PSR + "result")
        if here and there and same:
            kinds += cite(transfer, PSR + "targetTerritory") + here.evidence + there.evidence
    if not counts:
        return Verdict(None, _("No transfer with a known result is recorded."))
    failed = sum(value == 0.0 for _w, value in counts)
    text = ngettext(
        "{count} transfer with a known result; failed: {failed}.",
        "{count} transfers with a known result; failed: {failed}.",
        len(counts),
    ).format(count=len(counts), failed=failed)
    value = _laplace(counts)
    if value != _laplace([(ELSEWHERE, v) for _w, v in counts]):
        cited += kinds
    return Verdict(value, text, tuple(cited))


def _laplace(counts: list[tuple[float, float]]) -> float:
    return (sum(w * v for w, v in counts) + 1) / (sum(w for w, _v in counts) + 2)


def known_results(scene: Scene, practice: str) -> list[Moved]:
    """The transfers of a practice whose result is known, by IRI."""
    return [m for m in scene.world.moved(practice) if m.result in RESULTS]
