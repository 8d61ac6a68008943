"""The transactions of a store: one for reading, one for writing, and one that is begun anew after a clash."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection

from canary.store.engine import open_engine, reader, shown, translated
from canary.store.errors import StoreClash
from canary.store.leadership import Leadership
from canary.store.notices import Notices

TRIES = 5
"""How often a transaction is begun anew that met another process's at the same moment."""


class Database:
    """An open database at the current schema.

    Args:
        state: a file path (SQLite), or a ``postgresql://`` URL.
        shared: whether other proxies bind leases in the same file; on PostgreSQL they always may.

    Attributes:
        name: without the password that a URL may hold.
        shared: whether other proxies may bind leases here too.
    """

    def __init__(self, state: str | Path, *, shared: bool = False) -> None:
        self.name = shown(str(state))
        self._engine = open_engine(state)
        self._reader = reader(self._engine)
        self.shared = shared or self._engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def leadership(self, rollout: str) -> Leadership:
        """A controller's claim to lead a rollout."""
        return Leadership(self._engine, self.name, rollout)

    def notices(self, rollout: str) -> Notices:
        """What tells of changes of a rollout."""
        return Notices(self._engine, rollout)

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with translated(self.name), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with translated(self.name), self._reader.connect() as connection:
            yield connection

    def _write_anew[Result](self, do: Callable[[Connection], Result]) -> Result:
        """``do`` in a transaction of its own, and again in another when a replica wrote the like meanwhile."""
        for _ in range(TRIES - 1):
            with suppress(StoreClash), self._write() as connection:
                return do(connection)
        with self._write() as connection:
            return do(connection)
