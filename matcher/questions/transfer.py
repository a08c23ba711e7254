"""Could this practice work in that place: the question *transfer* and its answer.

With the list goes which unknown field would change it most, and why a practice is not at its top.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from heapq import heappush, heappushpop
from itertools import combinations, islice
from typing import Any

from kg.text.i18n import gettext as _
from kg.text.i18n import mark, ngettext
from kg.text.language import primary
from kg.vocabulary import PSR
from matcher.engine import Namer, Snapshot
from matcher.graph.place import FEATURES, Place
from matcher.graph.view import World, surviving, title, word
from matcher.judging.criteria import GATES, RESULTS, known_results
from matcher.judging.fit import NEUTRAL, Anticipated, anticipate, need
from matcher.judging.verdict import Scene, listed
from matcher.model.answer import (
    Cause,
    CriterionValue,
    GateStatus,
    MissingField,
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
from matcher.questions import what_if
from matcher.questions.instruments import open_to
from matcher.search.ranking import Ranking, level

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
#: how many fields and criteria are named
SHOWN = 3
#: how many of the first practices are looked at for what is missing
TOP = 10
#: criterion -> what the practice would have to say, and what the asker would
_ENTRY = {
    "P2": "targetGroup", "P3": "participation", "I1": "evidenceLevel", "I2": "stage",
    "I3": "adaptablePart", "I4": "corePart", "I5": "costPerHead", "E1": "requiresCompetence",
    "E3": "requiresActorType", "T1": "toolkit", "T2": "result",
}  # fmt: skip
_TARGET = {"P2": "target_groups", "I5": "budget_per_head", "E1": "competences", "E3": "actor_types"}
#: what the asker would have to say, in words
_TOLD = {
    "target_groups": mark("target groups"),
    "budget_per_head": mark("budget per head"),
    "competences": mark("public powers held"),
    "actor_types": mark("kinds of organisation"),
}


@dataclass(frozen=True)
class Gap:
    """A field that is not known: of the target, or of a practice (then its IRI)."""

    field: str
    criterion: str
    entry: str | None


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
    most = max(SHORT_LIST, question.limit)
    named = [entry.iri for entry in (scene.example, question.why_not) if entry]
    ranking = snapshot.rank(question, filters, most, [*named, *question.also])
    needs = ranking.probabilities(most)
    if scene.challenge:
        addressing = filter(ranking.allows, world.addressing(scene.challenge.iri))
        needs |= dict(islice(ranking.by_probability(addressing), most))
    if scene.example:
        # It is no match of itself, so the ranking leaves it out; it may not be indexed yet.
        at = ranking.picture.position.get(scene.example.iri)
        if filters == PRACTICES or (at is not None and ranking.picture.mask(filters)[at]):
            needs[scene.example.iri] = 1.0

    def judge(iri: str) -> Anticipated:
        return anticipate(world.get(iri), scene, needs[iri], question.weights)

    judging = surviving(sorted(needs, key=lambda iri: (-needs[iri], iri)), judge)
    if not (scene.challenge or question.why_not or question.also):
        judging = promising(judging, max(question.limit, TOP))
    judged = sorted(judging, key=lambda a: (-round(a.score, 6), a.practice.iri))
    more = [a for a in judged[question.limit : FAR] if a.practice.iri in question.also]
    namer = Namer(world, question.lang)
    shown = partial(_match, namer=namer, supposed=question.supposed)
    why_not = None
    if practice := question.why_not:
        judgement = next((a for a in judged if a.practice.iri == practice.iri), None)
        if judgement is None:
            known = practice.iri in ranking.picture.position
            score = ranking.probability(practice.iri) if known else 0.0
            judgement = anticipate(practice, scene, score, question.weights)
        causes = _why_not(judgement, judged, question, ranking)
        why_not = namer.named(WhyNot, practice.iri, **causes)
    return snapshot.answer(
        TransferAnswer,
        question,
        list(surviving([*judged[: question.limit], *more], shown)),
        about is None and ranking.nothing_good(),
        _notes(world, place),
        question.weights,
        territory=place.iri,
        missing=missing(judged),
        why_not=why_not,
    )


def promising(judgements: Iterable[Anticipated], most: int) -> Iterator[Anticipated]:
    """Pass on judgements, by falling need, as long as the next may be among the ``most`` best.

    A score is at most the factor of the need, whatever the other criteria say.
    """
    best: list[float] = []
    for judgement in judgements:
        if len(best) == most:
            if need(judgement.verdicts, judgement.weights) < best[0] - 1e-6:
                return
            heappushpop(best, judgement.score)
        else:
            heappush(best, judgement.score)
        yield judgement


def _match(judgement: Anticipated, namer: Namer, supposed: Target | None) -> TransferMatch:
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
        NeededChange(criterion, v.text, one.text, one.needs, namer.entries(one.who), v.evidence)
        for criterion, v in judgement.verdicts.items()
        for one in v.adaptations
    )
    return namer.match(
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
        instruments=tuple(open_to(scene, practice, namer, PAYING)),
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


def missing(judged: Sequence[Anticipated]) -> tuple[MissingField, ...]:
    """The unknown fields that would change the order of the first practices most.

    The value of a field is how many pairs of them can be expected to change order once it is
    known (Kendall's distance, 1938). What is unknown is met or not with chances of one half
    each, which is also how the list is ordered.
    """
    judged = judged[:TOP]
    gaps: dict[Gap, dict[int, tuple[float, ...]]] = defaultdict(dict)
    for number, judgement in enumerate(judged):
        for gap, ends in _gaps(judgement):
            gaps[gap][number] = ends
    swaps = dict.fromkeys(gaps, 0.0)
    pairs = list(combinations(range(len(judged)), 2))
    for gap, scores in gaps.items():
        for high, low in (pair for pair in pairs if not scores.keys().isdisjoint(pair)):
            before = scores.get(high, (judged[high].score,))
            after = scores.get(low, (judged[low].score,))
            changed = sum(b > a for a in before for b in after)
            swaps[gap] += changed / (len(before) * len(after))
    best = sorted(swaps, key=lambda g: (-round(swaps[g], 6), g.field, g.entry or ""))[:SHOWN]
    titles, rows = {one.practice.iri: title(one.practice) for one in judged}, []
    unstated = _("“{title}” does not state: {field}. It could change the order of these practices.")
    unsaid = _("Say more of your place ({field}): it could change the order of these practices.")
    for gap in (gap for gap in best if swaps[gap]):
        if gap.entry is None:
            sentence = unsaid.format(field=_(_TOLD[gap.field.removeprefix("target.")]))
        else:
            field = word(gap.field.replace("psr:", PSR))
            sentence = unstated.format(title=titles[gap.entry], field=field)
        value = round(swaps[gap], 4)
        rows.append(MissingField(gap.field, gap.criterion, gap.entry, value, sentence))
    return tuple(rows)


def _gaps(judgement: Anticipated) -> Iterator[tuple[Gap, tuple[float, float]]]:
    """The missing fields, with the score if each turned out not to be met, and if it did."""
    weights, verdicts, score = judgement.weights, judgement.verdicts, judgement.score
    rest = sum(weights[n] for n in verdicts if n != "P1")
    factor = need(verdicts, weights) / (2 if judgement.failed else 1)
    for name, prop in _ENTRY.items():
        stated = len(judgement.practice.values(PSR + prop))
        of_target = name in _TARGET and stated > 0
        whole = listed(max(stated, 1)) if name in {"E1", "E3"} else 1.0
        share = whole - verdicts[name].score[1]
        if share > 1e-9 and (verdicts[name].value is None or of_target):
            swing = (weights[name] * share / 2 / rest if rest else 0.0) * factor
            low = (score - swing) / (2 if name == "E1" and not judgement.failed else 1)
            field = f"target.{_TARGET[name]}" if of_target else f"psr:{prop}"
            entry = None if of_target else judgement.practice.iri
            yield Gap(field, name, entry), (low, score + swing)


def _why_not(
    judgement: Anticipated, judged: Sequence[Anticipated], question: Question, ranking: Ranking
) -> dict[str, Any]:
    """Where a practice stands in the list and what keeps it from the top of it."""
    limit, own = question.limit, (-judgement.score, judgement.practice.iri)
    others = [f for f in judged if f.practice.iri != judgement.practice.iri]
    ahead = [f for f in others if (-f.score, f.practice.iri) < own]
    at = ranking.picture.position.get(judgement.practice.iri)
    text = _("The filter “{name}” leaves it out.")
    because = [
        Cause("filter", name, text.format(name=name))
        for name, value in vars(question.filters).items()
        if value and at is not None and not ranking.picture.mask(Filters(**{name: value}))[at]
    ]
    if at is None:
        because.append(Cause("index", "index", _("It is not in the index yet.")))
    because += [Cause("gate", name, judgement.verdicts[name].text) for name in judgement.failed]
    listed_ = len(ahead) < limit and not because
    if ahead and not listed_:
        because += _losses(judgement, ahead[min(limit, len(ahead)) - 1])
    return {
        "rank": len(ahead) + 1,
        "of": len(others) + 1,
        "score": round(judgement.score, 4),
        "fit": round(judgement.fit, 4),
        "listed": listed_,
        "because": tuple(because),
    }


def _losses(judgement: Anticipated, other: Anticipated) -> list[Cause]:
    """The criteria by which the last practice shown is ahead, the largest first.

    Each says what is known of the one and of the other.
    """
    losses = {name: _share(other, name) - _share(judgement, name) for name in judgement.verdicts}
    worst = sorted((n for n in losses if losses[n] > 1e-9), key=lambda n: (-losses[n], n))
    ahead = title(other.practice)
    causes = []
    for name in worst[:SHOWN]:
        text = _("“{title}” is nearer to what was asked.")
        if name != "P1":
            text = _("“{title}” is ahead of it here. {said}")
        both = (
            _("%(name)s: %(value)s", name=title(one.practice), value=one.verdicts[name].text)
            for one in (judgement, other)
        )
        causes.append(Cause("criterion", name, text.format(title=ahead, said=" ".join(both))))
    return causes


def _share(judgement: Anticipated, name: str) -> float:
    """What a criterion adds to the score's factors, above neutral."""
    if name == "P1":
        return need(judgement.verdicts, judgement.weights) - NEUTRAL
    value, known = judgement.verdicts[name].score
    return judgement.weights[name] * known * ((value or 0.0) - NEUTRAL)


def _notes(world: World, place: Place) -> list[str]:
    """What has to be said of the place: that it has no figures of its own."""
    if not place.facts:
        text = _("Nothing is known of {place} that could be compared with other places.")
        return [text.format(place=place.name)]
    if len(place.chain) == 1 or any(place.entry.values(PSR + name) for name in FEATURES):
        return []
    text = _("No figures are known of {place} itself; those of {larger} stand in for them.")
    return [text.format(place=place.name, larger=world.place(place.iris[1]).name)]
