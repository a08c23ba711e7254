"""Matches as cards: what pages show of an answer of the matcher."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from kg.text.i18n import gettext, mark
from kg.text.number_formats import language_name, number, percent
from matcher.model.answer import (
    Answer,
    CriterionValue,
    Match,
    PartnerMatch,
    Stamp,
    TransferMatch,
)
from service.pages.parts.components import Piece
from service.pages.parts.labels import Labels, labelled

MAX_REASONS = 4
MAX_CARDS = 10
CRITERIA = {
    "P1": mark("Need"),
    "P2": mark("People it is for"),
    "P3": mark("Acceptance"),
    "I1": mark("Strength of evidence"),
    "I2": mark("Maturity"),
    "I3": mark("Adaptability"),
    "I4": mark("Simplicity"),
    "I5": mark("Cost"),
    "E1": mark("Governance and law"),
    "E2": mark("Kind of place"),
    "E3": mark("Organisations"),
    "E4": mark("Funding and policy"),
    "T1": mark("Support from its owners"),
    "T2": mark("Record of transfers"),
}
LEVELS = {
    "strong": mark("Strong match"),
    "fair": mark("Fair match"),
    "weak": mark("Weak match"),
}
PARTNER_NAMES = {
    "peer": mark("Peer: the same concern"),
    "mentor": mark("Mentor: has done it"),
    "role": mark("Missing role: is in your place"),
    "exchange": mark("Exchange: need meets offer"),
}
_GATES = {
    "passed": mark("Passed"),
    "failed": mark("Not met"),
    "gap": mark("Gap"),
    "unknown": mark("Not known"),
}
#: the least fit for each verdict
_FITS = (
    (2 / 3, mark("It would probably fit: fit %(fit)s, judged on %(share)s of what matters.")),
    (0.45, mark("It could fit with changes: fit %(fit)s, judged on %(share)s of what matters.")),
    (0, mark("It would hardly fit as it is: fit %(fit)s, judged on %(share)s of what matters.")),
)


@dataclass(frozen=True)
class Card:
    """One match as the page shows it; ``criteria`` are by name, ``gates`` state, name and text."""

    iri: str
    title: Piece
    country: str
    level: str
    level_text: str
    reasons: tuple[str, ...]
    kind: str = ""
    for_them: tuple[str, ...] = ()
    fit: str = ""
    criteria: Mapping[str, CriterionValue] = field(default_factory=dict)
    gates: tuple[tuple[str, str, str], ...] = ()
    adaptations: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Results:
    """An answer of the matcher, ready to show; ``own`` is the practice that was asked about."""

    own: tuple[Card, ...]
    cards: tuple[Card, ...]
    abstained: bool
    read_as: str
    notes: tuple[str, ...]
    stamp: Stamp


def results(labels: Labels, answer: Answer, about: str = "") -> Results:
    """Show a matcher's answer, what was asked about before what is near it."""
    own = [match for match in answer.matches if match.entry == about]
    others = [match for match in answer.matches if match.entry != about]
    return Results(
        own=tuple(cards(labels, own)),
        cards=tuple(cards(labels, others[: MAX_CARDS - len(own)])),
        abstained=answer.abstained,
        read_as=language_name(answer.query.lang),
        notes=tuple(dict.fromkeys(answer.query.notes)),
        stamp=answer.stamp,
    )


def cards(labels: Labels, matches: Sequence[Match]) -> Iterator[Card]:
    """Make a card of each match, in their order."""
    titles = labels.entries(match.entry for match in matches)
    for match in matches:
        title = titles.get(match.entry) or labels.entry(match.entry)
        yield card(match, title, labels.place(match.country) if match.country else "")


def card(match: Match, title: Piece, country: str) -> Card:
    """Show one match."""
    level = gettext(LEVELS[match.level])
    plain = Card(match.entry, title, country, match.level, level, _lines(match.reasons))
    if isinstance(match, PartnerMatch):
        kind = gettext(PARTNER_NAMES[match.kind])
        return replace(plain, kind=kind, for_them=_lines(match.for_them))
    if not isinstance(match, TransferMatch):
        return plain
    names = {key: gettext(CRITERIA[key]) for key in match.criteria}
    gates = {gate.criterion: gate for gate in match.gates}
    reasons = []
    for reason in match.reasons:
        if (key := reason.criterion) not in gates:
            row = match.criteria[key]
            share = gettext("partly known") if 0 < row.known < 1 else percent(row.value or 0)
            reasons.append(labelled(f"{names[key]}, {share}", reason.text))
    return replace(
        plain,
        reasons=tuple(reasons[:MAX_REASONS]),
        fit=fit_text(match.fit, match.coverage),
        criteria={names[key]: row for key, row in match.criteria.items()},
        gates=tuple(
            (gate.status, labelled(names[key], gettext(_GATES[gate.status])), gate.text)
            for key, gate in gates.items()
        ),
        adaptations=_lines(match.adaptations),
        warnings=_lines(match.warnings),
    )


def fit_text(fit: float, coverage: float) -> str:
    """Say fit and coverage in words and numbers."""
    if not coverage:
        return gettext("Nothing is known yet of how it would fit.")
    sentence = next(text for least, text in _FITS if fit >= least)
    return gettext(sentence, fit=number(fit, 2), share=percent(coverage))


class _Sentence(Protocol):
    @property
    def text(self) -> str: ...


def _lines(items: Iterable[_Sentence]) -> tuple[str, ...]:
    """The sentences of reasons and remarks, each once."""
    return tuple(dict.fromkeys(item.text for item in items))
