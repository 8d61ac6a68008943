"""How far people have been told of a rollout's decisions: of several processes that tell, one does."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select, update

from canary.core.model import Decision
from canary.store.book import touched
from canary.store.rows import decision_of
from canary.store.schema import decisions, told
from canary.store.upsert import insert_new


def claim(connection: Connection, rollout: str, events: Collection[str]) -> list[Decision]:
    """The decisions of these events that nobody was told of, in order; from now on they count as told.

    The first claim of a rollout only begins: what was decided before is told to nobody. Decisions of these events
    must be written one after the other, as those are that change the rollout: a later one has the higher id.
    """
    meant = (decisions.c.rollout == rollout, decisions.c.event.in_(sorted(events)))
    newest = connection.scalar(select(func.max(decisions.c.id)).where(*meant)) or 0
    if insert_new(connection, told, [{"rollout": rollout, "decision": newest}]):
        return []
    last = connection.scalar(select(told.c.decision).where(told.c.rollout == rollout)) or 0
    mine = update(told).where(told.c.rollout == rollout, told.c.decision == last, told.c.decision < newest)
    if touched(connection, mine.values(decision=newest)) != 1:
        return []
    fresh = select(decisions).where(*meant, decisions.c.id > last, decisions.c.id <= newest)
    return [decision_of(row) for row in connection.execute(fresh.order_by(decisions.c.id)).mappings()]
