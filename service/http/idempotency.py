"""``Idempotency-Key``: a request that may be sent again is carried out once.

The same key with the same body is answered as the first time, for a day; keys belong to a token and
a path. What failed is not kept: it may be tried again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import sqlalchemy as sa
from flask import Response, request
from werkzeug.exceptions import Conflict

from kg.errors import refused
from kg.ledger.tables import idempotency
from kg.text.i18n import gettext
from service.core.runtime import current
from service.http.permissions import writer

HEADER = "Idempotency-Key"
MAX_KEY = 255
#: seconds that an answer is kept, and that a first request may take
KEPT, LONGEST = 86_400.0, 60.0
_HEADERS = ("Content-Type", "ETag", "Location")
View = Callable[[], Response]


class StillRunning(Conflict):
    """The first request with a key is not answered yet."""

    retry_after = 2

    def get_headers(self, *_: Any) -> list[tuple[str, str]]:  # noqa: ANN401
        """Say when to ask again."""
        return [("Retry-After", str(self.retry_after))]


def once(view: View) -> View:
    """Let a view that creates something answer a repeated request as it did the first.

    Raises Refused for a key that was used with another body, or that cannot be one, and
    StillRunning.
    """

    @wraps(view)
    def repeated() -> Response:
        if (key := request.headers.get(HEADER)) is None:
            return view()
        if not 0 < len(key) <= MAX_KEY or not key.isprintable():
            raise refused(
                HEADER,
                gettext("A key has 1 to %(most)s printable characters.", most=MAX_KEY),
                value=key[:80],
                hint=gettext("Send a new random key for each thing to create."),
            )
        # A key is kept by its digest, with whose it is and what for.
        scope = "\n".join((writer().token or writer().name, request.full_path, key))
        name = hashlib.sha256(scope.encode()).hexdigest()
        sent = request.mimetype.encode() + b"\n" + request.get_data()
        if answer := _known(name, hashlib.sha256(sent).hexdigest()):
            return answer
        database, own = current().store.ledger.database, idempotency.c.key == name
        try:
            answer = view()
        except BaseException:
            with database.begin() as connection:
                connection.execute(sa.delete(idempotency).where(own))
            raise
        kept = {field: answer.headers[field] for field in _HEADERS if field in answer.headers}
        row = {"status": answer.status_code, "headers": kept, "answer": answer.get_data()}
        with database.begin() as connection:
            connection.execute(sa.update(idempotency).where(own), row)
        return answer

    return repeated


def _known(name: str, body: str) -> Response | None:
    """The answer that was given before; None for a request that is the first, which is noted."""
    now, table = time.time(), idempotency
    with current().store.ledger.database.begin() as connection:
        # A first one that never ended, and a clock that went back, bar nobody.
        left = sa.and_(table.c.status.is_(None), table.c.at < now - LONGEST)
        old = sa.or_(table.c.at < now - KEPT, table.c.at > now + LONGEST, left)
        connection.execute(sa.delete(table).where(old))
        row = connection.execute(sa.select(table).where(table.c.key == name)).first()
        if row is None:
            connection.execute(sa.insert(table), {"key": name, "body": body, "at": now})
            return None
    if row.body != body:
        raise refused(
            HEADER,
            gettext("This key was used with another body."),
            hint=gettext("Send a new random key for each thing to create."),
        )
    if row.status is None:
        raise StillRunning(gettext("The first request with this key is still being answered."))
    return Response(row.answer, row.status, row.headers)
