"""Changes of a rollout as they are committed: PostgreSQL's notifications, over a connection of their own."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from canary.store.postgresql import ALIVE

log = logging.getLogger(__name__)

CHANNEL = "canary_rollout"

NAME = "canary notices"
"""What the server shows of the connection (``pg_stat_activity.application_name``)."""

AGAIN = 1.0
"""Seconds before a lost connection is opened again."""

_CONNECT = {
    "application_name": NAME,
    "autocommit": True,
    "connect_timeout": 5,
    **ALIVE,
}


def announce(connection: Connection, rollout: str) -> None:
    """Tell all who listen that the rollout has changed, when and if this transaction is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, rollout)))


class Notices:
    """Listens for changes of one rollout; where nobody can be listened to (SQLite), it does nothing.

    Attributes:
        listening: whether changes are told of now. A connection that was cut on its way may look alive for some
            seconds, so whoever listens must look for himself too, if seldom.
    """

    def __init__(self, engine: Engine, rollout: str) -> None:
        self._engine = engine
        self._rollout = rollout
        self.listening = False

    async def run(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` whenever the rollout has changed, or may have, until cancelled."""
        while self._engine.dialect.name == "postgresql":
            try:
                await self._listen(changed)
            except Exception as error:  # whatever it was: polling goes on, and the next try must come
                log.info("changes are looked for, and not told of, for the moment: %s", type(error).__name__)
            finally:
                self.listening = False
            await asyncio.sleep(AGAIN)

    async def _listen(self, changed: Callable[[], None]) -> None:
        from psycopg import AsyncConnection  # the driver is an extra  # noqa: PLC0415

        words, options = self._engine.dialect.create_connect_args(self._engine.url)
        how: dict[str, Any] = {**options, **_CONNECT}
        async with await AsyncConnection.connect(*words, **how) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self.listening = True
            changed()  # perhaps before it listened
            async for notice in connection.notifies():
                if notice.payload == self._rollout:
                    changed()
