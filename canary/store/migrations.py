"""The numbered steps that bring an older store to the tables of ``canary.store.schema``."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

from canary.store.schema import acks, history, leases, metadata, tallies


def _first(connection: Connection) -> None:
    metadata.create_all(connection)


def _history(connection: Connection) -> None:
    history.create(connection, checkfirst=True)


def _acks(connection: Connection) -> None:
    acks.create(connection, checkfirst=True)


def _whole_tables(connection: Connection) -> None:
    """The tables that are not there yet."""
    metadata.create_all(connection)


def _sums(connection: Connection) -> None:
    """Indices that sums and recent tallies are read from."""
    connection.execute(text("DROP INDEX IF EXISTS leases_by_result"))
    for table, name in ((leases, "leases_in_sum"), (tallies, "tallies_by_time")):
        (index,) = (one for one in table.indexes if one.name == name)
        index.create(connection, checkfirst=True)


MIGRATIONS: tuple[Callable[[Connection], Any], ...] = (
    *(_first, _history, _acks),
    *(_whole_tables, _whole_tables, _whole_tables),
    *(_sums, _whole_tables, _whole_tables),
)
"""Steps in order; the n-th brings a store to version n. A step is never changed once released."""
