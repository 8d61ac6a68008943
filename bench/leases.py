"""What an open lease costs in the memory of a proxy."""

import tracemalloc
from pathlib import Path

from canary.core.model import Arm, Kind, Lease
from canary.gateway.bindings import Bindings
from canary.store.store import Store
from canary.store.writer import GroupCommit

COUNT = 20_000


def bytes_each(folder: Path) -> float:
    """Bytes per open lease, over ``COUNT`` of them."""
    store = Store(folder / "leases.db")
    bindings = Bindings(store, GroupCommit(store, "bench"), "bench", 3600.0)
    tracemalloc.start()
    for number in range(COUNT):
        bindings.update(_lease(number))
    bindings.take_changed()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    store.close()
    return used / COUNT


def _lease(number: int) -> Lease:
    lease_id = str(1_000_000_000 + number)
    return Lease(
        arm=Arm.OLD,
        kind=Kind.ACTIVATION,
        id=lease_id,
        visible_id=lease_id,
        opened_at=1_700_000_000.0 + number,
        purchase=f"{number:024x}",
        service="tg",
        country="6",
        client="192.0.2.7",
        key="0123abcd",
        expires_at=1_700_001_200.0 + number,
        seen_at=1_700_000_030.0 + number,
        calls=bytes(64),
    )
