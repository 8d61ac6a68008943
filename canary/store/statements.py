"""What the arms' own histories say of refunds that no balance has confirmed."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import exists, select, update

from canary.core.accounts import Word
from canary.core.model import Arm, Kind
from canary.core.money import Result
from canary.store.book import Book, touched
from canary.store.lists import chunks
from canary.store.schema import leases, statements
from canary.store.upsert import insert_new, upsert

MOST = 1000
"""Leases that are looked for at once."""

REMEMBERED = 30 * 86400.0
"""Seconds that a history goes back (SMS-Activate: 30 days)."""


class Wanted(NamedTuple):
    """A lease whose refund is due: the arm's own id of it, and when it was bought."""

    id: str
    opened_at: float


class Statements(Book):
    """Those of one rollout."""

    def turn(self, arm: Arm, now: float, every: float) -> bool:
        """Whether it is time to ask an arm; of several processes that want to, one is told so."""
        row = {"rollout": self._rollout, "arm": arm, "kind": "", "id": "", "at": 0.0, "word": ""}
        mine = (
            statements.c.rollout == self._rollout,
            statements.c.arm == arm,
            statements.c.kind == "",
            statements.c.id == "",
            statements.c.at <= now - every,
        )
        with self._write() as connection:
            insert_new(connection, statements, [row])
            return touched(connection, update(statements).where(*mine).values(at=now)) == 1

    def wanted(self, arm: Arm, due_before: float) -> list[Wanted]:
        """An arm's refunds that were due before then and that its history has not given back, the latest first.

        Those that a balance has confirmed are among them, since it does not say which refund came. None at all while
        nothing is missing.
        """
        due = (
            leases.c.rollout == self._rollout,
            leases.c.arm == arm,
            leases.c.kind == Kind.ACTIVATION,
            leases.c.result == Result.REFUND,
            leases.c.price.is_not(None),
            leases.c.due_at < due_before,
        )
        given_back = exists().where(
            statements.c.rollout == leases.c.rollout,
            statements.c.arm == leases.c.arm,
            statements.c.kind == leases.c.kind,
            statements.c.id == leases.c.id,
            statements.c.word == Word.REFUNDED,
        )
        recent = (*due, leases.c.due_at > due_before - REMEMBERED, ~given_back)
        chosen = (
            select(leases.c.id, leases.c.opened_at)
            .where(*recent)
            .order_by(leases.c.due_at.desc())
            .limit(MOST)
        )
        with self._read() as connection:
            if not connection.scalar(select(exists().where(*due, leases.c.refunded_at.is_(None)))):
                return []
            return [Wanted(row.id, row.opened_at) for row in connection.execute(chosen)]

    def note(self, arm: Arm, words: Mapping[str, Word], at: float) -> None:
        """Write what was said, by the arm's own ids; the latest word counts.

        What is still charged has not come back, whatever a balance seemed to show.
        """
        common = {"rollout": self._rollout, "arm": arm, "kind": Kind.ACTIVATION, "at": at}
        missing = [own for own, word in words.items() if word is not Word.REFUNDED]
        with self._write() as connection:
            upsert(
                connection, statements, [{**common, "id": own, "word": word} for own, word in words.items()]
            )
            for part in chunks(missing):
                charged = (
                    leases.c.rollout == self._rollout,
                    leases.c.arm == arm,
                    leases.c.kind == Kind.ACTIVATION,
                    leases.c.id.in_(part),
                )
                connection.execute(update(leases).where(*charged).values(refunded_at=None))
