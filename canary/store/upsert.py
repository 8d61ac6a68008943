"""Insert or replace rows, in the words of the database at hand."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

type _Insert = sqlite.Insert | postgresql.Insert


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, each with all columns; one whose primary key is there already replaces the old one whole."""
    if rows:
        connection.execute(_replacing(connection.dialect.name, table), rows)


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows; one that is there already, by any unique key, is left as it is. How many were inserted."""
    if not rows:
        return 0
    return connection.execute(_keeping(connection.dialect.name, table), rows).rowcount


def add_up(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows; one whose primary key is there already adds its ``n`` to that one's."""
    if rows:
        statement = _insert(connection.dialect.name, table)
        keys = [column.name for column in table.primary_key]
        added = {"n": table.c.n + statement.excluded.n}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=added), rows)


# Composing these statements costs more than carrying them out, and every purchase needs both.


@cache
def _replacing(dialect: str, table: Table) -> _Insert:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    changed = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


@cache
def _keeping(dialect: str, table: Table) -> _Insert:
    return _insert(dialect, table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def _insert(dialect: str, table: Table) -> _Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
