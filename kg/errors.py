"""What can go wrong in the graph; nothing here knows of HTTP or the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A fault in what was sent.

    ``path`` names the field, ``hint`` says how to repair it, ``severity`` is
    ``violation`` (refused) or ``warning`` (accepted, and told).
    """

    path: str
    message: str
    value: str | None = None
    hint: str | None = None
    shape: str | None = None
    severity: str = "violation"

    def as_dict(self) -> dict[str, str | None]:
        """The fields as a JSON object of the contract."""
        names = ("path", "value", "message", "hint", "shape", "severity")
        return {name: getattr(self, name) for name in names}


class KgError(Exception):
    """The base of every error of the graph; its text is one sentence for a person."""


class Malformed(KgError):
    """The bytes cannot be read as what they claim to be."""


class TooLarge(KgError):
    """What was sent is larger than the limit."""


class UnknownFormat(KgError):
    """A media type or file format that is not read or written here."""


class NotFound(KgError):
    """No entry has this name."""


class Exists(KgError):
    """An entry with this name is there already."""


class InUse(KgError):
    """An entry cannot be deleted while others link to it."""


class Removed(KgError):
    """The entry was removed; its name is not given again. ``version`` is its last, ``at`` when."""

    def __init__(self, message: str, iri: str, at: str, version: int, reason: str | None) -> None:
        super().__init__(message)
        self.iri, self.at, self.version, self.reason = iri, at, version, reason


class Merged(KgError):
    """The entry was merged into another, ``target``."""

    def __init__(self, message: str, iri: str, target: str) -> None:
        super().__init__(message)
        self.iri, self.target = iri, target


class VersionMissing(KgError):
    """A write of an entry that exists does not say which version of it was seen."""


class Forbidden(KgError):
    """Whoever asks may not do this."""


class NoSpace(KgError):
    """There is no room left on the disk."""


class Changed(KgError):
    """The entry is not the version that the caller last saw."""


class Refused(KgError):
    """What was sent was understood and cannot be accepted; ``problems`` says why."""

    def __init__(self, message: str, problems: list[Problem]) -> None:
        super().__init__(message)
        self.problems = problems


class QueryRefused(KgError):
    """A query asks for something that the public endpoint does not do."""


class LimitExceeded(KgError):
    """A query ran into a limit; ``limit`` names the setting."""

    def __init__(self, message: str, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


class Overloaded(KgError):
    """Too much is waiting; ``retry_after`` is in seconds, ``limit`` names the setting if any."""

    def __init__(self, message: str, retry_after: int = 1, limit: str | None = None) -> None:
        super().__init__(message)
        self.retry_after, self.limit = retry_after, limit


class StoreUnusable(KgError):
    """The store cannot be opened: held by another process, or of another base IRI."""


class EngineRefused(StoreUnusable):
    """The engine answered that it will not do what was asked of it."""


class ImportFailed(KgError):
    """A file cannot be imported at all."""


def refused(
    path: str, message: str, *, value: str | None = None, hint: str | None = None
) -> Refused:
    """A refusal with a single problem."""
    return Refused(message, [Problem(path, message, value=value, hint=hint)])
