"""Opening the database behind a store: SQLite in WAL mode or PostgreSQL, brought to the current schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, insert, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from canary.store.errors import StoreClash, StoreError, StoreRefused, StoreUnavailable, StoreUnusable
from canary.store.migrations import MIGRATIONS
from canary.store.postgresql import open_postgresql, was_clash
from canary.store.schema import metadata, schema_version

BUSY = 5.0
"""Seconds that a writer waits for another process's transaction."""

_STARTING = 0x63616E617279
"""The advisory lock of a replica that brings a PostgreSQL database to the current schema."""

_DEAD_WORDS = ("malformed", "not a database", "readonly", "permission denied", "unable to open")


def open_engine(state: str | Path) -> Engine:
    """The engine for a file path or a ``postgresql://`` URL, at the current schema.

    Raises:
        StoreError: it cannot be opened, is not a store, or was written by a newer version.
    """
    text = str(state)
    with translated(shown(text)):
        engine = _postgresql(text) if "://" in text else _sqlite(Path(text))
        _migrate(engine, shown(text))
    return engine


def reader(engine: Engine) -> Engine:
    """The same database for transactions that only read; each sees the store as it was at one moment."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ")
    return engine.execution_options(reading=True)


def shown(state: str) -> str:
    """A state's name without the password that a URL may hold."""
    if "@" not in state or "://" not in state:
        return state
    scheme, _, rest = state.partition("://")
    return f"{scheme}://...@{rest.rpartition('@')[2]}"


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn the database's errors into the store's, each with a remedy."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        raise _translate(error, where) from error
    except SQLAlchemyError as error:
        raise StoreUnusable(f"the state {where} cannot be used: {error}") from error
    except OSError as error:
        raise StoreUnusable(f"the state {where} cannot be opened: {error.strerror}") from error


def _translate(error: DBAPIError | PoolTimeout, where: str) -> StoreError:
    why = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    if any(word in why for word in _DEAD_WORDS):
        return StoreUnusable(
            f"the state {where} cannot be used: {why}; restore it from a backup, or move it away to begin anew"
        )
    if was_clash(error):
        return StoreClash(f"the state {where} was written by another process at the same moment: {why}")
    if isinstance(error, IntegrityError | DataError):
        return StoreRefused(f"the state {where} refused a row: {why}")
    return StoreUnavailable(f"the state {where} does not answer: {why}")


STATEMENTS = 32
"""Prepared statements that a connection keeps. Lists of ids make one of each length, and a long one is no small thing:
with the driver's 128 a process grew by some ten megabytes over its first hours."""

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # a commit is on the disk when it returns, as promised before a number is shown
    "temp_store=MEMORY",
    "cache_size=-200",  # the system keeps the file's pages anyway
)


def _sqlite(path: Path) -> Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    arguments = {"timeout": BUSY, "autocommit": True, "cached_statements": STATEMENTS}
    engine = create_engine(f"sqlite:///{path}", connect_args=arguments)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        if not connection.execute("PRAGMA page_count").fetchone()[0]:
            # an older file would be written to by this, and is as it is: its freed pages are used again
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL").close()
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # a writer that began as a reader cannot wait for the lock, it fails at once
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    @event.listens_for(engine, "commit")
    def _commit(connection: Connection) -> None:
        connection.exec_driver_sql("COMMIT")

    @event.listens_for(engine, "rollback")
    def _rollback(connection: Connection) -> None:
        if connection.connection.in_transaction:  # a BEGIN that found the lock taken began none
            connection.exec_driver_sql("ROLLBACK")

    return engine


def _postgresql(url: str) -> Engine:
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgresql", "postgres"}:
        raise StoreUnusable(
            f"the state {shown(url)} has an unknown scheme; expected a file or postgresql://..."
        )
    try:
        return open_postgresql(rest, BUSY)
    except ModuleNotFoundError:
        raise StoreUnusable(
            f"the state {shown(url)} needs a PostgreSQL driver; install it with pip install 'canary[fleet]'"
        ) from None


def _migrate(engine: Engine, where: str) -> None:
    with engine.begin() as connection:
        if (
            connection.dialect.name == "postgresql"
        ):  # replicas that start at once take turns; SQLite has but one writer
            connection.execute(select(func.pg_advisory_xact_lock(_STARTING)))
        metadata.create_all(connection, tables=[schema_version])
        version = connection.scalar(select(schema_version.c.version)) or 0
        if version > len(MIGRATIONS):
            raise StoreUnusable(
                f"the state {where} has schema {version}, this version knows {len(MIGRATIONS)}; upgrade canary"
            )
        for step in MIGRATIONS[version:]:
            step(connection)
        if version == 0:
            connection.execute(insert(schema_version).values(version=len(MIGRATIONS)))
        elif version < len(MIGRATIONS):
            connection.execute(update(schema_version).values(version=len(MIGRATIONS)))
