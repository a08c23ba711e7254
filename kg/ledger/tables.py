"""The tables of the ledger; ``migrations`` brings a database of an earlier release to them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

#: the migration that these tables correspond to
REVISION = "0002"
metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"}
)

#: single values: the identity of the store, secrets, what was brought over from elsewhere
values = Table(
    "values",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

#: one row a change of the graph; ``number`` is the data version that it makes
changes = Table(
    "changes",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("agent", String(128), nullable=False),
    Column("person", String(64)),
    Column("job", String(64)),
    Column("action", String(32), nullable=False),
    Column("reason", Text),
    # tells this change from another that was given its number
    Column("mark", String(32), nullable=False),
    # when it was known to be in the graph, seconds of the clock; none while it is open
    Column("closed", Float),
    Column("opened", Float, nullable=False),
    Index("ix_changes_closed", "closed"),
    Index("ix_changes_job", "job"),
    Index("ix_changes_agent", "agent"),
)

#: what a change did to an entry; no difference where history began with it
parts = Table(
    "parts",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", String(512), primary_key=True),
    Column("action", String(16), nullable=False),
    # what an entry was merged into
    Column("target", String(512)),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("difference", LargeBinary),
    # the whole entry, while the change is open on an engine that may break off in the middle
    Column("state", LargeBinary),
    Index("ix_parts_entry_number", "entry", "number"),
)

#: what takes longer than a request, and what it came to
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("agent", String(128), nullable=False),
    Column("started", Float, nullable=False),
    Column("ended", Float),
    Column("report", JSON),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("countries", JSON, nullable=False),
    Column("communities", JSON, nullable=False),
    Column("organisation", String(512)),
    Column("created", Float, nullable=False),
    Column("expires", Float),
    Column("used", Float),
    Column("revoked", Float),
    Index("ix_tokens_name", "name"),
)

#: who signs in by OpenID Connect: issuer and subject, never an e-mail address or a name
accounts = Table(
    "accounts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("issuer", String(512), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("label", String(64), nullable=False),
    # whether an administrator tied it, or claims of the issuer
    Column("source", String(16), nullable=False),
    Column("role", String(16), nullable=False),
    Column("countries", JSON, nullable=False),
    Column("communities", JSON, nullable=False),
    Column("organisation", String(512)),
    Column("created", Float, nullable=False),
    Column("used", Float),
    Column("revoked", Float),
    Index("ix_accounts_issuer_subject", "issuer", "subject", unique=True),
)

#: who is signed in; ``rights`` is what they could do then: where it changed, the session is over
sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("token", String(32)),
    Column("account", String(32)),
    Column("rights", String(64), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("begun", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Index("ix_sessions_seen", "seen"),
)

#: what was answered to a request that may be sent again
idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("body", String(64), nullable=False),
    Column("at", Float, nullable=False),
    # none while the first is still being answered
    Column("status", Integer),
    Column("headers", JSON),
    Column("answer", LargeBinary),
    Index("ix_idempotency_at", "at"),
)

#: decisions of visitors on suggestions: counts, no text, time, address or pseudonym
votes = Table(
    "votes",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("candidate", String(512), primary_key=True),
    Column("about", String(512), primary_key=True),
    Column("territory", String(512), primary_key=True),
    Column("decision", String(32), primary_key=True),
    Column("count", Integer, nullable=False),
)

#: when each address voted in the last hour, by a keyed digest; it leads to no vote
voters = Table(
    "voters",
    metadata,
    Column("digest", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_voters_digest_at", "digest", "at"),
)

#: who was let in or turned away, and what was done to rights
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("event", String(32), nullable=False),
    Column("who", String(128), nullable=False),
    Column("detail", Text),
    Index("ix_audit_at", "at"),
)
