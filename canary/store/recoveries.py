"""Lost purchases, what became of them, and the leases that were found for them."""

from sqlalchemy import Connection, exists, insert, select

from canary.core.model import Fate, Lease, Purchase
from canary.store import leases
from canary.store.rows import lease_row, purchase_of
from canary.store.schema import leases as leases_table
from canary.store.schema import purchases, recoveries
from canary.store.upsert import upsert


def open_ones(connection: Connection, rollout: str) -> list[Purchase]:
    """The lost purchases that nothing has become of yet."""
    decided = exists().where(recoveries.c.rollout == rollout, recoveries.c.purchase == purchases.c.id)
    where = (purchases.c.rollout == rollout, purchases.c.lost, ~decided)
    rows = connection.execute(select(purchases).where(*where).order_by(purchases.c.serial)).mappings()
    return [purchase_of(row) for row in rows]


def begin(connection: Connection, rollout: str, lease: Lease) -> Lease | None:
    """Write the lease that was found for its lost purchase, which is being cancelled from now on.

    ``None`` when something has become of the purchase already, or the lease is known.
    """
    decided = exists().where(recoveries.c.rollout == rollout, recoveries.c.purchase == lease.purchase)
    if connection.scalar(select(decided)) or leases.known(connection, rollout, lease.arm, [lease.id]):
        return None
    row = {"rollout": rollout, "purchase": lease.purchase, "fate": Fate.CANCELLING}
    connection.execute(insert(recoveries), row)
    found = leases.shown(connection, rollout, lease)
    connection.execute(insert(leases_table), lease_row(rollout, found))
    return found


def close(connection: Connection, rollout: str, purchase: str, fate: Fate) -> None:
    """Write what became of a lost purchase."""
    upsert(connection, recoveries, [{"rollout": rollout, "purchase": purchase, "fate": fate}])
