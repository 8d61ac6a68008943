"""Leases with more than one life, against the providers' own books: prolonged rents, and ids that come back."""

import json
from pathlib import Path

from canary.core.model import Arm, LeaseState
from canary.sim.books import Books
from tests.desks import Providers, desk_rig, settle
from tests.factories import FakeClock
from tests.rig import Rig

RENTED = {"old": {"provider": "daisysms"}, "new": {"provider": "daisysms"}, "reconcile": {"poll": "60s"}}
RENTER = {
    "dialect": "sms-activate",
    "cost_header": "X-Price",
    "success": 0.5,
    "code_delay": "60s",
    "id_start": 10_000,
    "lifetime": "900s",
}


async def rent(gateway: Rig, clock: FakeClock, n: int) -> None:
    """A rent that is prolonged twice, or given back, or finished, or left alone; and a number beside it."""
    said = await gateway.says("getRentNumber", service="tg", country="6", rent_time="4")
    rented = json.loads(said)["phone"]["id"]
    number = (await gateway.says("getNumber", service="tg", country="6")).split(":")[1]
    clock.advance(90)
    if n % 4 == 0:
        for _ in range(2):
            await gateway.says("continueRentNumber", id=rented, rent_time=str(4 + n % 3))
            await gateway.says("getRentStatus", id=rented)
    elif n % 4 == 1:
        await gateway.says("setRentStatus", id=rented, status="2")
    elif n % 4 == 2:
        await gateway.says("setRentStatus", id=rented, status="1")
    code = (await gateway.says("getStatus", id=number)).startswith("STATUS_OK")
    clock.advance(60)
    await gateway.says("setStatus", id=number, status="6" if code else "8")


async def test_prolonged_rents_and_ids_that_come_back(tmp_path: Path) -> None:
    """A rent is one lease with all that was paid for it; a provider that counts anew sells others, and all are in the
    books to the cent."""
    clock = FakeClock()
    sold: list[Books] = []
    for _ in range(3):  # each time with the same ids as before
        providers = Providers(clock, old=RENTER, new=RENTER)
        async with desk_rig(tmp_path, providers, clock, rollout={"weight": 0.5}, **RENTED) as gateway:
            gateway.beats = int(clock())
            await gateway.beat()
            for n in range(40):
                await rent(gateway, clock, n)
            await settle(gateway)
            clock.advance(2 * 86400)
            await settle(gateway)
            sold += [providers.books(arm) for arm in Arm]
            money = gateway.store.money(gateway.name)
            counts = gateway.store.lease_counts(gateway.name)
    assert sum(books.spent for books in sold) == sum(one.spent for one in money.values())
    assert sum(books.refunded + books.owed for books in sold) == sum(one.refunded for one in money.values())
    assert sum(len(books.leases) for books in sold) == sum(one.total() for one in counts.values()) == 240
    assert {state for one in counts.values() for state in one} <= {*LeaseState} - {LeaseState.OPEN}
    ids = [{lease.id for lease in books.leases} for books in sold]
    assert ids[0] & ids[2], "no id came back"
