"""The kinds of question, and the door: what was sent is checked and resolved here, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from kg.catalogue.filters import concepts
from kg.catalogue.places import NamedPlace, Places
from kg.entry import Entry
from kg.errors import Problem, Refused, refused
from kg.text.i18n import gettext, language
from kg.text.language import primary, settle
from kg.vocabulary import LEVELS
from matcher.encoding import text
from matcher.engine import Snapshot
from matcher.graph.view import World
from matcher.judging.fit import weighed
from matcher.model.answer import Answer
from matcher.model.filters import (
    Filters,
    Target,
    check_filters,
    check_target,
    read,
)
from matcher.model.requests import (
    ConsortiumRequest,
    GroupsRequest,
    InstrumentsRequest,
    MatchRequest,
    PartnersRequest,
    SimilarRequest,
    TransferRequest,
)
from matcher.question import Question, Rules
from matcher.questions import consortium, groups, instruments, partners, similar, transfer, what_if

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """A kind of question: how it is sent, what it can be about, and who answers it.

    Of the keys of ``subjects`` exactly one is sent; an entry is of one of its classes, a text
    of none. ``candidates`` are the classes that it is answered with; ``placed`` kinds are about a
    place as well.
    """

    title: str
    request: type[MatchRequest]
    subjects: Mapping[str, tuple[str, ...]]
    candidates: tuple[str, ...]
    answer: Callable[[Snapshot, Question], Answer]
    placed: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The classes of the entries that it can be about."""
        return tuple(dict.fromkeys(path for paths in self.subjects.values() for path in paths))

    def key_of(self, path: str) -> str:
        """Name the key that an entry of a class is sent under, that of its own before ``entry``."""
        if self.subjects.get(path) == (path,):
            return path
        return "entry" if "entry" in self.subjects else next(iter(self.subjects))


_ABOUT = {"challenge": ("challenge",), "entry": ("challenge", "practice"), "text": ()}
KINDS = {
    "similar": Kind(
        title="Entries like an entry or a text",
        request=SimilarRequest,
        subjects={"entry": text.INDEXED, "text": ()},
        candidates=text.INDEXED,
        answer=similar.answer,
    ),
    "transfer": Kind(
        title="Practices that could be carried over to a territory",
        request=TransferRequest,
        subjects=_ABOUT,
        candidates=("practice",),
        answer=transfer.answer,
        placed=True,
    ),
    "partners": Kind(
        title="Actors to work with",
        request=PartnersRequest,
        subjects={"actor": ("actor",), "text": ()},
        candidates=("actor",),
        answer=partners.answer,
    ),
    "instruments": Kind(
        title="What could pay for it or make it possible",
        request=InstrumentsRequest,
        subjects=_ABOUT,
        candidates=("instrument",),
        answer=instruments.answer,
        placed=True,
    ),
    "consortium": Kind(
        title="A set of actors under a call's rules",
        request=ConsortiumRequest,
        subjects={
            "call": ("call",),
            "entry": ("call", "practice", "challenge"),
            "challenge": ("challenge",),
            "text": (),
        },
        candidates=("actor",),
        answer=consortium.answer,
    ),
    "groups": Kind(
        title="Members of a community that can teach each other",
        request=GroupsRequest,
        subjects={"community": ("community",)},
        candidates=("challenge",),
        answer=groups.answer,
    ),
}


def subject_of(kind: str, raw: Mapping[str, Any]) -> str:
    """Find the key that says what a question is about; Refused unless it is exactly one."""
    subjects = KINDS[kind].subjects
    sent = [key for key in subjects if raw.get(key) is not None]
    problem = None
    if len(sent) != 1:
        twice = gettext("The request says twice what it is about.")
        problem = Problem(
            sent[1] if sent else [*subjects][-1],
            twice if sent else gettext("The request asks nothing."),
            hint=gettext("Send exactly one of %(names)s.", names=", ".join(subjects)),
        )
    elif kind == "partners" and sent == ["text"] and not (raw.get("territory") or raw.get("place")):
        hint = gettext("Say where the text is from.")
        problem = Problem("territory", gettext("This field is missing."), hint=hint)
    if problem:
        raise Refused(gettext("The request cannot be understood."), [problem])
    return sent[0]


def resolve(kind: str, raw: Mapping[str, Any], snapshot: Snapshot) -> Question:
    """Resolve a request of the right form: names to IRIs, IRIs to entries and places.

    Refused names all that is not there or does not fit together.
    """
    store, world, weights = snapshot.world.store, snapshot.world, snapshot.desk.weights
    places = snapshot.desk.atlas.places
    subject, limit = subject_of(kind, raw), raw.get("limit", 10)
    faults: list[Refused] = []

    def part(sent: Any, check: Callable[[Any], T], default: T) -> T:  # noqa: ANN401
        """Check a part; the default where it was not sent or cannot be used."""
        try:
            return default if sent is None else check(sent)
        except Refused as error:
            faults.append(error)
            return default

    def entry_of(field: str, *paths: str) -> Entry | None:
        return part(raw.get(field), lambda iri: read(store, iri, *paths, field=field), None)

    def quota(count: int) -> int:
        if count > limit:
            text = gettext("The quota is above the limit.")
            hint = gettext("Send {limit} at most.").format(limit=limit)
            raise refused("quota", text, value=str(count), hint=hint)
        return count

    named = part(raw, partial(place_of, places), None)
    entry = entry_of(subject, *KINDS[kind].subjects[subject]) if subject != "text" else None
    target = part(raw.get("target"), check_target, Target())
    call = entry if entry and entry.path == "call" else None
    of_types = partial(concepts, "actor-type", "actor_types")
    rules = raw.get("rules") or ({} if kind == "consortium" else None)
    question = Question(
        lang="en",
        text=raw.get("text"),
        entry=entry,
        limit=limit,
        filters=part(raw.get("filters"), partial(check_filters, places), Filters()),
        place=world.place(named.entry) if named else None,
        named_place=named.label if named and named.code != raw.get("place", named.code) else "",
        target=target,
        supposed=part(raw.get("what_if"), partial(what_if.suppose, target), None),
        weights=part(raw.get("weights"), lambda given: weighed(given, weights), weights),
        why_not=entry_of("why_not", "practice"),
        kinds=tuple(raw.get("kinds") or ()),
        actor_types=part(raw.get("actor_types"), of_types, ()),
        amount=raw.get("amount"),
        partners=raw.get("partners"),
        size=raw.get("size"),
        diversity=raw.get("diversity"),
        quota=part(raw.get("quota"), quota, 0),
        rules=part(
            rules, lambda r: consortium.read_rules(r, store, places.territories, call), Rules()
        ),
    )
    if faults:
        problems = [problem for fault in faults for problem in fault.problems]
        raise Refused(str(faults[0]), problems)
    return _completed(kind, question, world, raw.get("lang"))


def place_of(places: Places, raw: Mapping[str, Any]) -> NamedPlace | None:
    """The place of a request, by its code or its name; Refused unless it is one of them."""
    code, name = raw.get("territory"), raw.get("place")
    if code and name:
        hint = gettext("Send exactly one of %(names)s.", names="territory, place")
        raise refused("place", gettext("The request says twice where it is."), hint=hint)
    if code:
        return places.of(places.territories.known(code))
    return places.meant(name) if name else None


def _completed(kind: str, question: Question, world: World, stated: str | None) -> Question:
    """Fill in what a request need not say: the place of whoever asks, and the language.

    Of an entry that is the reader's if it has texts in it, else English.
    """
    place = question.place
    if KINDS[kind].placed and place is None:
        hint = gettext("Say where it should work, for example HR035.")
        raise refused("territory", gettext("The territory is missing."), hint=hint)
    if kind == "partners" and question.entry and place is None:
        # A municipality has few figures of its own, its region those of both.
        places = world.places(question.entry)
        regions = [p for p in places if LEVELS.index(p.level or "country") > 0]
        place = max(regions or places, key=lambda p: (p.level or "", p.iri), default=None)
    if kind == "groups":
        lang = primary(stated or language())
    elif question.entry is None:
        if not (question.text or "").strip():
            hint = gettext("Describe a problem or a practice, or send an entry.")
            raise refused("text", gettext("The question is empty."), hint=hint)
        lang = settle(question.text or "", stated)
    elif stated:
        lang = primary(stated)
    else:
        words = text.preferred(text.facets(question.entry), language())
        lang = words.lang if words else "en"
    return replace(question, place=place, lang=lang)
