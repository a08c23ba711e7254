"""The population: what is needed, for whom, and whether they want it (P1 to P3)."""

from __future__ import annotations

from kg.entry import Entry
from kg.text.i18n import gettext as _
from kg.text.i18n import language
from kg.vocabulary import DCT, PSR
from matcher.graph.view import World, ancestors, names, title
from matcher.judging.criteria.verdict import Scene, Verdict, any_of, ordinal
from matcher.model.reasons import cite, excerpt

#: the texts that the search compares with a question
_COMPARED = (
    PSR + "problem",
    PSR + "solution",
    DCT + "title",
    DCT + "description",
    DCT + "alternative",
    PSR + "context",
)
#: the concepts that the search compares with those of a practice
_CONCEPTS = (PSR + "addresses", DCT + "subject", PSR + "targetGroup", PSR + "approach")


def need(practice: Entry, scene: Scene) -> Verdict:
    """P1: the larger of the text's calibrated score and the nearness of the challenge.

    Nearness is 1 / (1 + steps) on the shortest path over broader challenges; several
    challenges of a practice count as independent chances.
    """
    near: dict[str, float] = {}
    for challenge in practice.links(PSR + "addresses"):
        steps = _steps(scene.world, scene.challenge.iri, challenge) if scene.challenge else None
        if steps is not None:
            near[challenge] = 1 / (1 + steps)
    value = any_of(list(near.values()))
    if value < scene.need or not near:
        words = next((w for p in _COMPARED if (w := practice.text(p, language()))), practice.slug)
        text = _("Its text is compared with yours: {words}")
        if scene.example:
            text = _("Its text and themes are compared with what you ask about: {words}")
        sentence = text.format(words=excerpt(words))
        props = (*_COMPARED, *(_CONCEPTS if scene.example else ()))
        return Verdict(
            scene.need, sentence, lambda: tuple(t for prop in props for t in cite(practice, prop))
        )
    telling = [c for c in near if near[c] == 1.0] or sorted(near, key=lambda c: (-near[c], c))
    titles = ", ".join(title(c) for c in scene.world.several(telling))
    sentence = _("It addresses “{name}”.").format(name=titles)
    return Verdict(value, sentence, cite(practice, PSR + "addresses", telling))


def _steps(world: World, one: str, other: str) -> int | None:
    """Steps between two challenges over a common broader one; None if there is none."""
    left, right = world.broader(one), world.broader(other)
    shared = [left[c] + right[c] for c in left if c in right]
    return min(shared) if shared else None


def target_groups(practice: Entry, scene: Scene) -> Verdict:
    """P2: mean over the wanted groups of their likeness to the practice's groups.

    Likeness of two concepts is 2 x shared ancestors / (ancestors of both), after Wu and
    Palmer 1994 (https://doi.org/10.3115/981732.981751); several groups of a practice count
    as independent chances.
    """
    groups = scene.target.target_groups or tuple(
        scene.challenge.links(PSR + "targetGroup") if scene.challenge else ()
    )
    own = practice.links(PSR + "targetGroup")
    if not groups or not own:
        return Verdict(None, _("Whom it is for was not asked, or is not stated."))
    alike = [{o: _concept_likeness(w, o) for o in own} for w in groups]
    value = sum(any_of(list(row.values())) for row in alike) / len(groups)
    telling = {o for row in alike for o in row if row[o] and (row[o] == 1 or 1 not in row.values())}
    # Where nothing is alike the only group matters all the same: without it all is unknown.
    cited = cite(practice, PSR + "targetGroup", telling if telling or len(own) > 1 else None)
    return Verdict(value, _("It is for: {names}.").format(names=names(own)), cited)


def _concept_likeness(one: str, other: str) -> float:
    left, right = set(ancestors(one)), set(ancestors(other))
    return 2 * len(left & right) / (len(left) + len(right))


def acceptability(practice: Entry, scene: Scene) -> Verdict:
    """P3: rank of the beneficiaries' part in it, informed 0.25 to co-managed 1."""
    return ordinal(
        practice,
        "participation",
        0,
        4,
        _("Part that its users had: {name}."),
        _("What part its users had is not stated."),
    )
