"""What could pay for it or make it possible: hard rules first, then relevance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from kg.entry import Entry
from kg.text.i18n import gettext as _
from kg.text.number_formats import day, euro, number
from kg.vocabulary import DCT, PSR, SCHEMA
from matcher.engine import Namer, Snapshot
from matcher.graph.place import Place
from matcher.graph.view import World, ancestors, surviving, title
from matcher.graph.view import names as labels
from matcher.judging.verdict import Scene
from matcher.model.answer import InstrumentMatch, InstrumentRules, InstrumentsAnswer, RuleStatus
from matcher.model.reasons import Reason, Triple, cite
from matcher.question import Question

#: of how many, the nearest, the rules are looked at
RULED = 1_000
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

    def listed(
        name: str, prop: str, sought: Iterable[str], unknown: str, fitting: str, other: str
    ) -> Rule:
        """A rule over a list that an instrument states; met if it holds one of what is sought."""
        own, any_of = instrument.links(prop), set(sought)
        if not own or not any_of:
            return Rule(name, None, unknown)
        fits = [value for value in own if value in any_of]
        text = fitting if fits else other
        sentence = text.format(names=labels(fits or own), place=wish.place.name)
        return Rule(name, bool(fits), sentence, cite(instrument, prop, fits or None))

    may_apply = _("These may apply: {names}.")
    return [
        listed(
            "territory",
            PSR + "eligibleTerritory",
            wish.place.iris,
            _("Where it can be used is not stated."),
            _("It is open in {place}."),
            _("It is not open in {place}."),
        ),
        listed(
            "theme",
            DCT + "subject",
            (a for theme in wish.themes for a in ancestors(theme)),
            _("Its themes, or those asked for, are not stated."),
            _("It covers: {names}."),
            _("It is for other themes: {names}."),
        ),
        listed(
            "actor type",
            PSR + "eligibleActorType",
            (a for kind in wish.actor_types for a in ancestors(kind)),
            _("Who may apply, or who asks, is not stated."),
            may_apply,
            may_apply,
        ),
        _size(instrument, wish),
        _dates(world, instrument),
    ]


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
        later = _("It has not started yet: {date}.").format(date=day(start))
        return Rule("dates", False, later, cited)
    return Rule("dates", True, _("It is open, as of {date}.").format(date=day(world.as_of)), cited)


def open_to(scene: Scene, practice: Entry, namer: Namer, most: int) -> list[InstrumentRules]:
    """The instruments that a practice could use in a place, the best known first.

    An instrument must cover the place and a theme, and break no rule.
    """
    themes, used = practice.links(DCT + "subject"), practice.links(PSR + "usesInstrument")
    actor_types = scene.target.actor_types + scene.target.joined
    wish = Wish(scene.place, tuple(themes), actor_types, used=tuple(used))
    ways = (way for t in themes for a in ancestors(t) for way in scene.here.covering.get(a, ()))
    rows = []
    for instrument in {way.instrument.iri: way.instrument for way in ways}.values():
        judged = rules(scene.world, instrument, wish)
        if all(rule.met is not False for rule in judged):
            met = sum(bool(rule.met) for rule in judged) + (instrument.iri in used)
            rows.append((-met, instrument.iri, judged))
    rows.sort(key=lambda row: row[:2])
    return list(surviving(rows[:most], lambda row: _ruled(namer, row[1], row[2])))


def _ruled(namer: Namer, iri: str, judged: Iterable[Rule]) -> InstrumentRules:
    return namer.named(InstrumentRules, iri, rules=tuple(rule.status for rule in judged))


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
    ranking = snapshot.rank(question, filters, RULED, wish.used)
    namer = Namer(world, question.lang)

    def judge(iri: str) -> tuple[float, str, list[Rule]]:
        judgement = rules(world, world.get(iri), wish)
        relevance = 1.0 if iri in wish.used else ranking.probability(iri)
        share = sum(bool(r.met) for r in judgement) / len(judgement)
        return relevance * (1 + share) / 2, iri, judgement

    def matched(row: tuple[float, str, list[Rule]]) -> InstrumentMatch:
        score, iri, judgement = row
        reasons = [Reason(r.name, r.text, r.evidence) for r in judgement if r.met]
        if iri in wish.used:
            reasons.insert(0, Reason("used", _("The practice uses it where it comes from.")))
        if not reasons:
            entry = world.get(iri)
            sentence = _("Its text is near: {title}.").format(title=title(entry))
            reasons.append(Reason("text", sentence, cite(entry, DCT + "title")))
        statuses = tuple(rule.status for rule in judgement)
        return namer.match(InstrumentMatch, iri, score, reasons, rules=statuses)

    judged = list(surviving(ranking.best(RULED), judge))
    judged.sort(key=lambda row: (-round(row[0], 6), row[1]))
    failed = {iri: [r for r in judgement if r.met is False] for _s, iri, judgement in judged}
    out = (iri for iri, broken in failed.items() if broken)
    excluded = islice(surviving(out, lambda iri: _ruled(namer, iri, failed[iri])), SHOWN)
    good = [row for row in judged if not failed[row[1]]]
    needed = {"territory", "theme"} if wish.themes else {"territory"}
    sure = any(all(r.met for r in row[2] if r.name in needed) for row in good)
    gap = None if sure else _("No instrument is known that covers this theme and place.")
    untold = _("No theme is given, so it is not known whether one of these covers it.")
    return snapshot.answer(
        InstrumentsAnswer,
        question,
        list(surviving(good[: question.limit], matched)),
        not good or (about is None and ranking.nothing_good()),
        [] if wish.themes or not good else [untold],
        territory=place.iri,
        gap=gap,
        excluded=tuple(excluded),
    )
