"""The search form and its results: from what was typed to what the page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kg.catalogue.lists import titles
from kg.entry import SLUG
from kg.errors import NotFound, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import language_name, number, percent
from kg.vocabulary import DCT
from matcher.kinds import KINDS
from matcher.matcher import Matcher
from matcher.model.answer import (
    Answer,
    CriterionValue,
    GateStatus,
    Match,
    PartnerMatch,
    Stamp,
    TransferMatch,
)
from service.core.places import PlaceBook, Territory
from service.pages.parts.components import Piece, local_href, name_of_country
from service.pages.parts.forms import check_text, clean, find_place

MAX_REASONS = 4
MAX_CARDS = 10
MODES = ("similar", "transfer", "partners")
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
class Form:
    """What was typed; ``entry`` is class and slug of the entry that the question is about."""

    q: str = ""
    place: str = ""
    mode: str = "similar"
    entry: str = ""
    asked: bool = False


@dataclass(frozen=True)
class Criterion:
    """A row of the criteria table; ``share`` is empty where nothing is known.

    ``partly`` says that only a part of what the criterion asks is known.
    """

    name: str
    percent: int
    share: str
    text: str
    partly: bool = False


@dataclass(frozen=True)
class Card:
    """One match as the page shows it."""

    iri: str
    title: Piece
    country: str
    level: str
    level_text: str
    reasons: tuple[str, ...]
    kind: str = ""
    for_them: tuple[str, ...] = ()
    fit: str = ""
    criteria: tuple[Criterion, ...] = ()
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
    place: Territory | None
    stamp: Stamp


def read_form(values: Mapping[str, str]) -> Form:
    """Read a request; control characters become spaces, nothing else is lost."""
    text = clean(values.get("q", ""))
    mode = values.get("mode", "")
    return Form(
        q=text,
        place=clean(values.get("place", "")).strip(),
        mode=mode if mode in MODES else "similar",
        entry=values.get("entry", "").strip(),
        asked="q" in values or "entry" in values,
    )


def modes(form: Form) -> tuple[str, ...]:
    """The kinds of question that can be asked, here or about the form's entry."""
    path = form.entry.partition("/")[0]
    return tuple(mode for mode in MODES if path in KINDS[mode].paths) or MODES


def about(store: Store, form: Form) -> Piece | None:
    """Find the entry that a question is about. Raises Refused if it cannot be."""
    if not form.entry:
        return None
    path, _, slug = form.entry.partition("/")
    unknown = refused(
        "entry",
        gettext("There is no such entry to ask about."),
        hint=gettext("Describe what you do or need instead."),
    )
    if path not in KINDS[form.mode].paths or not SLUG.fullmatch(slug):
        raise unknown
    try:
        entry = store.get(f"{store.base}id/{form.entry}")
    except NotFound as error:
        raise unknown from error
    return Piece(entry.text(DCT + "title", language()) or slug, entry.iri)


def ask(store: Store, matcher: Matcher, places: PlaceBook, form: Form, root: str) -> Results:
    """Put the question to the matcher. Raises Refused with what is wrong, in plain words."""
    subject = about(store, form)
    if subject is None:
        check_text(form.q)
    place = None
    if form.mode == "transfer" or form.place:
        place = find_place(places, form.place)
    key = KINDS[form.mode].key_of(form.entry.partition("/")[0]) if subject else "text"
    raw = {
        key: subject.href if subject else form.q.strip(),
        "territory": place.code if place else None,
        "filters": {"type": ["practice"]} if form.mode == "similar" else {},
        # A practice asked about may be far down the list; it is shown first all the same.
        "limit": 100 if subject and form.mode == "transfer" else MAX_CARDS,
    }
    answer = matcher.ask(form.mode, raw)
    return results(store, answer, place, root, subject.href if subject else "")


def results(
    store: Store, answer: Answer, place: Territory | None, root: str, about: str = ""
) -> Results:
    """Show a matcher's answer, what was asked about before what is near it."""
    own = [match for match in answer.matches if match.entry == about]
    others = [match for match in answer.matches if match.entry != about][: MAX_CARDS - len(own)]
    shown = cards(store, [*own, *others], root)
    return Results(
        own=tuple(shown[: len(own)]),
        cards=tuple(shown[len(own) :]),
        abstained=answer.abstained,
        read_as=language_name(answer.query.lang),
        notes=tuple(dict.fromkeys(answer.query.notes)),
        place=place,
        stamp=answer.stamp,
    )


def cards(store: Store, matches: Sequence[Match], root: str) -> list[Card]:
    """Make a card of each match, in their order."""
    names = titles(store, (match.entry for match in matches), language())
    shown = []
    for match in matches:
        name = names.get(match.entry)
        title = Piece(
            name.value if name else match.title or match.entry,
            local_href(store, match.entry, root),
            name.lang if name and name.lang != "und" else "",
        )
        country = name_of_country(store, match.country) if match.country else ""
        shown.append(card(match, title, country))
    return shown


def card(match: Match, title: Piece, country: str) -> Card:
    """Show one match."""
    plain = Card(
        iri=match.entry,
        title=title,
        country=country,
        level=match.level,
        level_text=gettext(LEVELS[match.level]),
        reasons=_lines(match.reasons),
    )
    if isinstance(match, PartnerMatch):
        return replace(
            plain, kind=gettext(PARTNER_NAMES[match.kind]), for_them=_lines(match.for_them)
        )
    if not isinstance(match, TransferMatch):
        return plain
    return replace(
        plain,
        reasons=_weighed(match)[:MAX_REASONS],
        fit=fit_text(match.fit, match.coverage),
        criteria=tuple(_criterion(key, row) for key, row in match.criteria.items()),
        gates=tuple(_gate(gate) for gate in match.gates),
        adaptations=_lines(match.adaptations),
        warnings=_lines(match.warnings),
    )


def fit_text(fit: float, coverage: float) -> str:
    """Say fit and coverage in words and numbers."""
    if not coverage:
        return gettext("Nothing is known yet of how it would fit.")
    sentence = next(text for least, text in _FITS if fit >= least)
    return gettext(sentence, fit=number(fit, 2), share=percent(coverage))


def _weighed(match: TransferMatch) -> tuple[str, ...]:
    """Name the criterion of each reason of a transfer; gates are shown apart."""
    gates = {gate.criterion for gate in match.gates}
    lines = []
    for reason in match.reasons:
        if reason.criterion not in gates:
            row = _criterion(reason.criterion, match.criteria[reason.criterion])
            head = f"{row.name}, {gettext('partly known') if row.partly else row.share}"
            lines.append(gettext("%(name)s: %(value)s", name=head, value=reason.text))
    return tuple(lines)


def _criterion(key: str, row: CriterionValue) -> Criterion:
    share = "" if row.value is None else percent(row.value)
    points = round((row.value or 0) * 100)
    return Criterion(gettext(CRITERIA[key]), points, share, row.text, 0 < row.known < 1)


def _gate(gate: GateStatus) -> tuple[str, str, str]:
    name, value = gettext(CRITERIA[gate.criterion]), gettext(_GATES[gate.status])
    return gate.status, gettext("%(name)s: %(value)s", name=name, value=value), gate.text


class _Sentence(Protocol):
    @property
    def text(self) -> str: ...


def _lines(items: Iterable[_Sentence]) -> tuple[str, ...]:
    """The sentences of reasons and remarks, each once."""
    return tuple(dict.fromkeys(item.text for item in items))
