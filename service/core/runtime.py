"""What a running service holds: the home opened once, and closed in order."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Callable
from functools import partial
from typing import Self, cast

from flask import current_app

from kg import starter
from kg.catalogue.places import Places
from kg.entries.intake import BatchReport, Intake
from kg.entries.validation import Validator
from kg.errors import Forbidden, KgError, StoreUnusable
from kg.ledger.database import Database
from kg.ledger.ledger import Ledger
from kg.sparql.pool import QueryPool
from kg.sparql.query import Limits, QueryEngine
from kg.sparql.scan import MAX_QUERY
from kg.sparql.service_description import Describer
from kg.stores.embedded import EmbeddedStore
from kg.stores.protocol import Change, Store
from kg.text.i18n import gettext
from matcher.encoding.e5 import ModelDamaged
from matcher.encoding.embedder import (
    DEFAULT,
    Embedder,
    ModelUnusable,
    SentenceEmbedder,
    check_folder,
)
from matcher.encoding.reranker import Reranker
from matcher.judging.criteria import WEIGHTS
from matcher.judging.fit import read_weights
from matcher.matcher import Matcher
from service.core.accounts import Accounts
from service.core.audit import Audit
from service.core.metrics import Metrics
from service.core.query_log import QueryLog
from service.core.rate_limit import Window
from service.core.rights import Principal
from service.core.sessions import Sessions
from service.core.settings import Settings
from service.core.tokens import Tokens
from service.core.upgrade import bring_over
from service.core.votes import Votes

#: what is being done, and how much of it: a share from 0 to 1
Tell = Callable[[str, float], None]
AGENT = "starter"
#: the ledger's file in a home, and what it calls the starter graph that was loaded
LEDGER, STARTER = "ledger.sqlite", "starter graph"
#: how many wrong tokens and failed sign-ins of one address are looked at in a minute
FAILURES_A_MINUTE = 10
#: seconds after which a change that is still open was left by a writer that has ended
LEFT_OPEN = 10.0
POLL = 0.5
LISTING, INDEXING = "Reading the entries into the catalogue", "Reading the entries into the index"
RETRY = 10.0
log = logging.getLogger("passerelle")


def silent(what: str, share: float) -> None:
    """Tell nobody."""


def open_graph(settings: Settings, tell: Tell = silent) -> Intake:
    """Open the store of a home, with the starter graph of this release in it.

    Raises StoreUnusable if another process holds it or it was made for another base.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    ledger = open_ledger(settings)
    store: Store
    if settings.engine is None:
        store = EmbeddedStore(settings.base, settings.home / "store", ledger)
    else:
        from kg.stores.remote.http import Engine
        from kg.stores.remote.store import RemoteStore

        store = RemoteStore(settings.base, Engine(settings.engine), ledger)
    intake = Intake(store, Validator())
    bring_over(intake.store, settings.home)
    if settings.starter:
        _bring_starter(intake, tell)
    return intake


def open_ledger(settings: Settings) -> Ledger:
    """Open the ledger of a home; raises StoreUnusable."""
    settings.home.mkdir(parents=True, exist_ok=True)
    if settings.database:
        return Ledger(Database(settings.database, flush=settings.flush))
    return Ledger(Database.in_file(settings.home / LEDGER, flush=settings.flush))


def _open_queries(settings: Settings, store: Store) -> QueryEngine:
    limits = Limits(
        settings.sparql_seconds,
        settings.sparql_memory,
        settings.sparql_rows,
        settings.sparql_bytes,
        settings.sparql_concurrent,
        settings.sparql_queue,
    )
    if settings.engine is None:
        return QueryPool(cast(EmbeddedStore, store), settings.home / "snapshots", limits)
    from kg.sparql.remote import RemoteQueries
    from kg.stores.remote.http import Engine

    return RemoteQueries(Engine(settings.engine), store.version, limits)


def _bring_starter(intake: Intake, tell: Tell) -> None:
    """Load the starter graph at the first start, a changed one at a later start.

    What was edited, removed or merged here stays so. The ledger keeps which one was loaded, and
    what of it was kept or refused.
    """
    store, digest = intake.store, starter.digest()
    if json.loads(store.ledger.value(STARTER) or "{}").get("digest") == digest:
        return
    tell("Loading the starter graph", 0.0)
    report = BatchReport()
    with store.exclusive():
        if store.version() == 0:
            store.write([Change(e.iri, e) for e in starter.entries(store.base)], AGENT, "create")
        else:
            report = intake.submit_many(starter.entries(store.base), AGENT, keep_others=True)
    if report.kept or report.refused:
        log.warning(
            "The new starter graph left %d edited entries alone and had %d refused.",
            len(report.kept),
            len(report.refused),
        )
    body = {"digest": digest, "kept": report.kept, "refused": sorted(report.refused)}
    store.ledger.put(STARTER, json.dumps(body))
    tell("Loading the starter graph", 1.0)


def make_embedder(settings: Settings, tell: Tell = silent) -> Embedder:
    """Load the model that the settings name; StoreUnusable if its files are damaged."""
    try:
        return SentenceEmbedder(settings.model, settings.home, tell)
    except ModelDamaged as error:
        raise StoreUnusable(str(error)) from error


class Matching:
    """Store, guard and matcher of one home, without threads; what one command needs.

    ``embedder`` replaces the model that the settings name.
    """

    def __init__(
        self, settings: Settings, embedder: Embedder | None = None, tell: Tell = silent
    ) -> None:
        self.settings = settings
        if embedder is None and settings.model != DEFAULT:
            check_folder(settings.model)
        self.intake = open_graph(settings, tell)
        self.store = self.intake.store
        self.embedder = embedder or make_embedder(settings, tell)
        weights = read_weights(settings.weights) if settings.weights else WEIGHTS
        reranker = Reranker(settings.reranker) if settings.reranker else None
        self.matcher = Matcher(self.store, self.embedder, settings.home, weights, reranker)
        self.catalogue = self.matcher.catalogue

    def close(self) -> None:
        """Close the index and the ledger."""
        self.matcher.close()
        self.store.ledger.database.close()

    def __enter__(self) -> Self:
        """Give the object itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()


class Runtime(Matching):
    """What a running service holds: also query workers, tokens and a thread.

    The thread keeps the index caught up; ``ready`` says when it first was.
    """

    def __init__(
        self, settings: Settings, embedder: Embedder | None = None, tell: Tell = silent
    ) -> None:
        super().__init__(settings, embedder, tell)
        self._tell = tell
        self.tokens = Tokens(self.store.ledger.database)
        self.accounts = Accounts(self.store.ledger.database)
        self.sessions = Sessions(self.store.ledger.database, self.tokens, self.accounts)
        self.audit = Audit(self.store.ledger.database)
        self.votes = Votes(self.store.ledger)
        #: attempts to be let in that failed, by address
        self.failures = Window(FAILURES_A_MINUTE, 60)
        self.queries = _open_queries(settings, self.store)
        self.metrics = Metrics()
        self.query_log = QueryLog(settings.home, self.metrics)
        self.limits_header = limits_header(settings)
        self.describer = Describer(self.store, self.queries)
        for name, meaning, value in (
            ("data_version", "Writes so far.", self.store.version),
            ("index_lag", "Entries that the index is behind.", self.matcher.index.lag),
            ("index_failed", "Entries that the model cannot read.", lambda: self.matcher.failed),
            ("ready", "Whether questions can be answered.", lambda: self.ready),
        ):
            self.metrics.gauge(name, meaning, value)
        #: why the model can never be used, if so
        self.unusable: ModelUnusable | None = None
        self._caught_up = threading.Event()
        self._stopping, self._written = threading.Event(), threading.Event()
        self._preparing = threading.Thread(target=self._prepare, name="places", daemon=True)
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether questions can be answered: the index was caught up once.

        It stays so while the index is behind, which ``lag`` tells.
        """
        return self._caught_up.is_set() and not self.unusable and not self._stopping.is_set()

    def wait_ready(self, seconds: float | None = None) -> bool:
        """Wait until the index was caught up, or never will be; return ``ready``."""
        self._caught_up.wait(seconds)
        return self.ready

    @property
    def places(self) -> Places:
        """The places that people can name."""
        return self.matcher.atlas.places

    def still(self, who: Principal) -> Principal:
        """Whoever began a request, with what they may do now; Forbidden where that ended."""
        now = self.tokens.still(who.token) if who.token else None
        now = self.accounts.still(who.account) if who.account else now
        if now is None:
            raise Forbidden(gettext("This token or account was revoked meanwhile."))
        return now

    def written(self) -> None:
        """Say that there was a write, so that the index follows at once."""
        self._written.set()

    def _follow(self) -> None:
        """Keep the index caught up until the end; an error is logged and tried again."""
        seen, wait = -1, POLL
        while not self._stopping.is_set():
            self._written.clear()
            try:
                self.store.settle(LEFT_OPEN)
                self.store.ledger.database.flush()
                if seen < 0:
                    self.embedder.encode(["ready"])
                if seen != self.store.version():
                    # It may stand before a change that another copy has not closed yet.
                    stands = self.catalogue.snapshot(partial(self._progress, LISTING)).version
                    self.matcher.catch_up(partial(self._progress, INDEXING))
                    seen = stands
                    if not self._caught_up.is_set():
                        self._caught_up.set()
                        self._preparing.start()
                self.catalogue.tidy()
                wait = POLL
            except _Stopped:
                return
            except ModelUnusable as error:
                log.error("%s", error)
                self.unusable = error
                self._caught_up.set()
                return
            except Exception as error:  # the thread must outlive whatever a model throws
                # Without the message: it may quote the text of an entry.
                place, name = (
                    "".join(traceback.format_tb(error.__traceback__)),
                    type(error).__name__,
                )
                log.error("The index could not follow the graph; trying again. %s\n%s", name, place)
                wait = RETRY
            self.query_log.flush()
            self._written.wait(wait)

    def _prepare(self) -> None:
        """Write the names of places, which takes seconds at the first start of a release."""
        try:
            self.matcher.atlas.prepare()
        except KgError as error:  # whoever asks for a place is told, and it is tried again
            log.warning("The names of places could not be written yet: %s", error)

    def _progress(self, what: str, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise _Stopped
        if not self._caught_up.is_set():
            self._tell(what, done / max(total, 1))

    def close(self) -> None:
        """Stop the thread, end the query workers and close the index."""
        self._stopping.set()
        self._written.set()
        self._thread.join(30)
        if self._preparing.is_alive():
            self._preparing.join(30)
        self._caught_up.set()
        self.queries.close()
        self.query_log.close()
        super().close()


class _Stopped(Exception):
    """The runtime is closing."""


def limits_header(settings: Settings) -> str:
    """Every limit as a dictionary of RFC 8941; sizes in bytes, times in seconds."""
    known = {
        "time": settings.sparql_seconds,
        "memory": settings.sparql_memory,
        "rows": settings.sparql_rows,
        "bytes": settings.sparql_bytes,
        "concurrent": settings.sparql_concurrent,
        "queue": settings.sparql_queue,
        "query": MAX_QUERY,
        "rate": settings.rate,
        "burst": settings.burst,
    }
    return ", ".join(f"{name}={value:.10g}" for name, value in known.items())


def current() -> Runtime:
    """The runtime of the application that answers the present request."""
    return cast(Runtime, current_app.extensions["passerelle"])
