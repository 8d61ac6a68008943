"""The evidence of a fleet is that of one process on the same outcomes: exactly, not nearly."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from canary.core.model import Arm, Assignment, Exchange, Lease, Outcome, Progress, Purchase
from canary.core.stage import Event as StageEvent
from canary.core.tally import Tally, TallyKey
from canary.gateway.bindings import Bindings
from canary.gateway.ledger import Ledger
from canary.gateway.rollouts import RolloutView
from canary.store.store import Store
from canary.store.writer import GroupCommit
from tests.control.world import MINUTE, NAME, World, make_policy
from tests.core.traffic import START
from tests.factories import FakeClock, tcall, texchange, tlease, tpurchase, treply

LEASES = 220
REPLICAS = 3


@dataclass(frozen=True)
class Event:
    """Something that one replica sees: a purchase with what it led to, or a call about a lease."""

    at: float
    replica: int
    exchange: Exchange
    purchase: Purchase | None = None
    lease: Lease | None = None


def outcomes() -> list[Event]:
    """What happens, the same each time: purchases in both arms, polls at whichever replica, codes, cancels, faults."""
    dice = Random(5)
    events: list[Event] = []
    for number in range(LEASES):
        arm, at = dice.choice([*Arm]), START + 4.0 * number
        events.append(_bought(dice, f"{1000 + number}", arm, at))
        if events[-1].lease is not None:
            events.extend(_lived(dice, events[-1].lease, at))
    return sorted(events, key=lambda one: one.at)


def _bought(dice: Random, number: str, arm: Arm, at: float) -> Event:
    latency = dice.uniform(0.05, 2.0)
    sold = dice.random() < 0.9
    outcome, code = (Outcome.OK, "ACCESS_NUMBER") if sold else (Outcome.BUSINESS, "NO_NUMBERS")
    drawn = Assignment(f"p-{number}", arm, 0.5, 1, 1)
    facts: dict[str, Any] = {"arm": arm, "at": at, "latency": latency}
    purchase = tpurchase(id=f"p-{number}", outcome=outcome, code=code, assignment=drawn, **facts)
    lease = tlease(
        arm=arm, id=number, visible_id=number, purchase=purchase.id, opened_at=at, expires_at=at + 20 * MINUTE
    )
    call = tcall("getNumber", service="tg", country="6")
    exchange = texchange(call, treply(outcome, code), **facts)
    return Event(at, dice.randrange(REPLICAS), exchange, purchase, lease if sold else None)


def _lived(dice: Random, lease: Lease, at: float) -> Iterator[Event]:
    code = dice.random() < (0.8 if lease.arm is Arm.OLD else 0.7)
    said = treply(code="STATUS_WAIT_CODE", progress=Progress.WAITING)
    for poll in range(dice.randint(1, 6)):
        at += dice.uniform(2.0, 9.0)
        fault = dice.random() < 0.05
        reply = treply(Outcome.PROVIDER, "ERROR_SQL") if fault else said
        yield _called(dice, lease, at, reply, "getStatus", poll)
    last = treply(code="STATUS_OK", progress=Progress.CODE) if code else said
    yield _called(dice, lease, at + 3.0, last, "getStatus", 9)
    if code:
        yield _called(dice, lease, at + 5.0, treply(progress=Progress.FINISHED), "setStatus", 6)
    elif dice.random() < 0.8:
        yield _called(dice, lease, at + 5.0, treply(progress=Progress.CANCELLED), "setStatus", 8)


def _called(dice: Random, lease: Lease, at: float, reply: Any, action: str, status: int) -> Event:
    call = tcall(action, id=lease.visible_id, **({"status": str(status)} if action == "setStatus" else {}))
    exchange = texchange(call, reply, arm=lease.arm, at=at, latency=dice.uniform(0.01, 1.0))
    return Event(at, dice.randrange(REPLICAS), exchange)


class Replica:
    """The ledger of one proxy process, with a store of its own."""

    def __init__(self, state: str | Path, number: int, clock: FakeClock) -> None:
        self.store = Store(state, shared=True)
        rollout = self.store.rollout(NAME)
        assert rollout is not None
        self.bindings = Bindings(self.store, GroupCommit(self.store, NAME), NAME, 3600.0)
        view = RolloutView(self.store, NAME, rollout, 5.0)
        self.ledger = Ledger(self.store, self.bindings, view, f"proxy-{number}", clock)

    async def see(self, event: Event) -> None:
        """Take one event in, as the gateway does."""
        leases = await self.bindings.find(event.exchange.call)
        self.ledger.exchange(event.exchange, leases)
        if event.purchase is None:
            return
        if event.lease is not None:
            await self.bindings.bind(event.purchase, [event.lease])
        else:
            self.ledger.purchase(event.purchase)
        await self.ledger.flush()  # purchases are numbered as they are written: here, as they were made


@dataclass(frozen=True)
class Found:
    """All that a controller and an operator are told."""

    tallies: dict[TallyKey, Tally]
    leases: list[Lease]
    verdict: str
    evidence: str
    money: Any
    counters: Any


async def played(state: str | Path, replicas: int) -> Found:
    """The outcomes seen by so many replicas, and what the controller then finds."""
    clock = FakeClock(START)
    world = World(Store(state), make_policy(), clock)
    world.act(StageEvent.PROMOTE)  # to the first stage that splits
    fleet = [Replica(state, number, clock) for number in range(replicas)]
    for number, event in enumerate(outcomes()):
        clock.advance(event.at - clock())
        seen_by = fleet[event.replica % replicas]
        await seen_by.see(event)
        if number % 7 == 0:
            await seen_by.ledger.flush()
    for one in fleet:
        await one.ledger.flush()
    for one in fleet:  # what looked odd to one is settled by what the others have written
        await one.ledger.close()
    clock.advance(21 * MINUTE)
    controller = world.controller()
    verdict = controller.tick()
    assert verdict is not None
    store = world.store
    found = Found(
        store.tallies(NAME),
        sorted(store.load_live(NAME, 0.0), key=lambda lease: lease.id),
        json.dumps(verdict.as_json(), sort_keys=True),
        json.dumps(dict(store.evidence(NAME, 1).parts), sort_keys=True),
        store.money(NAME),
        {name: n for name, n in store.counters(NAME).items() if n},
    )
    for one in fleet:
        one.store.close()
    store.close()
    return found


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
async def test_a_fleet_finds_what_one_process_finds(
    tmp_path: Path, request: pytest.FixtureRequest, place: str
) -> None:
    """The same exchanges seen by one process, and by three that share a store and see each lease's calls in turns: the
    tallies, the leases, the money, the verdict with all its numbers and the stored evidence are the same to the bit."""
    alone = await played(tmp_path / "alone.db", 1)
    together = request.getfixturevalue("database") if place == "postgresql" else tmp_path / "together.db"
    fleet = await played(together, REPLICAS)
    assert fleet.tallies == alone.tallies
    assert fleet.leases == alone.leases
    assert fleet.verdict == alone.verdict
    assert fleet.evidence == alone.evidence
    assert (fleet.money, fleet.counters) == (alone.money, alone.counters)
    assert json.loads(alone.verdict)["metrics"]["lease_success"]["new"]["n"] > 60, (
        "there was something to find"
    )
