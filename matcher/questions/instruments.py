"""What could pay for it or make it possible: hard rules first, then relevance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Literal

from kg.entry import Entry
from kg.text.i18n import gettext as _
from kg.text.number_formats import day, euro, number
from kg.vocabulary import DCT, PSR, SCHEMA
from matcher.answer import match, named
from matcher.engine import Snapshot
from matcher.graph.place import Place
from matcher.graph.view import World, ancestors, surviving, title
from matcher.graph.view import names as labels
from matcher.judging.criteria.verdict import Scene
from matcher.model.answer import (
    InstrumentMatch,
    InstrumentRules,
    InstrumentsAnswer,
    RuleStatus,
)
from matcher.model.reasons import Reason, Triple, cite
from matcher.question import Question

#: how many of those that a rule keeps out are named
SHOWN = 5
_STATUS: dict[bool | None, Literal["met", "failed", "unknown"]] = {
    True: "met",
    False: "failed",
    None: "unknown",
}


@dataclass(frozen=True)
class Wish:
    """What an instrument is sought for: where, for what, by whom, how much money."""

    place: Place
    themes: tuple[str, ...] = ()
    actor_types: tuple[str, ...] = ()
    amount: float | None = None
    partners: int | None = None
    used: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One hard rule: met, not met, or not known (``met`` is None), and why."""

    name: str
    met: bool | None
    text: str
    evidence: tuple[Triple, ...] = ()

    @property
    def status(self) -> RuleStatus:
        """The rule as an answer shows it."""
        return RuleStatus(self.name, _STATUS[self.met], self.text)


def rules(world: World, instrument: Entry, wish: Wish) -> list[Rule]:
    """The five rules of an instrument: territory, theme, actor type, size, dates."""
    return [
        _territory(instrument, wish),
        _theme(instrument, wish),
        _actor_type(instrument, wish),
        _size(instrument, wish),
        _dates(world, instrument),
    ]


def _judged(
    name: str, entry: Entry, prop: str, values: Iterable[str], sentences: tuple[str, str]
) -> Rule:
    """A rule over a list that an instrument states; met if anything was found in it."""
    fits = list(values)
    cited = cite(entry, prop, fits or None)
    return Rule(name, bool(fits), sentences[0] if fits else sentences[1], cited)


def _territory(instrument: Entry, wish: Wish) -> Rule:
    open_in = instrument.links(PSR + "eligibleTerritory")
    if not open_in:
        return Rule("territory", None, _("Where it can be used is not stated."))
    sentences = _("It is open in {place}."), _("It is not open in {place}.")
    filled = sentences[0].format(place=wish.place.name), sentences[1].format(place=wish.place.name)
    fits = [t for t in open_in if t in wish.place.iris]
    return _judged("territory", instrument, PSR + "eligibleTerritory", fits, filled)


def _theme(instrument: Entry, wish: Wish) -> Rule:
    own = instrument.links(DCT + "subject")
    themes = {a for theme in wish.themes for a in ancestors(theme)}
    if not own or not themes:
        return Rule("theme", None, _("Its themes, or those asked for, are not stated."))
    fits = [t for t in own if t in themes]
    covers = _("It covers: {names}.").format(names=labels(fits))
    other = _("It is for other themes: {names}.").format(names=labels(own))
    return _judged("theme", instrument, DCT + "subject", fits, (covers, other))


def _actor_type(instrument: Entry, wish: Wish) -> Rule:
    own = instrument.links(PSR + "eligibleActorType")
    if not own or not wish.actor_types:
        return Rule("actor type", None, _("Who may apply, or who asks, is not stated."))
    kinds = {a for kind in wish.actor_types for a in ancestors(kind)}
    fits = [t for t in own if t in kinds]
    sentence = _("These may apply: {names}.").format(names=labels(fits or own))
    return _judged("actor type", instrument, PSR + "eligibleActorType", fits, (sentence, sentence))


def _size(instrument: Entry, wish: Wish) -> Rule:
    """Compare the amount with the smallest and largest grant, partners with their number."""
    limits = (
        ("minimumGrant", wish.amount, 1, _("It grants {limit} or more.")),
        ("maximumGrant", wish.amount, -1, _("It grants {limit} at most.")),
        ("minimumPartners", wish.partners, 1, _("Least number of partners: {limit}.")),
    )
    known = [
        (name, stated, limit, sign, text)
        for name, stated, sign, text in limits
        if stated is not None and (limit := instrument.number(PSR + name)) is not None
    ]
    if not known:
        return Rule("size", None, _("Its size, or the amount asked for, is not stated."))
    broken = [row for row in known if row[3] * (row[1] - row[2]) < 0]
    sentence = " ".join(
        text.format(limit=number(limit) if name == "minimumPartners" else euro(limit))
        for name, _a, limit, _s, text in broken or known
    )
    cited = tuple(t for name, *_rest in broken or known for t in cite(instrument, PSR + name))
    return Rule("size", not broken, sentence, cited)


def _dates(world: World, instrument: Entry) -> Rule:
    start, end = (instrument.text(SCHEMA + p) or "" for p in ("startDate", "endDate"))
    cited = cite(instrument, SCHEMA + "startDate") + cite(instrument, SCHEMA + "endDate")
    if not start and not end:
        return Rule("dates", None, _("When it is open is not stated."))
    if world.over(instrument):
        return Rule("dates", False, _("It has ended: {date}.").format(date=day(end)), cited)
    if start > world.as_of[: len(start)]:
        return Rule(
            "dates", False, _("It has not started yet: {date}.").format(date=day(start)), cited
        )
    return Rule("dates", True, _("It is open, as of {date}.").format(date=day(world.as_of)), cited)


def open_to(scene: Scene, practice: Entry, lang: str, most: int) -> list[InstrumentRules]:
    """The instruments that a practice could use in a place, the best known first.

    An instrument must cover the place and a theme, and break no rule.
    """
    wish = Wish(
        scene.place,
        tuple(practice.links(DCT + "subject")),
        scene.target.actor_types + scene.target.joined,
        used=tuple(practice.links(PSR + "usesInstrument")),
    )
    rows = []
    covering = (
        way for t in wish.themes for a in ancestors(t) for way in scene.here.covering.get(a, ())
    )
    for instrument in {way.instrument.iri: way.instrument for way in covering}.values():
        judged = rules(scene.world, instrument, wish)
        states = {r.name: r.met for r in judged}
        if False not in states.values():
            met = sum(bool(r.met) for r in judged) + (instrument.iri in wish.used)
            rows.append((-met, instrument.iri, judged))

    def shown(row: tuple[int, str, list[Rule]]) -> InstrumentRules:
        statuses = tuple(rule.status for rule in row[2])
        return named(scene.world, row[1], lang, InstrumentRules, rules=statuses)

    return list(surviving(sorted(rows, key=lambda row: row[:2])[:most], shown))


def answer(snapshot: Snapshot, question: Question) -> InstrumentsAnswer:
    """Find instruments that break no rule, the most relevant first; a gap is said.

    Themes that are asked for go before those of the entry. Without any, a gap is judged by
    the place alone, and a note says so.
    """
    place, world, about = question.place, snapshot.world, question.entry
    assert place is not None
    wish = Wish(
        place,
        question.filters.theme or tuple(about.links(DCT + "subject") if about else ()),
        question.actor_types,
        question.amount,
        question.partners,
        tuple(about.links(PSR + "usesInstrument")) if about else (),
    )
    filters = replace(question.filters, type=("instrument",), theme=(), territory=())
    ranking = snapshot.rank(question, filters)

    def judge(iri: str) -> tuple[float, str, list[Rule]]:
        judgement = rules(world, world.get(iri), wish)
        relevance = 1.0 if iri in wish.used else ranking.probability(iri)
        share = sum(bool(r.met) for r in judgement) / len(judgement)
        return relevance * (1 + share) / 2, iri, judgement

    judged = list(surviving(ranking.best(len(world.instruments)), judge))
    judged.sort(key=lambda row: (-round(row[0], 6), row[1]))
    good = [row for row in judged if all(r.met is not False for r in row[2])]
    shown = partial(_match, world, lang=question.lang, wish=wish)
    matches = list(surviving(good[: question.limit], shown))
    nothing = not good or (about is None and ranking.nothing_good())
    needed = {"territory", "theme"} if wish.themes else {"territory"}
    sure = any(all(r.met for r in row[2] if r.name in needed) for row in good)
    gap = None if sure else _("No instrument is known that covers this theme and place.")
    untold = _("No theme is given, so it is not known whether one of these covers it.")
    notes = [] if wish.themes or not good else [untold]
    return snapshot.answer(
        InstrumentsAnswer,
        question,
        matches,
        nothing,
        notes,
        territory=place.iri,
        gap=gap,
        excluded=tuple(_excluded(world, judged, question.lang)),
    )


def _match(
    world: World, row: tuple[float, str, list[Rule]], lang: str, wish: Wish
) -> InstrumentMatch:
    score, iri, judgement = row
    reasons = [Reason(r.name, r.text, r.evidence) for r in judgement if r.met]
    if iri in wish.used:
        reasons.insert(0, Reason("used", _("The practice uses it where it comes from.")))
    entry = world.get(iri)
    if not reasons:
        cited = cite(entry, DCT + "title")
        sentence = _("Its text is near: {title}.").format(title=title(entry))
        reasons.append(Reason("text", sentence, cited))
    statuses = tuple(rule.status for rule in judgement)
    return match(world, iri, score, lang, reasons, InstrumentMatch, rules=statuses)


def _excluded(
    world: World, judged: Sequence[tuple[float, str, list[Rule]]], lang: str
) -> list[InstrumentRules]:
    """The most relevant instruments that a rule keeps out, with the rules."""
    out = [(iri, [r for r in judgement if r.met is False]) for _s, iri, judgement in judged]

    def shown(row: tuple[str, list[Rule]]) -> InstrumentRules:
        statuses = tuple(rule.status for rule in row[1])
        return named(world, row[0], lang, InstrumentRules, rules=statuses)

    return list(islice(surviving((row for row in out if row[1]), shown), SHOWN))
