"""Working groups in a community: members who face the same challenge and can teach each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from kg.entry import Entry
from kg.text.i18n import gettext as _
from kg.text.i18n import ngettext
from kg.vocabulary import DCT, ORG, PSR
from matcher.answer import match, named, names
from matcher.engine import Snapshot
from matcher.graph.view import World, surviving
from matcher.judging.criteria.transfer import RESULTS
from matcher.model.answer import GroupMatch, GroupMember, GroupsAnswer
from matcher.model.reasons import Reason, Triple, cite
from matcher.question import Question

#: members of a group at most, where the question does not say
SIZE = 8


@dataclass(frozen=True)
class Group:
    """A challenge, who faces it, and which practices each member can teach the others."""

    challenge: str
    members: tuple[str, ...]
    teaches: dict[str, tuple[str, ...]]
    learns: dict[str, tuple[str, ...]]

    @property
    def score(self) -> float:
        """The share of ordered pairs in which one can teach the other something."""
        pairs = [(a, b) for a in self.members for b in self.members if a != b]
        useful = [1 for a, b in pairs if set(self.teaches[a]) & set(self.learns[b])]
        return len(useful) / max(len(pairs), 1)


def answer(snapshot: Snapshot, question: Question) -> GroupsAnswer:
    """Group a community's members by the challenges they share; what teaches most comes first."""
    community, world, lang = question.entry, snapshot.world, question.lang
    assert community is not None
    named = sorted({*community.links(ORG + "hasMember"), *world.members.get(community.iri, ())})
    members = [actor.iri for actor in world.several(named)]
    groups = [_group(world, c, who, question.size) for c, who in _facing(world, community, members)]
    groups.sort(key=lambda g: (-g.score, -len(g.members), g.challenge))
    good = [g for g in groups if g.score > 0]
    shown = partial(_match, world, community, lang=lang)
    matches = list(surviving(good[: question.limit], shown))
    notes = [] if good else [_("No members are known who could teach each other something.")]
    return snapshot.answer(GroupsAnswer, question, matches, not good, notes, members=len(members))


def _facing(world: World, community: Entry, members: list[str]) -> list[tuple[str, list[str]]]:
    """The challenges that at least two members face, with those members.

    What the community itself addresses is faced by all.
    """
    common = community.links(PSR + "addresses")
    facing: dict[str, set[str]] = {c: set(members) for c in common}
    for member in members:
        for challenge in world.challenges(member):
            facing.setdefault(challenge, set()).add(member)
    return [(c, sorted(who)) for c, who in sorted(facing.items()) if len(who) > 1]


def _group(world: World, challenge: str, facing: list[str], size: int | None) -> Group:
    """The group, its most useful members kept where there are too many."""
    about = set(world.addressing(challenge))
    teaches = {
        m: tuple(p for p in world.involved.get(m, ()) if p in about and _did(world, m, p))
        for m in facing
    }
    offered = {p for own in teaches.values() for p in own}
    learns = {m: tuple(sorted(offered - set(teaches[m]))) for m in facing}
    useful = sorted(facing, key=lambda m: (-len(teaches[m]), -len(learns[m]), m))
    return Group(challenge, tuple(sorted(useful[: size or SIZE])), teaches, learns)


def _did(world: World, member: str, practice: str) -> bool:
    """A member who runs a practice has done it; one who took it over only with success."""
    taken = [m for m in world.moved(practice) if m.adopter == member]
    return not taken or any(RESULTS.get(m.result, 0.0) > 0.5 for m in taken)


def _match(world: World, community: Entry, group: Group, lang: str) -> GroupMatch:
    size = len(group.members)
    text = ngettext(
        "{count} member faces it, and some have done what others have not.",
        "{count} members face it, and some have done what others have not.",
        size,
    ).format(count=size)
    reason = Reason("group", text, _cited(world, community, group))
    name = partial(names, world, lang=lang)

    def member(iri: str) -> GroupMember:
        return named(
            world,
            iri,
            lang,
            GroupMember,
            teaches=tuple(surviving(group.teaches[iri], name)),
            learns=tuple(surviving(group.learns[iri], name)),
        )

    members = tuple(surviving(group.members, member))
    return match(world, group.challenge, group.score, lang, [reason], GroupMatch, members=members)


def _cited(world: World, community: Entry, group: Group) -> tuple[Triple, ...]:
    """Cite that the practices address the challenge or one below it."""
    practices = world.several(sorted({p for m in group.members for p in group.teaches[m]}))
    own = tuple(
        triple
        for practice in practices
        for c in practice.links(PSR + "addresses")
        if group.challenge in world.broader(c)
        for triple in cite(practice, PSR + "addresses", [c])
    )
    title = cite(world.get(group.challenge), DCT + "title")
    return cite(community, PSR + "addresses", [group.challenge]) + own + title
