"""The kinds of question, and the door: what was sent is checked and resolved here, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from kg.catalogue.lists import territory_iri
from kg.entry import Entry
from kg.errors import Problem, Refused, refused
from kg.text.i18n import gettext, language
from kg.text.language import primary, settle
from kg.vocabulary import LEVELS
from matcher.encoding import text
from matcher.engine import Snapshot
from matcher.graph.place import Place
from matcher.judging.weights import weighed
from matcher.model.answer import Answer
from matcher.model.filters import Filters, check_filters, check_target, concept, read
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
    of none. ``candidates`` are the classes that it is answered with.
    """

    title: str
    request: type[MatchRequest]
    subjects: Mapping[str, tuple[str, ...]]
    candidates: tuple[str, ...]
    answer: Callable[[Snapshot, Question], Answer]

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
        problem = Problem(
            sent[1] if sent else [*subjects][-1],
            gettext("The request says twice what it is about.")
            if sent
            else gettext("The request asks nothing."),
            hint=gettext("Send exactly one of %(names)s.", names=", ".join(subjects)),
        )
    elif kind == "partners" and sent == ["text"] and not raw.get("territory"):
        problem = Problem(
            "territory",
            gettext("This field is missing."),
            hint=gettext("Say where the text is from."),
        )
    if problem:
        raise Refused(gettext("The request cannot be understood."), [problem])
    return sent[0]


class _Checks:
    """The parts of a request, each checked by itself; ``faults`` are what was refused."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self.faults: list[Refused] = []

    def read(self, name: str, check: Callable[[Any], T], default: T) -> T:
        """Check a part; the default where it was not sent or cannot be used."""
        if self._raw.get(name) is None:
            return default
        try:
            return check(self._raw[name])
        except Refused as error:
            self.faults.append(error)
            return default

    def close(self) -> None:
        """Raise Refused with all that is wrong."""
        if self.faults:
            problems = [problem for fault in self.faults for problem in fault.problems]
            raise Refused(str(self.faults[0]), problems)


def resolve(kind: str, raw: Mapping[str, Any], snapshot: Snapshot) -> Question:
    """Resolve a request of the right form: names to IRIs, IRIs to entries and places.

    Refused names all that is not there or does not fit together.
    """
    store, world, weights = snapshot.store, snapshot.world, snapshot.weights
    subject, checks, limit = subject_of(kind, raw), _Checks(raw), raw.get("limit", 10)

    def about(iri: str) -> Entry | None:
        return read(store, iri, *KINDS[kind].subjects[subject], field=subject)

    def place(name: str) -> Place | None:
        return world.place(territory_iri(store, name))

    def actor_types(names: list[str]) -> tuple[str, ...]:
        return tuple(concept("actor-type", name, "actor_types") for name in names)

    entry = checks.read(subject, about, None) if subject != "text" else None
    target = checks.read("target", check_target, check_target({}))
    question = Question(
        lang="en",
        text=raw.get("text"),
        entry=entry,
        limit=limit,
        filters=checks.read("filters", lambda given: check_filters(store, given), Filters()),
        place=checks.read("territory", place, None),
        target=target,
        supposed=checks.read("what_if", lambda given: what_if.suppose(target, given), None),
        weights=checks.read("weights", lambda given: weighed(given, weights), weights),
        why_not=checks.read(
            "why_not", lambda iri: read(store, iri, "practice", field="why_not"), None
        ),
        kinds=tuple(raw.get("kinds") or ()),
        actor_types=checks.read("actor_types", actor_types, ()),
        amount=raw.get("amount"),
        partners=raw.get("partners"),
        size=raw.get("size"),
        diversity=raw.get("diversity"),
        quota=checks.read("quota", lambda count: _quota(count, limit), 0),
    )
    if kind == "consortium":
        rules = _Checks({"rules": raw.get("rules") or {}})
        call = entry if entry and entry.path == "call" else None
        kept = rules.read("rules", lambda given: consortium.read_rules(given, store, call), Rules())
        checks.faults += rules.faults
        question = replace(question, rules=kept)
    checks.close()
    _check_place(kind, question)
    if kind == "partners" and entry and question.place is None:
        question = replace(question, place=_largest(world.places(entry)))
    return replace(question, lang=_language(kind, question, raw.get("lang")))


def _check_place(kind: str, question: Question) -> None:
    field = KINDS[kind].request.model_fields.get("territory")
    if field and field.is_required() and question.place is None:
        raise refused(
            "territory",
            gettext("The territory is missing."),
            hint=gettext("Say where it should work, for example HR035."),
        )


def _quota(count: int, limit: int) -> int:
    if count > limit:
        raise refused(
            "quota",
            gettext("The quota is above the limit."),
            value=str(count),
            hint=gettext("Send {limit} at most.").format(limit=limit),
        )
    return count


def _language(kind: str, question: Question, stated: str | None) -> str:
    """The question's language; of an entry the reader's if it has texts in it, else English."""
    if kind == "groups":
        return primary(stated or language())
    if question.entry is None:
        if not (question.text or "").strip():
            raise refused(
                "text",
                gettext("The question is empty."),
                hint=gettext("Describe a problem or a practice, or send an entry."),
            )
        return settle(question.text or "", stated)
    if stated:
        return primary(stated)
    words = text.preferred(text.facets(question.entry), language())
    return words.lang if words else "en"


def _largest(places: list[Place]) -> Place | None:
    """The largest place: a municipality has few figures of its own, its region those of both."""
    regions = [p for p in places if LEVELS.index(p.level or "country") > 0]
    return max(regions or places, key=lambda p: (p.level or "", p.iri), default=None)
