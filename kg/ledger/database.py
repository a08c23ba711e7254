"""The database of the ledger: SQLite in a file or in memory, or PostgreSQL by URL."""

from __future__ import annotations

import fcntl
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.pool import StaticPool

from kg.errors import KgError, NoSpace, Overloaded, StoreUnusable
from kg.ledger.tables import REVISION, metadata
from kg.text.i18n import gettext

#: seconds that a writer waits for its turn
WAIT = 20.0
#: names the advisory lock of writers in PostgreSQL
_LOCK = 0x70617373
_PRAGMAS = ("journal_mode=WAL", "busy_timeout=5000", "foreign_keys=ON")
#: what SQLite and PostgreSQL say where there is no room
_FULL = ("database or disk is full", "disk I/O error", "No space left", "DiskFull")


class Database:
    """Transactions on the tables of ``kg.ledger.tables``; safe from several threads.

    ``flush`` False lets a commit on SQLite return before it is on the disk. Raises StoreUnusable
    for a database that cannot be opened or that a newer release has written.
    """

    def __init__(self, url: str = "sqlite://", *, flush: bool = True) -> None:
        try:
            address = sa.make_url(url)
        except exc.ArgumentError as error:
            raise StoreUnusable("PASSERELLE_DATABASE is no database URL.") from error
        self._flushed = flush
        self.sqlite = address.get_backend_name() == "sqlite"
        self._file = Path(address.database) if self.sqlite and address.database else None
        #: one connection, one transaction at a time
        self._alone = threading.RLock() if self.sqlite and not self._file else None
        if self.sqlite:
            arguments = {"check_same_thread": False}
            pool = {"poolclass": StaticPool} if self._alone else {}
            self._engine = sa.create_engine(address, connect_args=arguments, **pool)
            _prepare_sqlite(self._engine, "FULL" if flush else "NORMAL")
        else:
            address = address.set(drivername="postgresql+psycopg")
            self._engine = sa.create_engine(
                address, pool_pre_ping=True, pool_size=20, connect_args={"connect_timeout": 5}
            )
        try:
            self._prepare()
        except KgError:
            self.close()
            raise

    @classmethod
    def in_file(cls, path: Path, *, flush: bool = True) -> Database:
        """Open a SQLite file, which is made readable by its owner only."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        return cls(f"sqlite:///{path}", flush=flush)

    @contextmanager
    def begin(self, *, writing: bool = True) -> Iterator[sa.Connection]:
        """Run a transaction, whole or not at all. Raises NoSpace, Overloaded or StoreUnusable."""
        if self._alone:
            with self._alone, self._transaction(writing) as connection:
                yield connection
        else:
            with self._transaction(writing) as connection:
                yield connection

    @contextmanager
    def _transaction(self, writing: bool) -> Iterator[sa.Connection]:
        with translated(), self._engine.connect() as connection:
            connection.execution_options(writing=writing)
            with connection.begin():
                yield connection

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep the writers of other processes away while the block runs; raises Overloaded.

        Between processes on one machine by a lock on a file, between copies on PostgreSQL by an
        advisory lock, which ends with its holder.
        """
        if self.sqlite:
            if self._file is None:
                yield
                return
            with self._file.with_name(self._file.name + ".lock").open("w") as stream:

                def locked() -> bool:
                    try:
                        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        return False
                    return True

                _wait(locked)
                yield
            return
        with translated(), self._engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            take = sa.select(sa.func.pg_try_advisory_lock(_LOCK))
            _wait(lambda: bool(connection.scalar(take)))
            try:
                yield
            finally:
                if not connection.invalidated:
                    connection.scalar(sa.select(sa.func.pg_advisory_unlock(_LOCK)))

    def flush(self) -> None:
        """Bring to the disk what a commit that did not wait for it has written."""
        if self.sqlite and not self._flushed:
            with translated(), self._engine.connect() as connection:
                connection.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _prepare(self) -> None:
        """Make the tables, or bring those of an earlier release up to date."""
        version = sa.table("alembic_version", sa.column("version_num"))
        with self.turn(), self.begin() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                metadata.create_all(connection)
                column = sa.Column("version_num", sa.String(32), primary_key=True)
                sa.Table("alembic_version", sa.MetaData(), column).create(connection)
                connection.execute(sa.insert(version), {"version_num": REVISION})
                return
            at = connection.scalar(sa.select(version.c.version_num))
            if at != REVISION:
                self._migrate(connection, str(at))

    @staticmethod
    def _migrate(connection: sa.Connection, at: str) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(files("kg") / "ledger" / "migrations"))
        try:
            ScriptDirectory.from_config(config).get_revision(at)
        except CommandError as error:
            raise StoreUnusable(
                f"The ledger was written by a newer release of Passerelle (schema {at});"
                " install that release, or restore a backup from before."
            ) from error
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _prepare_sqlite(engine: sa.Engine, synchronous: str) -> None:
    """Set up each connection, and begin transactions ourselves: those that write at once."""

    @sa.event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in (*_PRAGMAS, f"synchronous={synchronous}"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writing = connection.get_execution_options().get("writing", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _wait(take: Callable[[], bool]) -> None:
    """Try to take a lock until it is ours; raises Overloaded after WAIT seconds."""
    end, pause = time.monotonic() + WAIT, 0.002
    while not take():
        if time.monotonic() > end:
            raise Overloaded(gettext("Somebody else is writing. Try again in a moment."), 5)
        time.sleep(random.uniform(0, pause))
        pause = min(2 * pause, 0.1)


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the database into one sentence for a person."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        if any(text in reason or text in type(error).__name__ for text in _FULL):
            raise NoSpace(gettext("There is no space left to write. Try again later.")) from error
        if "database is locked" in reason:
            raise Overloaded(
                gettext("Somebody else is writing. Try again in a moment."), 5
            ) from error
        raise StoreUnusable(f"The ledger cannot be used: {reason}.") from error
