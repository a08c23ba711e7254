"""Questions as a request sends them, put to a matcher through its door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from matcher.kinds import KINDS
from matcher.matcher import Matcher
from matcher.model.answer import Answer
from matcher.model.filters import Filters, Target


@dataclass(frozen=True)
class Question:
    """What is asked, in the words of the API; ``entry`` goes under the key of its class."""

    text: str | None = None
    entry: str | None = None
    lang: str | None = None
    limit: int = 10
    filters: Filters = field(default_factory=Filters)
    territory: str | None = None
    target: Target = field(default_factory=Target)
    kinds: tuple[str, ...] = ()
    weights: Mapping[str, object] = field(default_factory=dict)
    what_if: Mapping[str, object] | None = None
    why_not: str | None = None
    actor_types: tuple[str, ...] = ()
    amount: float | None = None
    partners: int | None = None
    rules: Mapping[str, object] = field(default_factory=dict)
    size: int | None = None
    diversity: str | None = None
    quota: int | None = None

    def sent(self, kind: str) -> dict[str, object]:
        """The question as a request of a kind."""
        raw = {k: v for k, v in vars(self).items() if v not in (None, ()) and (v or k == "what_if")}
        raw |= {name: _stated(raw[name]) for name in ("filters", "target")}
        if self.entry is not None:
            path = self.entry.rsplit("/", 2)[-2] if self.entry.count("/") > 1 else ""
            raw[KINDS[kind].key_of(path)] = raw.pop("entry")
        return raw


def _stated(value: object) -> dict[str, object]:
    return {k: v for k, v in asdict(value).items() if v not in (None, ())}  # type: ignore[call-overload]


def put(matcher: Matcher, kind: str, question: Question) -> Answer:
    """The answer to a question of a kind."""
    return matcher.ask(kind, question.sent(kind))
