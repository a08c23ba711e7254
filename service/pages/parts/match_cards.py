"""The search form and its results: from what was typed to what the page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kg.catalogue.lists import titles
from kg.entry import CONTROL, SLUG
from kg.errors import NotFound, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext, language, mark
from kg.text.number_formats import language_name, number, percent
from kg.vocabulary import CLASSES, DCT
from matcher.matcher import Matcher
from matcher.model.question import Filters, Question
from service.core.places import Place, PlaceBook
from service.pages.parts.components import Piece, local_href, name_of_country

MAX_QUESTION = 20_000
MAX_REASONS = 4
MAX_CARDS = 10
MODES = ("similar", "transfer", "partners")
#: which entries a question of each kind can be about
_ABOUT = {
    "similar": tuple(c for c in CLASSES if c not in {"territory", "match"}),
    "transfer": ("practice", "challenge"),
    "partners": ("actor",),
}
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
KINDS = {
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
    kind: str
    reasons: tuple[str, ...]
    for_them: tuple[str, ...]
    fit: str
    criteria: tuple[Criterion, ...]
    gates: tuple[tuple[str, str, str], ...]
    adaptations: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Results:
    """An answer of the matcher, ready to show; ``own`` is the practice that was asked about."""

    own: tuple[Card, ...]
    cards: tuple[Card, ...]
    abstained: bool
    read_as: str
    notes: tuple[str, ...]
    place: Place | None
    stamp: Mapping[str, object]


def clean(text: str) -> str:
    """Return a text as it was typed, control characters as spaces."""
    return CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", " "))


def read_form(values: Mapping[str, str]) -> Form:
    """Return the form of a request; control characters become spaces, nothing else is lost."""
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
    """Return the kinds of question that can be asked, here or about the form's entry."""
    path = form.entry.partition("/")[0]
    return tuple(mode for mode in MODES if path in _ABOUT[mode]) or MODES


def about(store: Store, form: Form) -> Piece | None:
    """Return the entry that a question is about, or raise Refused if it cannot be."""
    if not form.entry:
        return None
    path, _, slug = form.entry.partition("/")
    unknown = refused(
        "entry",
        gettext("There is no such entry to ask about."),
        hint=gettext("Describe what you do or need instead."),
    )
    if path not in _ABOUT[form.mode] or not SLUG.fullmatch(slug):
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
    question = Question(
        text=None if subject else form.q.strip(),
        entry=subject.href if subject else None,
        territory=place.code if place else None,
        filters=Filters(type=("practice",)) if form.mode == "similar" else Filters(),
        # A practice asked about may be far down the list; it is shown first all the same.
        limit=100 if subject and form.mode == "transfer" else MAX_CARDS,
    )
    answer: Mapping[str, Any] = getattr(matcher, form.mode)(question)
    return results(store, answer, place, root, subject.href if subject else "")


def find_place(places: PlaceBook, text: str) -> Place:
    """Return the place that a text means. Raises Refused if there is none, or no text."""
    if not text:
        raise refused(
            "place",
            gettext("Say in which place it should work."),
            hint=gettext("Write a country, a region, a town or a NUTS 2021 code such as HR035."),
        )
    return places.find(text)


def check_text(text: str) -> None:
    """Raise Refused for a question that is empty or too long."""
    if not text.strip():
        raise refused(
            "q",
            gettext("The question is empty."),
            hint=gettext("Describe in a sentence or two what you do or need."),
        )
    if len(text) > MAX_QUESTION:
        raise refused(
            "q",
            gettext(
                "The question has %(length)s characters; at most %(most)s can be read.",
                length=number(len(text)),
                most=number(MAX_QUESTION),
            ),
            hint=gettext("Shorten it to what matters."),
        )


def results(
    store: Store, answer: Mapping[str, Any], place: Place | None, root: str, asked: str = ""
) -> Results:
    """Return the view of a matcher's answer, what was asked about before what is near it."""
    own = [m for m in answer["matches"] if m["entry"] == asked]
    others = [m for m in answer["matches"] if m["entry"] != asked][: MAX_CARDS - len(own)]
    shown = cards(store, [*own, *others], root)
    lang = answer["query"].get("lang") or ""
    return Results(
        own=tuple(shown[: len(own)]),
        cards=tuple(shown[len(own) :]),
        abstained=bool(answer["abstained"]),
        read_as=language_name(lang) if lang else "",
        notes=_lines(answer["query"].get("notes", ())),
        place=place,
        stamp=answer["stamp"],
    )


def cards(store: Store, matches: Sequence[Mapping[str, Any]], root: str) -> list[Card]:
    """Return the cards of matches, in their order."""
    names = titles(store, (m["entry"] for m in matches), language())
    found = []
    for match in matches:
        name = names.get(match["entry"])
        title = Piece(
            name.value if name else match["title"] or match["entry"],
            local_href(store, match["entry"], root),
            name.lang if name and name.lang != "und" else "",
        )
        country = name_of_country(store, match["country"]) if match["country"] else ""
        found.append(card(match, title, country))
    return found


def card(match: Mapping[str, Any], title: Piece, country: str) -> Card:
    """Return the card of one match."""
    level, kind = str(match["level"]), str(match.get("kind", ""))
    transfer = "fit" in match
    return Card(
        iri=str(match["entry"]),
        title=title,
        country=country,
        level=level,
        level_text=gettext(LEVELS.get(level, level)),
        kind=gettext(KINDS.get(kind, kind)),
        reasons=_weighed(match)[:MAX_REASONS] if transfer else _lines(match["reasons"]),
        for_them=_lines(match.get("for_them", ())),
        fit=fit_text(match["fit"], match["coverage"]) if transfer else "",
        criteria=tuple(_criterion(k, v) for k, v in match.get("criteria", {}).items()),
        gates=tuple(_gate(gate) for gate in match.get("gates", ())),
        adaptations=_lines(match.get("adaptations", ())),
        warnings=_lines(match.get("warnings", ())),
    )


def fit_text(fit: float | None, coverage: float) -> str:
    """Return fit and coverage in words and numbers."""
    if fit is None or not coverage:
        return gettext("Nothing is known yet of how it would fit.")
    said = next(text for least, text in _FITS if fit >= least)
    return gettext(said, fit=number(fit, 2), share=percent(coverage))


def _weighed(match: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the reasons of a transfer with their criterion; gates are shown apart."""
    table = {key: _criterion(key, found) for key, found in match["criteria"].items()}
    gates = {gate["criterion"] for gate in match.get("gates", ())}
    found = []
    for reason in match["reasons"]:
        row = table.get(reason["criterion"])
        if row and reason["criterion"] not in gates:
            share = gettext("partly known") if row.partly else row.share
            head = f"{row.name}, {share}"
            found.append(gettext("%(name)s: %(value)s", name=head, value=reason["text"]))
    return tuple(found)


def _criterion(key: str, found: Mapping[str, Any]) -> Criterion:
    value = found["value"]
    name = gettext(CRITERIA[key]) if key in CRITERIA else key
    share = "" if value is None else percent(value)
    part = 0 < found["known"] < 1
    return Criterion(name, round((value or 0) * 100), share, str(found["text"]), part)


def _gate(gate: Mapping[str, Any]) -> tuple[str, str, str]:
    status, key = str(gate["status"]), str(gate["criterion"])
    name, value = gettext(CRITERIA.get(key, key)), gettext(_GATES.get(status, status))
    return status, gettext("%(name)s: %(value)s", name=name, value=value), str(gate["text"])


def _lines(items: Iterable[Any]) -> tuple[str, ...]:
    """Return the sentences of reasons and remarks, each once."""
    found = (str(i["text"]) if isinstance(i, Mapping) else str(i) for i in items)
    return tuple(dict.fromkeys(found))
