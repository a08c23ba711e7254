"""Working groups in a community: members who face the same challenge and can teach each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from kg.entry import Entry
from kg.text.i18n import gettext as _
from kg.text.i18n import ngettext
from kg.vocabulary import DCT, ORG, PSR
from matcher.engine import Namer, Snapshot
from matcher.graph.view import World, surviving
from matcher.judging.criteria import RESULTS
from matcher.model.answer import GroupMatch, GroupMember, GroupsAnswer
from matcher.model.reasons import Reason, cite
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
    """Group a community's members by the challenges they share; what teaches most comes first.

    A challenge counts that at least two members face; what the community itself addresses is
    faced by all.
    """
    community, world = question.entry, snapshot.world
    assert community is not None
    named = sorted({*community.links(ORG + "hasMember"), *world.members.get(community.iri, ())})
    members = [actor.iri for actor in world.several(named)]
    facing = {c: {*members} for c in community.links(PSR + "addresses")}
    for member in members:
        for challenge in world.challenges(member):
            facing.setdefault(challenge, set()).add(member)
    groups = [_group(world, c, who, question.size) for c, who in facing.items() if len(who) > 1]
    groups.sort(key=lambda g: (-g.score, -len(g.members), g.challenge))
    good = [g for g in groups if g.score > 0]
    shown = partial(_match, Namer(world, question.lang), community)
    matches = list(surviving(good[: question.limit], shown))
    notes = [] if good else [_("No members are known who could teach each other something.")]
    return snapshot.answer(GroupsAnswer, question, matches, not good, notes, members=len(members))


def _group(world: World, challenge: str, facing: set[str], size: int | None) -> Group:
    """The group, its most useful members kept where there are too many."""
    about = set(world.addressing(challenge))
    # A member who runs a practice has done it; one who took it over only with success.
    moved = [m for practice in about for m in world.moved(practice)]
    done = {(m.adopter, m.practice) for m in moved if RESULTS.get(m.result, 0.0) > 0.5}
    failed = {(m.adopter, m.practice) for m in moved} - done
    teaches = {
        m: tuple(p for p in world.involved.get(m, ()) if p in about and (m, p) not in failed)
        for m in facing
    }
    offered = {p for own in teaches.values() for p in own}
    learns = {m: tuple(sorted(offered - set(teaches[m]))) for m in facing}
    useful = sorted(facing, key=lambda m: (-len(teaches[m]), -len(learns[m]), m))
    return Group(challenge, tuple(sorted(useful[: size or SIZE])), teaches, learns)


def _match(namer: Namer, community: Entry, group: Group) -> GroupMatch:
    """The reason cites that the practices address the challenge or one below it."""
    world, size = namer.world, len(group.members)
    text = ngettext(
        "{count} member faces it, and some have done what others have not.",
        "{count} members face it, and some have done what others have not.",
        size,
    ).format(count=size)

    def member(iri: str) -> GroupMember:
        teaches, learns = namer.entries(group.teaches[iri]), namer.entries(group.learns[iri])
        return namer.named(GroupMember, iri, teaches=teaches, learns=learns)

    addressed = [
        (practice, c)
        for practice in world.several(sorted({p for m in group.members for p in group.teaches[m]}))
        for c in practice.links(PSR + "addresses")
        if group.challenge in world.broader(c)
    ]
    cited = [*cite(community, PSR + "addresses", [group.challenge])]
    cited += [t for practice, c in addressed for t in cite(practice, PSR + "addresses", [c])]
    cited += cite(world.get(group.challenge), DCT + "title")
    members = tuple(surviving(group.members, member))
    reason = Reason("group", text, tuple(cited))
    return namer.match(GroupMatch, group.challenge, group.score, [reason], members=members)
