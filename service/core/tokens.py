"""Tokens for writing: made on the command line, kept as hashes, named after who holds them."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kg.errors import NotFound, StoreUnusable, refused

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
#: names of our own agents: what they wrote is not somebody's edit
RESERVED = {"starter", "import", "session", "upgrade"}


def check_label(label: str, field: str = "label") -> None:
    """Raise Refused for a name of an organisation that is no slug or is a name of our own."""
    if not LABEL.fullmatch(label) or label.partition("-")[0] in RESERVED:
        raise refused(
            field,
            f"The label {label!r} cannot be used.",
            value=label,
            hint="Name the organisation with a-z, 0-9 and hyphens, not one of our own names.",
        )


@dataclass(frozen=True)
class KnownToken:
    """Who holds a token, its SHA-256 and the day it was made; never the token itself."""

    label: str
    sha256: str
    created: str


class Tokens:
    """The tokens of a home. A file changed by another process is read again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._tokens: list[KnownToken] = []

    def create(self, label: str) -> str:
        """Make a new token of 32 random bytes; it cannot be shown again.

        Raises Refused for a label that is no slug or is a name of our own.
        """
        check_label(label)
        secret = secrets.token_urlsafe(32)
        made = KnownToken(label, _hash(secret), datetime.now(UTC).date().isoformat())
        with self._alone():
            self._save([*self.all(), made])
        return secret

    def revoke(self, label: str) -> int:
        """Remove all tokens of a label and return how many; NotFound if there are none."""
        with self._alone():
            known = self.all()
            left = [token for token in known if token.label != label]
            if len(left) == len(known):
                raise NotFound(f"There is no token with the label {label!r}.")
            self._save(left)
        return len(known) - len(left)

    def all(self) -> list[KnownToken]:
        """All tokens, oldest first."""
        with self._lock:
            try:
                stat = self._path.stat()
            except FileNotFoundError:
                self._seen, self._tokens = None, []
                return []
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen != self._seen:
                self._tokens, self._seen = self._load(), seen
            return list(self._tokens)

    def holder(self, secret: str) -> str | None:
        """The label of a token, None for an unknown one; takes the same time for every token."""
        digest, label = _hash(secret), None
        for token in self.all():
            if hmac.compare_digest(token.sha256, digest):
                label = token.label
        return label

    def _load(self) -> list[KnownToken]:
        try:
            return [KnownToken(**row) for row in json.loads(self._path.read_text("utf-8"))]
        except (ValueError, TypeError) as error:
            raise StoreUnusable(
                f"{self._path} cannot be read; restore it, or remove it and make new tokens."
            ) from error

    def _save(self, tokens: list[KnownToken]) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".tokens-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump([asdict(token) for token in tokens], stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(self._path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the file at the same time."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
