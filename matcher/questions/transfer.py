"""Could this practice work in that place: the question *transfer* and its answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from kg.text.i18n import gettext as _
from kg.text.i18n import ngettext
from kg.text.language import primary
from matcher.engine import Names, Snapshot
from matcher.graph.view import surviving
from matcher.judging.criteria import GATES, RESULTS, known_results
from matcher.judging.fit import Anticipated, anticipate
from matcher.judging.verdict import Scene
from matcher.model.answer import (
    CriterionValue,
    GateStatus,
    NeededChange,
    RecordedTransfer,
    TransferAnswer,
    TransferMatch,
    TransferWarning,
    WhyNot,
)
from matcher.model.filters import Filters, Target
from matcher.model.reasons import Reason
from matcher.question import Question
from matcher.questions import missing_fields, what_if
from matcher.questions.instruments import open_to
from matcher.search.ranking import level

#: how many practices are judged by all criteria
SHORT_LIST = 200
#: how far down the list a practice that is wanted beyond the limit may stand
FAR = 100
#: below this share of known weight a transfer would be uninformed
INFORMED = 0.5
ALIKE = 0.4
PRACTICES = Filters(type=("practice",))
#: how many instruments are named for a practice
PAYING = 3


def answer(snapshot: Snapshot, question: Question) -> TransferAnswer:
    """Judge practices for a territory by all criteria."""
    place, world, about = question.place, snapshot.world, question.entry
    assert place is not None
    scene = Scene(
        world,
        place,
        question.target,
        challenge=about if about and about.path == "challenge" else None,
        languages=(primary(question.lang),),
        example=about if about and about.path == "practice" else None,
    )
    filters = replace(question.filters, type=("practice",))
    ranking = snapshot.rank(question, filters)
    needs = ranking.probabilities(max(SHORT_LIST, question.limit))
    if scene.challenge:
        addressing = filter(ranking.allows, world.addressing(scene.challenge.iri))
        needs |= {iri: ranking.probability(iri) for iri in addressing}
    if scene.example:
        # It is no match of itself, so the ranking leaves it out; it may not be indexed yet.
        at = ranking.picture.position.get(scene.example.iri)
        if filters == PRACTICES or (at is not None and ranking.picture.mask(filters)[at]):
            needs[scene.example.iri] = 1.0

    def judge(iri: str) -> Anticipated:
        return anticipate(world.get(iri), scene, needs[iri], question.weights)

    judged = sorted(surviving(needs, judge), key=lambda a: (-round(a.score, 6), a.practice.iri))
    more = [a for a in judged[question.limit : FAR] if a.practice.iri in question.also]
    name = Names(world, question.lang)
    shown = partial(_match, name=name, supposed=question.supposed)
    why_not = None
    if practice := question.why_not:
        judgement = next((a for a in judged if a.practice.iri == practice.iri), None)
        if judgement is None:
            known = practice.iri in ranking.picture.position
            need = ranking.probability(practice.iri) if known else 0.0
            judgement = anticipate(practice, scene, need, question.weights)
        causes = missing_fields.why_not(judgement, judged, question, ranking)
        why_not = name.named(WhyNot, practice.iri, **causes)
    return snapshot.answer(
        TransferAnswer,
        question,
        list(surviving([*judged[: question.limit], *more], shown)),
        about is None and ranking.nothing_good(),
        missing_fields.notes(world, place),
        question.weights,
        territory=place.iri,
        missing=missing_fields.missing(judged),
        why_not=why_not,
    )


def _match(judgement: Anticipated, name: Names, supposed: Target | None) -> TransferMatch:
    scene, practice, weights = judgement.scene, judgement.practice, judgement.weights
    criteria = {
        criterion: CriterionValue(
            value=None if v.value is None else round(v.value, 4),
            weight=round(weights[criterion], 4),
            known=round(v.score[1], 4),
            text=v.text,
        )
        for criterion, v in judgement.verdicts.items()
    }
    changes = tuple(
        NeededChange(criterion, v.text, one.text, one.needs, name.entries(one.who), v.evidence)
        for criterion, v in judgement.verdicts.items()
        for one in v.adaptations
    )
    return name.match(
        TransferMatch,
        practice.iri,
        judgement.score,
        reasons(judgement),
        level=level(judgement.verdicts["P1"].value or 0.0),
        fit=round(judgement.fit, 4),
        coverage=round(judgement.coverage, 4),
        criteria=criteria,
        gates=gates(judgement),
        adaptations=changes,
        warnings=tuple(warnings(judgement)),
        counterfactuals=tuple(what_if.changes(judgement)),
        instruments=tuple(open_to(scene, practice, name, PAYING)),
        transfers=tuple(transfers(judgement)),
        what_if=what_if.supposed(judgement, supposed) if supposed is not None else None,
    )


def gates(judgement: Anticipated) -> tuple[GateStatus, ...]:
    """Each gate with its status; ``unknown`` for what is not known."""
    verdicts = ((name, judgement.verdicts[name]) for name in GATES)
    return tuple(GateStatus(name, v.gate or "unknown", v.text) for name, v in verdicts)


def transfers(judgement: Anticipated) -> list[RecordedTransfer]:
    """The recorded transfers whose result is known, failures first, then by IRI."""
    moved = known_results(judgement.scene, judgement.practice.iri)
    known = sorted(moved, key=lambda m: (RESULTS[m.result], m.iri))
    return [RecordedTransfer(m.iri, m.territory, m.result) for m in known]


def warnings(judgement: Anticipated) -> Iterator[TransferWarning]:
    """The warnings against uninformed, incomplete and inappropriate transfer.

    After Dolowitz and Marsh 2000, "Learning from abroad",
    https://doi.org/10.1111/0952-1895.00121. Two more say that it was tried and given up
    elsewhere, and that it is there already.
    """
    if judgement.coverage < INFORMED:
        text = _("Too little is known to judge it: find out more before you decide.")
        yield TransferWarning("uninformed", text)
    if judgement.failed:
        text = _("A part that it cannot do without is not possible here as things are.")
        yield TransferWarning("incomplete", text)
    alike = judgement.verdicts["E2"].value
    if alike is not None and alike < ALIKE:
        text = _("The place is very different from where it worked.")
        yield TransferWarning("inappropriate", text)
    if gone := [t for t in transfers(judgement) if not RESULTS[t.result]]:
        text = ngettext(
            "It was tried elsewhere once and not kept.",
            "It was tried elsewhere and not kept: {count} times.",
            len(gone),
        ).format(count=len(gone))
        yield TransferWarning("failed-before", text)
    here = judgement.scene.place
    own = judgement.scene.world.places(judgement.practice)
    if any(here.iri in place.iris or place.iri in here.iris for place in own):
        text = _("It is carried out in this place already.")
        yield TransferWarning("there-already", text)


def reasons(judgement: Anticipated) -> list[Reason]:
    """The reasons: what speaks for it first, then what speaks against it."""
    known = [(n, v) for n, v in judgement.verdicts.items() if v.value is not None]
    known.sort(key=lambda pair: -judgement.weights[pair[0]] * (pair[1].value or 0.0))
    return [Reason(name, verdict.text, verdict.evidence) for name, verdict in known]
