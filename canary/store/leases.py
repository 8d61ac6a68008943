"""Leases and purchases as rows: bound under a visible id of their own, found by it, merged when they change."""

import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, insert, or_, select, tuple_

from canary.core.aliases import alias
from canary.core.leases import LeaseEvent, apply, merge
from canary.core.model import Arm, Kind, Lease, LeaseState, Purchase
from canary.store import settled
from canary.store.lists import CHUNK, chunks, filled
from canary.store.rows import MAX_UNIT, lease_of, lease_row, purchase_of, purchase_row
from canary.store.schema import leases, purchases
from canary.store.upsert import insert_new, upsert


def bind(
    connection: Connection, rollout: str, bought: Sequence[tuple[Purchase, Sequence[Lease]]]
) -> list[tuple[Lease, ...]]:
    """Write purchases and their leases; each one's come back with the ids that the client may see.

    A lease comes with the id by which it might be shown; where another lease is known by that, it gets an alias. A
    lease that the store knows already (a rent that was prolonged, an order that was answered again) is joined with
    what is known of it. An id that the arm gave to another lease before belongs to the new one from now on; the former
    stays in the books under an id that no arm has.
    """
    insert_new(connection, purchases, [purchase_row(rollout, purchase) for purchase, _ in bought])
    new = [lease for _, leases_of_one in bought for lease in leases_of_one]
    if insert_new(connection, leases, [lease_row(rollout, lease) for lease in new]) == len(new):
        return [
            tuple(leases_of_one) for _, leases_of_one in bought
        ]  # as nearly always: none was known by its id
    written = {
        lease.lease_key: lease
        for (arm, kind), own in _own_ids(new).items()
        for lease in known(connection, rollout, arm, own, kind).values()
    }
    return [
        tuple(
            lease if written.get(lease.lease_key) == lease else _bound(connection, rollout, lease)
            for lease in leases_of_one
        )
        for _, leases_of_one in bought
    ]


def _own_ids(some: Iterable[Lease]) -> Mapping[tuple[Arm, Kind], list[str]]:
    found: defaultdict[tuple[Arm, Kind], list[str]] = defaultdict(list)
    for lease in some:
        found[lease.arm, lease.kind].append(lease.id)
    return found


def _bound(connection: Connection, rollout: str, lease: Lease) -> Lease:
    if insert_new(connection, leases, [lease_row(rollout, lease)]):
        return lease  # as nearly always: no lease was known by its id
    lease = shown(connection, rollout, lease)
    former = next(iter(_by_key(connection, rollout, [lease])), None)
    if former is not None and former.opened_at != lease.opened_at:
        _set_aside(connection, rollout, former, lease.opened_at)
    update(connection, rollout, [lease])
    return lease


def _set_aside(connection: Connection, rollout: str, former: Lease, at: float) -> None:
    """Let another lease have the id of one that is over, whatever had been heard of it."""
    key = tuple_(leases.c.arm, leases.c.kind, leases.c.id) == _key(former)
    connection.execute(leases.delete().where(leases.c.rollout == rollout, key))
    other = f"{former.id[:150]}~{former.purchase or former.opened_at}"
    ended = replace(apply(former, LeaseEvent.LIFETIME, at), id=other, visible_id=other)
    connection.execute(insert(leases), lease_row(rollout, ended))


def shown(connection: Connection, rollout: str, lease: Lease) -> Lease:
    """The lease with the id that clients may see."""
    asked = {
        "rollout": rollout,
        "arm": lease.arm,
        "kind": lease.kind,
        "id": lease.id,
        "visible": lease.visible_id,
    }
    met = connection.execute(_SAME_ID, asked).all()
    for arm, own, visible in met:
        if (arm, own) == (lease.arm, lease.id):
            return replace(lease, visible_id=visible)
    visible, taken = lease.visible_id, bool(met)
    while taken:
        visible = alias(lease.visible_id, secrets.randbits(64))
        taken = find(connection, rollout, lease.kind, visible) is not None
    return replace(lease, visible_id=visible)


# The lease itself, and the one that clients know by its id. Composed once: every purchase asks it.
_SAME_ID = (
    select(leases.c.arm, leases.c.id, leases.c.visible_id)
    .where(
        leases.c.rollout == bindparam("rollout"),
        leases.c.kind == bindparam("kind"),
        or_(
            leases.c.visible_id == bindparam("visible"),
            and_(leases.c.arm == bindparam("arm"), leases.c.id == bindparam("id")),
        ),
    )
    .with_for_update()
)


def adopt(connection: Connection, rollout: str, lease: Lease) -> Lease:
    """Write a lease first seen in traffic, unless its visible id is known; what the store then holds."""
    known = find(connection, rollout, lease.kind, lease.visible_id)
    if known is not None:
        return known
    connection.execute(insert(leases), lease_row(rollout, lease))
    return lease


def find(connection: Connection, rollout: str, kind: Kind, visible_id: str) -> Lease | None:
    """The lease that clients know by ``visible_id``."""
    where = (leases.c.rollout == rollout, leases.c.kind == kind, leases.c.visible_id == visible_id)
    row = connection.execute(select(leases).where(*where)).mappings().one_or_none()
    return None if row is None else lease_of(row)


def visible_ids(
    connection: Connection, rollout: str, arm: Arm, kind: Kind, own: Sequence[str]
) -> dict[str, str]:
    """Those of an arm's own ids that clients know by another one."""
    found: dict[str, str] = {}
    for part in chunks(own):
        where = (
            leases.c.rollout == rollout,
            leases.c.arm == arm,
            leases.c.kind == kind,
            leases.c.id.in_(part),
            leases.c.visible_id != leases.c.id,
        )
        rows = connection.execute(select(leases.c.id, leases.c.visible_id).where(*where))
        found.update((row.id, row.visible_id) for row in rows)
    return found


def known(
    connection: Connection, rollout: str, arm: Arm, own: Sequence[str], kind: Kind = Kind.ACTIVATION
) -> dict[str, Lease]:
    """Those of an arm's numbers of a kind that are leases, by the arm's own ids."""
    found: dict[str, Lease] = {}
    for part in chunks(own):
        where = (
            leases.c.rollout == rollout,
            leases.c.arm == arm,
            leases.c.kind == kind,
            leases.c.id.in_(part),
        )
        rows = connection.execute(select(leases).where(*where)).mappings()
        found |= {row["id"]: lease_of(row) for row in rows}
    return found


def issuers(connection: Connection, rollout: str) -> set[Arm]:
    """The arms that ever issued a lease."""
    wanted = {arm: exists().where(leases.c.rollout == rollout, leases.c.arm == arm) for arm in Arm}
    return {arm for arm, issued in wanted.items() if connection.scalar(select(issued))}


def live(connection: Connection, rollout: str, ended_after: float) -> list[Lease]:
    """The open leases, and those that ended after a time."""
    recent = or_(leases.c.state == LeaseState.OPEN, leases.c.ended_at > ended_after)
    rows = connection.execute(select(leases).where(leases.c.rollout == rollout, recent)).mappings()
    return [lease_of(row) for row in rows]


def update(connection: Connection, rollout: str, changed: Sequence[Lease]) -> None:
    """Write changed leases, each joined with what another replica wrote of it meanwhile.

    They are locked in the order of their keys: two replicas with batches of the same leases wait, but not for each
    other.
    """
    for part in batched(sorted(changed, key=_key), CHUNK):
        known = {lease.lease_key: lease for lease in _by_key(connection, rollout, part)}
        merged = [merge(known[x.lease_key], x) if x.lease_key in known else x for x in part]
        upsert(connection, leases, [lease_row(rollout, lease) for lease in merged])


def _by_key(connection: Connection, rollout: str, wanted: Sequence[Lease]) -> list[Lease]:
    where = (
        leases.c.rollout == rollout,
        tuple_(leases.c.arm, leases.c.kind, leases.c.id).in_(filled([_key(lease) for lease in wanted])),
    )
    by_code_point = "C" if connection.dialect.name == "postgresql" else "BINARY"  # as Python sorts
    in_order = (leases.c.arm, leases.c.kind, leases.c.id.collate(by_code_point))
    rows = connection.execute(select(leases).where(*where).order_by(*in_order).with_for_update()).mappings()
    return [lease_of(row) for row in rows]


def _key(lease: Lease) -> tuple[str, str, str]:
    return (lease.arm, lease.kind, lease.id)


def insert_purchases(connection: Connection, rollout: str, made: Iterable[Purchase]) -> None:
    """Write purchases that issued nothing."""
    insert_new(connection, purchases, [purchase_row(rollout, purchase) for purchase in made])


def counts(connection: Connection, rollout: str) -> dict[Arm, Counter[LeaseState]]:
    """Leases per arm and state."""
    columns = (leases.c.arm, leases.c.result, leases.c.state)  # as the index leases_in_sum has them
    statement = select(*columns, func.count()).where(leases.c.rollout == rollout).group_by(*columns)
    found: dict[Arm, Counter[LeaseState]] = {arm: Counter() for arm in Arm}
    for arm, _result, state, n in connection.execute(statement):
        found[Arm(arm)][LeaseState(state)] += n
    for (arm, state), _kind, _price, n, *_ in settled.grouped(connection, rollout, "arm", "state"):
        found[Arm(arm)][LeaseState(state)] += n
    return found


@dataclass(frozen=True, slots=True)
class Bought:
    """A randomised purchase with the leases it led to; ``serial`` counts purchases in the order of writing."""

    serial: int
    purchase: Purchase
    leases: tuple[Lease, ...]

    @property
    def lease(self) -> Lease | None:
        """The one that is judged: several numbers of one purchase are one bet."""
        return next(iter(self.leases), None)


def matured(
    connection: Connection, rollout: str, attempt: int, after: int, until: float, *, firsts: bool, limit: int
) -> list[Bought]:
    """Randomised purchases up to an attempt in the order of writing, until the first that is too young.

    The order of writing, and not of starting, makes sure that one which was written late is not passed over.

    Args:
        after: serial of the last purchase that was taken.
        until: the latest start, exclusive.
        firsts: only the first purchase of each unit: a client's later ones were not drawn anew.
        limit: how many at most.
    """
    of_attempt = (purchases.c.rollout == rollout, purchases.c.attempt <= attempt, purchases.c.serial > after)
    too_young = select(func.min(purchases.c.serial)).where(*of_attempt, purchases.c.at >= until)
    first = connection.scalar(too_young)
    statement = select(purchases).where(*of_attempt).order_by(purchases.c.serial).limit(limit)
    if firsts:
        statement = statement.where(~_drawn_before(rollout))
    if first is not None:
        statement = statement.where(purchases.c.serial < first)
    rows = connection.execute(statement).mappings().all()
    issued = _issued(connection, rollout, [row["id"] for row in rows])
    return [Bought(row["serial"], purchase_of(row), tuple(issued[row["id"]])) for row in rows]


def arm_of_unit(connection: Connection, rollout: str, unit: str) -> Arm | None:
    """The arm that was drawn for a unit's first purchase."""
    where = (purchases.c.rollout == rollout, purchases.c.unit == unit[:MAX_UNIT])
    first = select(purchases.c.assigned_arm).where(*where).order_by(purchases.c.serial).limit(1)
    found = connection.scalar(first)
    return None if found is None else Arm(found)


def _drawn_before(rollout: str) -> ColumnElement[bool]:
    earlier = purchases.alias()
    same = (earlier.c.rollout == rollout, earlier.c.unit == purchases.c.unit)
    # at weight 0 nobody is drawn: what was bought there says nothing of the arm that its unit will have
    drawn = or_(earlier.c.probability > 0, purchases.c.probability == 0)
    return exists().where(*same, drawn, earlier.c.serial < purchases.c.serial)


def _issued(connection: Connection, rollout: str, ids: Sequence[str]) -> Mapping[str, list[Lease]]:
    found: defaultdict[str, list[Lease]] = defaultdict(list)
    for part in chunks(ids):
        where = (leases.c.rollout == rollout, leases.c.purchase.in_(part))
        for row in connection.execute(select(leases).where(*where).order_by(leases.c.id)).mappings():
            found[row["purchase"]].append(lease_of(row))
    return found
