"""What objects over one rollout's rows share: its name, the store's transactions, and how many rows were touched."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, cast

from sqlalchemy import Connection, CursorResult
from sqlalchemy.sql.base import Executable

type Opened = Callable[[], AbstractContextManager[Connection]]


class Book:
    """Rows of one rollout, shared by all of its processes.

    Every method of a book raises ``StoreError`` when the database does not do what was asked; nothing is changed then.

    Args:
        write, read: open the store's transactions.
    """

    def __init__(self, rollout: str, write: Opened, read: Opened) -> None:
        self._rollout = rollout
        self._write = write
        self._read = read

    def _change(self, statement: Executable) -> int:
        """Carry out one statement in a transaction of its own; how many rows it changed."""
        with self._write() as connection:
            return touched(connection, statement)


def touched(connection: Connection, statement: Executable) -> int:
    """Carry out a statement; how many rows it changed."""
    return cast("CursorResult[Any]", connection.execute(statement)).rowcount
