"""Could this practice work in that place: the question *transfer* and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from kg.text.i18n import gettext as _
from kg.text.i18n import ngettext
from kg.text.language import primary
from matcher.answer import match, named, names
from matcher.engine import Snapshot
from matcher.graph.view import surviving
from matcher.judging.criteria import GATES
from matcher.judging.criteria.transfer import RESULTS, known_results
from matcher.judging.criteria.verdict import Scene
from matcher.judging.fit import Anticipated, anticipate
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
from matcher.search.ranking import Ranking, level

#: how many practices are judged by all criteria
SHORT_LIST = 200
#: how far down the list a practice that is wanted beyond the limit may stand
FAR = 100
#: below this share of known weight a transfer would be uninformed
INFORMED = 0.5
ALIKE = 0.4
#: how many instruments are named for a practice
PAYING = 3


def answer(snapshot: Snapshot, question: Question) -> TransferAnswer:
    """Judge practices for a territory by all criteria."""
    place, world, lang, weights = question.place, snapshot.world, question.lang, question.weights
    assert place is not None
    about = question.entry
    by_path = {about.path: about} if about else {}
    scene = Scene(
        world,
        place,
        question.target,
        0.0,
        by_path.get("challenge"),
        (primary(lang),),
        by_path.get("practice"),
    )
    filters = replace(question.filters, type=("practice",))
    ranking = snapshot.rank(question, filters)
    needs = _needs(scene, ranking, question.limit)
    if about is not None and about.path == "practice" and _passes(ranking, about.iri, filters):
        needs[about.iri] = 1.0

    def judge(iri: str) -> Anticipated:
        return anticipate(world.get(iri), scene, needs[iri], weights)

    judged = list(surviving(needs, judge))
    judged.sort(key=lambda a: (-round(a.score, 6), a.practice.iri))

    def matched(judgement: Anticipated) -> TransferMatch:
        return _match(judgement, lang, question.supposed)

    more = [a for a in judged[question.limit : FAR] if a.practice.iri in question.also]
    matches = list(surviving([*judged[: question.limit], *more], matched))
    return snapshot.answer(
        TransferAnswer,
        question,
        matches,
        about is None and ranking.nothing_good(),
        missing_fields.notes(world, place),
        weights,
        territory=place.iri,
        missing=missing_fields.missing(judged),
        why_not=_why_not(question, scene, ranking, judged),
    )


def _needs(scene: Scene, ranking: Ranking, limit: int) -> dict[str, float]:
    """The practices to be judged, with the score of their text."""
    chosen = ranking.best(max(SHORT_LIST, limit))
    if scene.challenge is not None:
        about = scene.world.addressing(scene.challenge.iri)
        chosen += [p for p in about if ranking.allows(p)]
    return {iri: ranking.probability(iri) for iri in chosen}


def _passes(ranking: Ranking, iri: str, filters: Filters) -> bool:
    """Whether the practice asked about, which is no match of itself, passes the filters.

    One that is not indexed yet passes only where there are no filters.
    """
    at = ranking.picture.position.get(iri)
    if at is None:
        return filters == Filters(type=filters.type)
    return bool(ranking.picture.mask(filters)[at])


def _why_not(
    question: Question, scene: Scene, ranking: Ranking, judged: Sequence[Anticipated]
) -> WhyNot | None:
    practice = question.why_not
    if practice is None:
        return None
    judgement = next((f for f in judged if f.practice.iri == practice.iri), None)
    if judgement is None:
        known = practice.iri in ranking.picture.position
        need = ranking.probability(practice.iri) if known else 0.0
        judgement = anticipate(practice, scene, need, question.weights)
    causes = missing_fields.why_not(judgement, judged, question.limit, question.filters, ranking)
    return named(scene.world, practice.iri, question.lang, WhyNot, **causes)


def _match(judgement: Anticipated, lang: str, supposed: Target | None) -> TransferMatch:
    world, practice = judgement.scene.world, judgement.practice
    made = match(
        world,
        practice.iri,
        judgement.score,
        lang,
        reasons(judgement),
        TransferMatch,
        fit=round(judgement.fit, 4),
        coverage=round(judgement.coverage, 4),
        criteria=criteria_table(judgement),
        gates=gates(judgement),
        adaptations=tuple(adaptations(judgement, lang)),
        warnings=tuple(warnings(judgement)),
        counterfactuals=tuple(what_if.changes(judgement)),
        instruments=tuple(open_to(judgement.scene, practice, lang, PAYING)),
        transfers=tuple(transfers(judgement)),
        what_if=what_if.supposed(judgement, supposed) if supposed is not None else None,
    )
    return replace(made, level=level(judgement.verdicts["P1"].value or 0.0))


def criteria_table(judgement: Anticipated) -> dict[str, CriterionValue]:
    """The fourteen criteria by their names."""
    return {
        name: CriterionValue(
            value=None if v.value is None else round(v.value, 4),
            weight=round(judgement.weights[name], 4),
            known=round(v.score[1], 4),
            text=v.text,
        )
        for name, v in judgement.verdicts.items()
    }


def gates(judgement: Anticipated) -> tuple[GateStatus, ...]:
    """Each gate with its status; ``unknown`` for what is not known."""
    verdicts = ((name, judgement.verdicts[name]) for name in GATES)
    return tuple(GateStatus(name, v.gate or "unknown", v.text) for name, v in verdicts)


def adaptations(judgement: Anticipated, lang: str) -> list[NeededChange]:
    """What would have to change, criterion by criterion."""
    return [
        NeededChange(
            criterion=name,
            condition=verdict.text,
            text=one.text,
            needs=one.needs,
            who=tuple(surviving(one.who, partial(names, judgement.scene.world, lang=lang))),
            evidence=verdict.evidence,
        )
        for name, verdict in judgement.verdicts.items()
        for one in verdict.adaptations
    ]


def transfers(judgement: Anticipated) -> list[RecordedTransfer]:
    """The recorded transfers whose result is known, failures first, then by IRI."""
    moved = known_results(judgement.scene, judgement.practice.iri)
    known = sorted(moved, key=lambda m: (RESULTS[m.result], m.iri))
    return [RecordedTransfer(m.iri, m.territory, m.result) for m in known]


def warnings(judgement: Anticipated) -> list[TransferWarning]:
    """The warnings against uninformed, incomplete and inappropriate transfer.

    After Dolowitz and Marsh 2000, "Learning from abroad",
    https://doi.org/10.1111/0952-1895.00121. Two more say that it was tried and given up
    elsewhere, and that it is there already.
    """
    warned: list[TransferWarning] = []
    if judgement.coverage < INFORMED:
        text = _("Too little is known to judge it: find out more before you decide.")
        warned.append(TransferWarning("uninformed", text))
    if judgement.failed:
        text = _("A part that it cannot do without is not possible here as things are.")
        warned.append(TransferWarning("incomplete", text))
    alike = judgement.verdicts["E2"].value
    if alike is not None and alike < ALIKE:
        text = _("The place is very different from where it worked.")
        warned.append(TransferWarning("inappropriate", text))
    if gone := [t for t in transfers(judgement) if not RESULTS[t.result]]:
        text = ngettext(
            "It was tried elsewhere once and not kept.",
            "It was tried elsewhere and not kept: {count} times.",
            len(gone),
        ).format(count=len(gone))
        warned.append(TransferWarning("failed-before", text))
    here = judgement.scene.place
    own = judgement.scene.world.places(judgement.practice)
    if any(here.iri in place.iris or place.iri in here.iris for place in own):
        text = _("It is carried out in this place already.")
        warned.append(TransferWarning("there-already", text))
    return warned


def reasons(judgement: Anticipated) -> list[Reason]:
    """The reasons: what speaks for it first, then what speaks against it."""
    known = [(n, v) for n, v in judgement.verdicts.items() if v.value is not None]
    known.sort(key=lambda pair: -judgement.weights[pair[0]] * (pair[1].value or 0.0))
    return [Reason(name, verdict.text, verdict.evidence) for name, verdict in known]
