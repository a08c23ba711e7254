"""Turns of writers in several processes, with nothing but what every engine keeps: inserts.

Of two updates at a time an engine may lose one, but no insert. So a writer notes a claim, looks
at all claims, and writes if its own is the only one. Of two who look, the later sees both.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from itertools import count

import pyoxigraph as ox

from kg.errors import Overloaded
from kg.stores.protocol import Binding, Values
from kg.text.i18n import gettext

#: seconds that a writer waits for its turn
WAIT = 20.0
#: seconds after which a claim without a write counts as left behind; more than an update may take
LEFT = 180.0
_CLAIMS = (
    "SELECT ?claim ?number { GRAPH $claims { ?claim a psr:Claim }"
    " OPTIONAL { GRAPH ?g { ?site psr:dataVersion ?number ; psr:base ?base } } }"
)


class Claims:
    """Claims in the graph ``name``; ``select`` and ``update`` run a query and an update."""

    def __init__(
        self,
        name: str,
        select: Callable[[str, Values], list[Binding]],
        update: Callable[[str], None],
    ) -> None:
        self._name, self._select, self._update = ox.NamedNode(name), select, update
        self._seen: dict[tuple[str, str], float] = {}

    def take(self) -> str:
        """Wait until nobody else writes and return our claim; raises Overloaded."""
        end = time.monotonic() + WAIT
        for attempt in count():
            mine = f"{self._name.value}/{uuid.uuid4().hex}"
            self._update(
                f"INSERT DATA {{ GRAPH {self._name} {{ {ox.NamedNode(mine)} a psr:Claim }} }}"
            )
            rows = self._select(_CLAIMS, {"claims": self._name})
            others = {(r["claim"], r.get("number", "")) for r in rows if r["claim"] != mine}
            left = self._left(others)
            if len(left) == len(others):
                self.give_back(*left)
                return mine
            self.give_back(mine)
            if time.monotonic() > end:
                break
            time.sleep(random.uniform(0, min(0.02 * 2**attempt, 0.5)))
        raise Overloaded(gettext("Somebody else is writing. Try again in a moment."), 5)

    def give_back(self, *claims: str) -> None:
        """Remove claims."""
        for claim in claims:
            self._update(f"DELETE WHERE {{ GRAPH {self._name} {{ {ox.NamedNode(claim)} ?p ?o }} }}")

    def _left(self, others: set[tuple[str, str]]) -> list[str]:
        """The claims of writers that are gone: nothing was written for a long time."""
        now = time.monotonic()
        self._seen = {key: self._seen.get(key, now) for key in others}
        return [claim for (claim, _), since in self._seen.items() if now - since > LEFT]
