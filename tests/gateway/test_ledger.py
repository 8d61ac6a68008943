"""The ledger: what happened, in batches that are kept, never doubled and never overtaken."""

import asyncio
import logging
import sqlite3
from collections import Counter
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from canary.core.model import Arm, LeaseState, Outcome, Progress
from canary.core.tally import BUCKET, bucket_of, total
from canary.gateway import bindings as bindings_module
from canary.gateway import ledger as module
from canary.store.errors import StoreUnavailable
from tests.factories import NOW, tassignment, tcall, texchange, tlease, tpurchase, treply
from tests.rig import Rig, rig
from tests.waiting import until

UNKNOWN = treply(Outcome.CALLER, "NO_ACTIVATION", unknown_lease=True)


def gone(*_: object, **__: object) -> None:
    raise StoreUnavailable("gone")


async def calls(gateway: Rig) -> Counter[tuple[Arm, str, str]]:
    """What the store holds: calls by arm, action and outcome."""
    counted: Counter[tuple[Arm, str, str]] = Counter()
    for key, tally in gateway.store.tallies(gateway.name).items():
        counted.update({(key.arm, key.action, outcome): n for outcome, n in tally.outcomes.items()})
    return counted


# --- batches ------------------------------------------------------------------------------------------------------


async def test_every_exchange_is_counted_once(gateway: Rig) -> None:
    """By arm, action and outcome, whatever the batch it was written in."""
    for _ in range(3):
        await gateway.ask("getPrices")
        await asyncio.sleep(0)
        await gateway.flush()
        await gateway.flush()
    await gateway.ask("nonsense")
    await asyncio.sleep(0)
    await gateway.flush()
    assert await calls(gateway) == {(Arm.OLD, "getPrices", "caller"): 3, (Arm.OLD, "other", "caller"): 1}


async def test_a_batch_that_was_refused_is_kept(gateway: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the store gone nothing is lost and nothing is doubled; it is written when the store is back."""
    gateway.old.answers(getNumber="NO_NUMBERS")
    with monkeypatch.context() as patch:
        patch.setattr(gateway.store, "flush", gone)
        for _ in range(3):
            await gateway.ask("getNumber")
        for _ in range(3):
            await gateway.ask("getPrices")
            assert not await gateway.service.ledger.flush()
    assert gateway.service.ledger.totals.flush_failures == 3
    await gateway.flush()
    await gateway.ask("getNumber")
    await gateway.flush()
    assert await calls(gateway) == {
        (Arm.OLD, "getNumber", "business"): 4,
        (Arm.OLD, "getPrices", "caller"): 3,
    }
    assert count_purchases(gateway.state) == 4


def count_purchases(state: Path) -> int:
    """As another process counts them."""
    with sqlite3.connect(state) as connection:
        [n] = connection.execute("SELECT count(DISTINCT id) FROM purchases").fetchone()
    return int(n)


async def test_a_defect_in_the_store_loses_no_batch(
    gateway: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no trouble of the database's is said as a defect, and the batch is kept all the same."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    await gateway.ask("getPrices")
    await asyncio.sleep(0)
    with monkeypatch.context() as patch:
        patch.setattr(gateway.store, "flush", broken)
        assert not await gateway.service.ledger.flush()
    assert "ZeroDivisionError" in caplog.text
    await gateway.flush()
    assert sum((await calls(gateway)).values()) == 1


async def test_a_change_during_a_failing_batch_wins_over_the_old_view(
    gateway: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease given back does not overwrite what happened to it meanwhile."""
    gateway.old.answers(
        getNumber="ACCESS_NUMBER:7:79", getStatus="STATUS_OK:1", setStatus="ACCESS_ACTIVATION"
    )
    await gateway.ask("getNumber")
    await gateway.ask("getStatus", id="7")
    await asyncio.sleep(0)
    entered, leave = Event(), Event()

    def held(*_: object, **__: object) -> None:
        entered.set()
        leave.wait(20)
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.store, "flush", held)
        flushing = asyncio.create_task(gateway.service.ledger.flush())
        await until(entered.is_set)
        await gateway.ask("setStatus", id="7", status="6")
        await asyncio.sleep(0)
        leave.set()
        assert not await flushing
    await gateway.flush()
    lease = gateway.lease("7")
    assert lease is not None
    assert lease.state is LeaseState.SUCCEEDED


async def test_a_batch_under_way_is_finished_before_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop in the middle of a batch: the older totals must not be written over the newer ones."""
    monkeypatch.setattr(module, "FLUSH", 0.01)
    async with rig(tmp_path) as gateway:
        real, written, leave = gateway.store.flush, [], Event()

        def slow(*args: Any, **batch: Any) -> None:
            if not written:
                written.append("begun")
                leave.wait(20)
            real(*args, **batch)
            written.append(batch["counters"].get("other_paths", 0))

        monkeypatch.setattr(gateway.store, "flush", slow)
        gateway.service.ledger.count("other_paths")
        await until(lambda: written)
        gateway.service.ledger.count("other_paths")
        stopping = asyncio.create_task(gateway.service.stop())
        await asyncio.sleep(0.1)
        leave.set()
        await stopping
        assert written == ["begun", 1, 2]
        assert gateway.store.counters(gateway.name)["other_paths"] == 2


async def test_counts_of_two_processes_add_up(tmp_path: Path) -> None:
    """A restart, or a replica, counts beside what was there."""
    for _ in range(2):
        async with rig(tmp_path) as gateway:
            await gateway.ask("getPrices")
            await gateway.ask("x", path="/other")
    async with rig(tmp_path) as gateway:
        assert sum((await calls(gateway)).values()) == 2
        assert gateway.store.counters(gateway.name)["other_paths"] == 2


async def test_a_new_minute_is_a_new_row(gateway: Rig) -> None:
    """Old buckets are let go once they are written; a clock that jumps back changes none of them."""
    for _ in range(3):
        await gateway.ask("getPrices")
        await asyncio.sleep(0)
        await gateway.flush()
        gateway.clock.advance(BUCKET)
    gateway.clock.advance(-2 * BUCKET)
    await gateway.ask("getPrices")
    await asyncio.sleep(0)
    await gateway.flush()
    rows = gateway.store.tallies(gateway.name)
    assert sorted((key.bucket, tally.calls) for key, tally in rows.items()) == [
        (bucket_of(NOW), 1),
        (bucket_of(NOW + BUCKET), 1),
        (bucket_of(NOW + 2 * BUCKET), 2),
    ]
    assert len(gateway.service.ledger._tallies) == 1


async def test_counts_belong_to_the_stage_in_force(gateway: Rig) -> None:
    """A call counts in the attempt and stage at which it was answered."""
    await gateway.ask("getPrices")
    await asyncio.sleep(0)
    await gateway.split(stage_index=2, attempt=3)
    await gateway.ask("getPrices")
    await asyncio.sleep(0)
    await gateway.flush()
    assert {(key.attempt, key.stage) for key in gateway.store.tallies(gateway.name)} == {(1, 1), (3, 2)}
    assert total(gateway.store.tallies(gateway.name)).calls == 2


async def test_the_work_goes_on_whatever_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A beat that fails, for whatever reason, is not the last."""
    monkeypatch.setattr(module, "FLUSH", 0.01)
    async with rig(tmp_path) as gateway:
        with monkeypatch.context() as patch:
            patch.setattr(gateway.service.ledger, "close_expired", gone)
            patch.setattr(gateway.store, "issuers", gone)
            await asyncio.sleep(0.1)
        gateway.service.ledger.count("other_paths")
        await until(lambda: gateway.store.counters(gateway.name)["other_paths"] == 1)


# --- leases -------------------------------------------------------------------------------------------------------


async def test_a_lease_follows_its_calls(gateway: Rig) -> None:
    """A code, then an acceptance: seen in the store after the next batch."""
    gateway.old.answers(
        getNumber="ACCESS_NUMBER:7:79", getStatus="STATUS_OK:123456", setStatus="ACCESS_ACTIVATION"
    )
    await gateway.ask("getNumber")
    gateway.clock.advance(30)
    await gateway.ask("getStatus", id="7")
    gateway.clock.advance(5)
    await gateway.ask("setStatus", id="7", status="6")
    await asyncio.sleep(0)
    await gateway.flush()
    lease = gateway.lease("7")
    assert lease is not None
    assert (lease.state, lease.code_at, lease.ended_at) == (LeaseState.SUCCEEDED, NOW + 30, NOW + 35)
    assert len(lease.calls) == 4 * 3


async def test_a_lease_whose_lifetime_passed_is_closed(gateway: Rig) -> None:
    """Nobody asked again: abandoned without a code, and only once its time is over."""
    gateway.old.answers(getNumber="ACCESS_NUMBER:7:79")
    await gateway.ask("getNumber")
    for seconds, state in ((1200, LeaseState.OPEN), (1, LeaseState.ABANDONED)):
        gateway.clock.advance(seconds)
        gateway.service.ledger.close_expired()
        await gateway.flush()
        lease = gateway.lease("7")
        assert lease is not None
        assert lease.state is state


async def test_memory_lets_ended_leases_go_after_the_grace_period(gateway: Rig) -> None:
    """Not before they are written, and the store still knows them."""
    gateway.old.answers(getNumber="ACCESS_NUMBER:7:79", setStatus="ACCESS_CANCEL")
    await gateway.ask("getNumber")
    await gateway.ask("setStatus", id="7", status="8")
    await asyncio.sleep(0)
    bindings = gateway.service.bindings
    gateway.clock.advance(3601)
    bindings.forget(gateway.clock())
    assert len(bindings) == 1
    await gateway.flush()
    bindings.forget(gateway.clock() - 3601)
    assert len(bindings) == 1
    bindings.forget(gateway.clock())
    assert len(bindings) == 0
    await gateway.ask("getStatus", id="7")
    assert gateway.old.heard[-1].action == "getStatus"
    assert len(bindings) == 1


async def test_memory_holds_so_many_ended_leases(gateway: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first, whatever the grace period; their calls find their arm in the store."""
    monkeypatch.setattr(bindings_module, "ENDED", 2)
    gateway.old.answers(setStatus="ACCESS_CANCEL")
    for lease_id in "789":
        gateway.old.answers(getNumber=f"ACCESS_NUMBER:{lease_id}:79")
        await gateway.ask("getNumber")
        await gateway.ask("setStatus", id=lease_id, status="8")
    await gateway.flush()
    bindings = gateway.service.bindings
    bindings.forget(gateway.clock())
    assert {lease.id for lease in bindings.leases} == {"8", "9"}
    assert set(await bindings.find(tcall("getStatus", id="7"))) == {"7"}


async def test_an_open_lease_is_never_let_go(gateway: Rig) -> None:
    """Whatever its age: a rent lives for weeks."""
    gateway.old.answers(getRentNumber='{"status":"success","phone":{"id":7,"number":"79"}}')
    await gateway.ask("getRentNumber")
    gateway.clock.advance(30 * 86400)
    gateway.service.ledger.close_expired()
    gateway.service.bindings.forget(gateway.clock())
    assert len(gateway.service.bindings) == 1


# --- the alarm ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lease", "at", "alarm"),
    [
        ({}, NOW + 10, True),
        ({"expires_at": None}, NOW + 10**6, True),
        ({}, NOW + 1300, False),  # its lifetime is over
        ({"state": LeaseState.REFUNDED, "ended_at": NOW}, NOW + 10, False),
        ({"arm": Arm.NEW}, NOW + 10, False),  # the other arm's, named in the same call
    ],
)
def test_an_alarm_is_for_a_running_lease_of_the_arm_that_denies_it(
    lease: dict[str, Any], at: float, alarm: bool, lone_ledger: Any
) -> None:
    """Providers forget ids some time after a lease's end; a running one that is denied went astray."""
    exchange = texchange(tcall("getStatus", id="7"), UNKNOWN, at=at)
    lone_ledger.exchange(exchange, {"7": tlease(id="7", **lease)})
    assert lone_ledger.totals.counters["misrouted"] == alarm


def test_a_stranger_beside_a_known_lease_raises_no_alarm(lone_ledger: Any) -> None:
    """Which of several ids the arm does not know it does not say."""
    exchange = texchange(tcall("getStatusV2", id="7,999"), UNKNOWN, at=NOW + 10)
    lone_ledger.exchange(exchange, {"7": tlease(id="7")})
    assert lone_ledger.totals.counters["misrouted"] == 0


def test_a_lease_that_ended_while_the_call_was_out_raises_no_alarm(lone_ledger: Any) -> None:
    """What counts is the lease as it stands, not as it stood when the call left."""
    lease = tlease(id="7")
    cancel = texchange(
        tcall("setStatus", id="7", status="8"), treply(progress=Progress.CANCELLED), at=NOW + 5
    )
    lone_ledger.exchange(cancel, {"7": lease})
    lone_ledger.exchange(texchange(tcall("getStatus", id="7"), UNKNOWN, at=NOW + 6), {"7": lease})
    assert lone_ledger.totals.counters["misrouted"] == 0


def test_an_alarm_names_no_secret_and_says_what_happened(
    lone_ledger: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for the operator."""
    exchange = texchange(tcall("getStatus", id="7"), UNKNOWN, at=NOW + 10)
    with caplog.at_level(logging.ERROR):
        lone_ledger.exchange(exchange, {"7": tlease(id="7")})
    assert "old does not know a lease that it issued (getStatus answered NO_ACTIVATION)" in caplog.text


@pytest.fixture
async def lone_ledger(gateway: Rig) -> Any:
    """A ledger to be told of exchanges."""
    return gateway.service.ledger


# --- totals -------------------------------------------------------------------------------------------------------


async def test_totals_are_never_reset(gateway: Rig) -> None:
    """Metrics take rates of them: a flush changes nothing."""
    gateway.old.answers(getNumber="NO_NUMBERS")
    for n in range(1, 4):
        await gateway.ask("getNumber")
        await asyncio.sleep(0)
        await gateway.flush()
        totals = gateway.service.ledger.totals
        assert totals.purchases[Arm.OLD, Outcome.BUSINESS] == n
        assert totals.calls[Arm.OLD, "getNumber"].calls == n


def test_a_purchase_that_issued_nothing_is_written_with_its_draw(lone_ledger: Any) -> None:
    """It is a bet of the judge as well."""
    purchase = tpurchase(outcome=Outcome.BUSINESS, code="NO_NUMBERS", assignment=tassignment())
    lone_ledger.purchase(purchase)
    assert lone_ledger.totals.purchases[Arm.OLD, Outcome.BUSINESS] == 1


async def test_the_lag_is_the_age_of_the_last_batch(gateway: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator sees that batches are stuck."""
    await gateway.flush()
    monkeypatch.setattr(gateway.store, "flush", gone)
    gateway.clock.advance(30)
    await gateway.service.ledger.flush()
    assert gateway.service.ledger.lag == 30
