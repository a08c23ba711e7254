"""Which unknown field would change the list most, and why a practice is not at its top."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from kg.text.i18n import gettext as _
from kg.text.i18n import mark
from kg.vocabulary import PSR
from matcher.graph.place import FEATURES, Place
from matcher.graph.view import World, title, word
from matcher.judging.fit import NEUTRAL, Anticipated, need
from matcher.judging.verdict import listed
from matcher.model.answer import Cause, MissingField
from matcher.model.filters import Filters
from matcher.question import Question
from matcher.search.ranking import Ranking

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


def missing(judged: Sequence[Anticipated]) -> tuple[MissingField, ...]:
    """The unknown fields that would change the order of the first practices most.

    The value of a field is how many pairs of them can be expected to change order once it is
    known (Kendall's distance, 1938). What is unknown is met or not with chances of one half
    each, which is also how the list is ordered.
    """
    judged = judged[:TOP]
    gaps: dict[Gap, dict[int, tuple[float, ...]]] = defaultdict(dict)
    for number, judgement in enumerate(judged):
        for gap, share in _gaps(judgement):
            gaps[gap][number] = _ends(judgement, gap.criterion, share)
    swaps = {gap: _swaps(judged, ends) for gap, ends in gaps.items()}
    best = sorted(swaps, key=lambda g: (-round(swaps[g], 6), g.field, g.entry or ""))[:SHOWN]
    return tuple(_row(gap, swaps[gap], judged) for gap in best if swaps[gap])


def _gaps(judgement: Anticipated) -> list[tuple[Gap, float]]:
    """The fields that are missing, with the share of their criterion that is."""
    gaps = []
    for name, prop in _ENTRY.items():
        stated = len(judgement.practice.values(PSR + prop))
        of_target = name in _TARGET and stated > 0
        whole = listed(max(stated, 1)) if name in {"E1", "E3"} else 1.0
        share = whole - judgement.verdicts[name].score[1]
        if share > 1e-9 and (judgement.verdicts[name].value is None or of_target):
            field = f"target.{_TARGET[name]}" if of_target else f"psr:{prop}"
            gaps.append((Gap(field, name, None if of_target else judgement.practice.iri), share))
    return gaps


def _ends(judgement: Anticipated, name: str, share: float) -> tuple[float, float]:
    """The score if what is unknown turned out not to be met, and if it did."""
    rest = sum(judgement.weights[n] for n in judgement.verdicts if n != "P1")
    swing = judgement.weights[name] * share / 2 / rest if rest else 0.0
    swing *= need(judgement.verdicts, judgement.weights) / (2 if judgement.failed else 1)
    low = judgement.score - swing
    return low / 2 if name == "E1" and not judgement.failed else low, judgement.score + swing


def _swaps(judged: Sequence[Anticipated], ends: dict[int, tuple[float, ...]]) -> float:
    """Expected number of pairs that change order."""
    total = 0.0
    for high, low in combinations(range(len(judged)), 2):
        if low in ends or high in ends:
            before = ends.get(high, (judged[high].score,))
            after = ends.get(low, (judged[low].score,))
            changed = sum(b > a for a in before for b in after)
            total += changed / (len(before) * len(after))
    return total


def _row(gap: Gap, swaps: float, judged: Sequence[Anticipated]) -> MissingField:
    if gap.entry is None:
        text = _("Say more of your place ({field}): it could change the order of these practices.")
        sentence = text.format(field=_(_TOLD[gap.field.removeprefix("target.")]))
    else:
        practice = next(f.practice for f in judged if f.practice.iri == gap.entry)
        text = _("“{title}” does not state: {field}. It could change the order of these practices.")
        sentence = text.format(title=title(practice), field=word(gap.field.replace("psr:", PSR)))
    return MissingField(gap.field, gap.criterion, gap.entry, round(swaps, 4), sentence)


def why_not(
    judgement: Anticipated, judged: Sequence[Anticipated], question: Question, ranking: Ranking
) -> dict[str, Any]:
    """Where a practice stands in the list and what keeps it from the top of it."""
    limit, own = question.limit, (-judgement.score, judgement.practice.iri)
    others = [f for f in judged if f.practice.iri != judgement.practice.iri]
    ahead = [f for f in others if (-f.score, f.practice.iri) < own]
    because = _filtered(judgement.practice.iri, question.filters, ranking)
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


def _filtered(practice: str, filters: Filters, ranking: Ranking) -> list[Cause]:
    """The filters that leave a practice out, each looked at alone."""
    at = ranking.picture.position.get(practice)
    if at is None:
        return [Cause("index", "index", _("It is not in the index yet."))]
    text = _("The filter “{name}” leaves it out.")
    return [
        Cause("filter", name, text.format(name=name))
        for name, value in vars(filters).items()
        if value and not ranking.picture.mask(Filters(**{name: value}))[at]
    ]


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


def notes(world: World, place: Place) -> list[str]:
    """What has to be said of the place: that it has no figures of its own."""
    if not place.facts:
        text = _("Nothing is known of {place} that could be compared with other places.")
        return [text.format(place=place.name)]
    if len(place.chain) == 1 or any(place.entry.values(PSR + name) for name in FEATURES):
        return []
    text = _("No figures are known of {place} itself; those of {larger} stand in for them.")
    return [text.format(place=place.name, larger=world.place(place.iris[1]).name)]
