"""What is PostgreSQL's own: how a connection waits, what its text may hold, and who may write in which order."""

from collections.abc import Generator
from functools import cache
from time import monotonic
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import DBAPIError

STATEMENT = 10.0
"""Seconds that a statement may take; calls of clients wait for some of them."""

ALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
"""How soon a server whose machine or network has vanished is noticed: after about 11 s."""

CONNECTIONS = 4
"""Connections that a process keeps; as many again when it is busy."""

_CLASHES = frozenset({"23505", "40001", "40P01"})  # unique violation, serialization failure, deadlock
_WRITING = 0x63616E  # the class of the advisory locks below


def open_postgresql(address: str, busy: float) -> Engine:
    """The engine for what follows ``postgresql://``.

    Args:
        busy: seconds that a connection, or a row that another process has locked, is waited for.

    Raises:
        ModuleNotFoundError: psycopg is not installed.
    """
    engine = create_engine(
        f"postgresql+psycopg://{address}",
        pool_pre_ping=True,  # a connection that the server has cut is replaced before it is used
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_timeout=busy,
        connect_args={"connect_timeout": int(busy), "tcp_user_timeout": int(busy * 1000), **ALIVE},
    )
    waits = {"statement_timeout": STATEMENT, "lock_timeout": busy, "idle_in_transaction_session_timeout": 60}

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, words: Any, options: Any) -> Any:
        return _impatient().connect(*words, **options)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        for name, seconds in waits.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, f"{int(seconds * 1000)}ms"))
        # a commit is on the disk when it returns, as promised before a number is shown; stricter is left as it is
        connection.execute(
            "SELECT set_config(name, 'on', false) FROM pg_settings "
            "WHERE name = 'synchronous_commit' AND setting = 'off'"
        )
        connection.commit()
        connection.adapters.register_dumper(str, _text_dumper())

    return engine


@cache
def _impatient() -> Any:
    """A connection that is given up when the server says nothing for longer than a statement may take.

    A server that hangs, or a balancer before it, keeps its connections alive: no time-out of the system's would help.
    """
    from psycopg import Connection, OperationalError  # the driver is an extra  # noqa: PLC0415

    class Impatient(Connection):
        def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
            return super().wait(self._watched(gen), *args, **options)

        def _watched(self, gen: Any) -> Generator[Any, Any, Any]:
            until = monotonic() + STATEMENT
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if not ready and monotonic() > until:
                        self.pgconn.finish()
                        raise OperationalError(f"no answer within {STATEMENT:g} s")
                    wanted = gen.send(ready)
            except StopIteration as end:
                return end.value

    return Impatient


@cache
def _text_dumper() -> type:
    """Writes text as PostgreSQL can keep it: clients may send NUL and broken Unicode, SQLite takes both."""
    from psycopg.types.string import StrDumper  # the driver is an extra  # noqa: PLC0415

    class Text(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8"))

    return Text


def was_clash(error: object) -> bool:
    """Whether another transaction of the same moment was in the way, and only that."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _CLASHES


def take_turns(connection: Connection, rollout: str) -> None:
    """Let one transaction at a time write purchases of a rollout, until it ends.

    Serials are then given in the order of commits, so that a reader that remembers the last one passes none over, and
    two replicas cannot give one id out at the same moment. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        number = crc32(rollout.encode()) - (1 << 31)
        connection.execute(select(func.pg_advisory_xact_lock(_WRITING, number)))
