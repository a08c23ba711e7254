"""The population: what is needed, for whom, and whether they want it (P1 to P3)."""

from __future__ import annotations

import pyoxigraph as ox

from kg.entry import Entry
from kg.i18n import gettext as _
from kg.store import Store
from kg.vocabulary import DCT, PSR, SKOS, vocabulary
from matcher.criteria.verdict import Scene, Verdict, ordinal
from matcher.evidence import cite, excerpt


def need(practice: Entry, scene: Scene) -> Verdict:
    """P1: the larger of the text's calibrated score and the challenge's nearness.

    Nearness is 1 / (1 + steps) on the shortest path over broader challenges.
    """
    near: dict[str, float] = {}
    for challenge in practice.links(PSR + "addresses"):
        steps = _steps(scene.store, scene.challenge.iri, challenge) if scene.challenge else None
        if steps is not None:
            near[challenge] = 1 / (1 + steps)
    best = max(near, key=lambda c: (near[c], c), default=None)
    if best is None or near[best] < scene.need:
        said = _("Its problem: {words}").format(words=excerpt(practice.text(PSR + "problem") or ""))
        return Verdict(scene.need, said, cite(practice, PSR + "problem"))
    name = scene.store.get(best).text(DCT + "title") or best
    said = _("It addresses “{name}”.").format(name=name)
    return Verdict(near[best], said, cite(practice, PSR + "addresses", [best]))


def _steps(store: Store, one: str, other: str) -> int | None:
    """Return how many broader or narrower steps lie between two challenges."""
    left, right = _broader(store, one), _broader(store, other)
    shared = [left[c] + right[c] for c in left if c in right]
    return min(shared) if shared else None


def _broader(store: Store, iri: str) -> dict[str, int]:
    found, queue = {iri: 0}, [iri]
    while queue:
        here = queue.pop(0)
        for parent in store.get(here).links(SKOS + "broader"):
            if parent not in found:
                found[parent] = found[here] + 1
                queue.append(parent)
    return found


def addressing(store: Store, challenge: str) -> list[str]:
    """Return the practices that address a challenge or one below it, by IRI."""
    rows = store.select(
        "SELECT DISTINCT ?p { ?c skos:broader* $challenge . ?p psr:addresses ?c } ORDER BY ?p",
        {"challenge": ox.NamedNode(challenge)},
    )
    return [row["p"] for row in rows]


def target_groups(practice: Entry, scene: Scene) -> Verdict:
    """P2: mean over the wanted groups of their likeness to the practice's nearest group.

    Likeness of two concepts is 2 x shared ancestors / (ancestors of both), after Wu and
    Palmer 1994.
    """
    wanted = scene.target.target_groups or tuple(
        scene.challenge.links(PSR + "targetGroup") if scene.challenge else ()
    )
    own = practice.links(PSR + "targetGroup")
    if not wanted or not own:
        return Verdict(None, _("Whom it is for was not asked, or is not stated."))
    value = sum(max(_concept_likeness(w, o) for o in own) for w in wanted) / len(wanted)
    names = ", ".join(vocabulary().label(o) for o in own)
    return Verdict(
        value, _("It is for: {names}.").format(names=names), cite(practice, PSR + "targetGroup")
    )


def _concept_likeness(one: str, other: str) -> float:
    left, right = (set(vocabulary().ancestors(c)) for c in (one, other))
    return 2 * len(left & right) / (len(left) + len(right))


def acceptability(practice: Entry, scene: Scene) -> Verdict:
    """P3: rank of the beneficiaries' part in it, informed 0.25 to co-managed 1."""
    return ordinal(
        practice,
        "participation",
        0,
        4,
        _("The people it is for were {name}."),
        _("What part its users had is not stated."),
    )
