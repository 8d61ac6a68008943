"""Webhooks on their way to the client: written before the provider hears that they were taken, gone once delivered.

    waiting ──sent, and taken──> done (the body is erased; the row stays for a while to tell repetitions)
       └──too old──> done

Messages of one lane are delivered in the order in which they came. Whoever sends one moves its time first, so that of
several processes one does, and another tries again should it die.
"""

from dataclasses import dataclass, field

from sqlalchemy import and_, delete, exists, func, select, update

from canary.core.model import Arm, Lease
from canary.store import leases
from canary.store.book import Book
from canary.store.rows import Row
from canary.store.schema import outbox
from canary.store.upsert import insert_new

KEEP = 6 * 3600.0
"""Seconds that a delivered message is known by; SMS-Activate repeats for two hours (protocol.md section 7)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook. Times are seconds since the epoch.

    ``digest`` tells a repetition. ``lane``: what is delivered in order, a lease as a rule. ``source``: the address
    that it came from. ``body`` is what the client gets. ``tries``: how often it was sent in vain.
    """

    arm: Arm
    digest: str
    lane: str
    source: str
    content_type: str
    body: bytes = field(repr=False)
    at: float
    next_at: float
    tries: int = 0
    serial: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the client does not have yet: how many, and since when the oldest waits."""

    n: int = 0
    since: float | None = None


class Outbox(Book):
    """The webhooks of one rollout."""

    def put(self, message: Message, lease: Lease | None = None, *, forward: bool = True) -> bool:
        """Write a message and what it did to its lease; ``False`` when it had come before: nothing is changed then.

        Args:
            forward: whether anybody is to be told; otherwise it is only known from then on.
        """
        row = {name: getattr(message, name) for name in _FIELDS} | {"rollout": self._rollout}
        row |= {"done_at": None} if forward else {"done_at": message.at, "body": b""}
        with self._write() as connection:
            if not insert_new(connection, outbox, [row]):
                return False
            if lease is not None:
                leases.update(connection, self._rollout, [lease])
            return True

    def due(self, now: float, limit: int) -> list[Message]:
        """The messages that may be sent: the first of each lane, when its time has come."""
        earlier = outbox.alias()
        before = exists().where(
            earlier.c.rollout == self._rollout,
            earlier.c.lane == outbox.c.lane,
            earlier.c.serial < outbox.c.serial,
            earlier.c.done_at.is_(None),
        )
        statement = (
            select(outbox)
            .where(
                outbox.c.rollout == self._rollout,
                outbox.c.done_at.is_(None),
                outbox.c.next_at <= now,
                ~before,
            )
            .order_by(outbox.c.next_at, outbox.c.serial)
            .limit(limit)
        )
        with self._read() as connection:
            return [_message(row) for row in connection.execute(statement).mappings()]

    def claim(self, message: Message, until: float) -> bool:
        """Whether this process is the one to send it; another one may try at ``until``."""
        mine = and_(
            outbox.c.serial == message.serial, outbox.c.next_at == message.next_at, outbox.c.done_at.is_(None)
        )
        return self._change(update(outbox).where(mine).values(next_at=until)) == 1

    def delivered(self, message: Message, now: float) -> None:
        """It was taken, or is given up: its body is erased."""
        values = {"done_at": now, "body": b""}
        self._change(update(outbox).where(outbox.c.serial == message.serial).values(values))

    def put_off(self, message: Message, next_at: float) -> None:
        """It was not taken, and is sent again then."""
        values = {"next_at": next_at, "tries": message.tries + 1}
        self._change(update(outbox).where(outbox.c.serial == message.serial).values(values))

    def forget(self, now: float) -> None:
        """Drop the rows of messages that nobody repeats any more."""
        old = (outbox.c.rollout == self._rollout, outbox.c.done_at < now - KEEP)
        self._change(delete(outbox).where(*old))

    def waiting(self) -> Waiting:
        """What the client does not have yet."""
        where = (outbox.c.rollout == self._rollout, outbox.c.done_at.is_(None))
        with self._read() as connection:
            n, since = connection.execute(select(func.count(), func.min(outbox.c.at)).where(*where)).one()
        return Waiting(n, since)


_FIELDS = ("arm", "digest", "lane", "source", "content_type", "body", "at", "next_at", "tries")


def _message(row: Row) -> Message:
    return Message(
        **{name: row[name] for name in _FIELDS} | {"arm": Arm(row["arm"]), "serial": row["serial"]}
    )
