"""Which of several controllers leads: on PostgreSQL the one whose connection holds an advisory lock."""

import contextlib
from zlib import crc32

from sqlalchemy import Connection, Engine, func, select

from canary.store.engine import translated
from canary.store.errors import StoreError

_LEADING = 0x63616F  # the class of these locks

_ALIVE = {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3}
"""How soon the server lets go of the lock of a leader whose machine has vanished: after about 11 s."""


class Leadership:
    """One controller's claim to lead a rollout.

    The lock is the session's: when the connection or its process ends, the next controller that tries has it. On
    SQLite every controller leads, and each tick is guarded by its number as it is on PostgreSQL too: whoever believes
    to lead although another one does writes nothing.
    """

    def __init__(self, engine: Engine, where: str, rollout: str) -> None:
        self._engine = engine
        self._where = where
        self._number = crc32(rollout.encode()) - (1 << 31)
        self._alone = engine.dialect.name != "postgresql"
        self._session: Connection | None = None
        self._held = False

    def held(self) -> bool:
        """Whether this controller leads now; one that does not tries to.

        Raises:
            StoreError: the store cannot be asked; nobody leads from here.
        """
        if self._alone:
            return True
        try:
            with translated(self._where):
                self._held = self._holds()
        except StoreError:
            self.give_up()
            raise
        return self._held

    def _holds(self) -> bool:
        if self._session is None:
            self._session = self._open()
        if self._held:  # as long as its session lives
            self._session.scalar(select(1))
            return True
        return bool(self._session.scalar(select(func.pg_try_advisory_lock(_LEADING, self._number))))

    def _open(self) -> Connection:
        session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        session.detach()  # the pool must not hand it on
        for name, value in _ALIVE.items():
            session.execute(select(func.set_config(name, str(value), False)))
        return session

    def give_up(self) -> None:
        """Lead no more; harmless when it never did."""
        session, self._session, held, self._held = self._session, None, self._held, False
        if session is None:
            return
        with contextlib.suppress(Exception):  # it may be gone already
            if held:  # at once, and not when the server notices that the session has ended
                session.execute(select(func.pg_advisory_unlock(_LEADING, self._number)))
        with contextlib.suppress(Exception):
            session.close()
