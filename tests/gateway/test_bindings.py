"""Which arm a lease lives on: memory first, the store behind it, and neither overwrites what is newer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from canary.core.model import Arm, Kind, LeaseState
from canary.gateway.bindings import Bindings
from canary.store.errors import StoreUnavailable
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from canary.store.writer import GroupCommit
from tests.factories import NOW, tcall, tlease, tpurchase, trollout
from tests.waiting import until

NAME = trollout().name
GRACE = 3600.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with one rollout."""
    opened = Store(tmp_path / "state.db")
    opened.create(trollout(), StoredPolicy("0123456789ab", "{}"))
    yield opened
    opened.close()


@pytest.fixture
def bindings(store: Store) -> Bindings:
    """Empty memory before it."""
    return Bindings(store, GroupCommit(store, NAME), NAME, GRACE)


async def test_what_was_bound_is_found_without_the_store(
    bindings: Bindings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known lease costs no look into the store."""
    [bound] = await bindings.bind(tpurchase(), [tlease(id="7")])
    monkeypatch.setattr(store, "find", _gone)
    assert await bindings.find(tcall("getStatus", id="7")) == {"7": bound}


async def test_what_another_process_has_bound_is_found_without_the_store(
    bindings: Bindings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells of its leases, and of their end; what is known here of the same lease is kept."""
    other = Bindings(store, GroupCommit(store, NAME), NAME, GRACE)
    other.tell = bindings.learn
    [bound] = await other.bind(tpurchase(), [tlease(id="7")])
    monkeypatch.setattr(store, "find", _gone)
    assert await bindings.find(tcall("getStatus", id="7")) == {"7": bound}
    bindings.update(replace(bound, seen_at=NOW + 9))
    other.update(replace(bound, seen_at=NOW + 5))
    other.written(other.take_changed())
    assert bindings.current(bound).state is LeaseState.OPEN
    other.update(replace(bound, state=LeaseState.SUCCEEDED, ended_at=NOW + 6))
    changed = other.take_changed()
    assert bindings.current(bound).state is LeaseState.OPEN, "a process that dies now has written nothing"
    other.written(changed)
    assert bindings.current(bound) == replace(
        bound, state=LeaseState.SUCCEEDED, ended_at=NOW + 6, seen_at=NOW + 9
    )


def _gone(*_: object) -> None:
    raise StoreUnavailable("gone")


async def test_what_nobody_knows_is_not_found(bindings: Bindings) -> None:
    """Nor is a rent of an activation's id."""
    await bindings.bind(tpurchase(), [tlease(id="7")])
    assert await bindings.find(tcall("getStatus", id="8")) == {}
    assert await bindings.find(tcall("getRentStatus", id="7")) == {}
    assert await bindings.find(tcall("getPrices")) == {}


async def test_memory_is_filled_at_the_start(bindings: Bindings, store: Store) -> None:
    """Open leases, those that ended within the grace period, and which arms have any."""
    ended = {"state": LeaseState.REFUNDED, "ended_at": NOW - 10}
    forgotten = {"state": LeaseState.REFUNDED, "ended_at": NOW - GRACE - 10}
    leases = [tlease(id="1"), tlease(id="2", **ended), tlease(id="3", arm=Arm.NEW, **forgotten)]
    store.bind(NAME, [(tpurchase(), leases)])
    bindings.load(NOW)
    assert sorted(lease.id for lease in bindings.leases) == ["1", "2"]
    assert bindings.used == {Arm.OLD, Arm.NEW}


async def test_a_look_that_comes_late_does_not_undo_what_happened(
    bindings: Bindings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rent that is prolonged while its old row is being read keeps its new life."""
    store.bind(NAME, [(tpurchase(), [tlease(id="7", kind=Kind.RENT)])])
    real, entered, leave = store.find, Event(), Event()

    def slow(*args: Any) -> Any:
        found = real(*args)
        entered.set()
        leave.wait(20)
        return found

    monkeypatch.setattr(store, "find", slow)
    looking = asyncio.create_task(bindings.find(tcall("getRentStatus", id="7")))
    await until(entered.is_set)
    await bindings.bind(
        tpurchase(id="p-2"), [tlease(id="7", kind=Kind.RENT, opened_at=NOW + 60, purchase="p-2")]
    )
    leave.set()
    await looking
    [lease] = bindings.leases
    assert lease.opened_at == NOW + 60


async def test_a_lease_that_lives_anew_replaces_its_old_life(bindings: Bindings) -> None:
    """The same arm and id bought again."""
    await bindings.bind(tpurchase(), [tlease(id="7", state=LeaseState.SUCCEEDED, ended_at=NOW)])
    await bindings.bind(tpurchase(id="p-2"), [tlease(id="7", opened_at=NOW + 60, purchase="p-2")])
    [lease] = bindings.leases
    assert (lease.opened_at, lease.state) == (NOW + 60, LeaseState.OPEN)


async def test_what_is_given_back_is_taken_again_unless_it_changed(bindings: Bindings) -> None:
    """The newer view wins."""
    [lease] = await bindings.bind(tpurchase(), [tlease(id="7")])
    first, second = tlease(id="7", code_at=NOW + 1), tlease(id="7", code_at=NOW + 1, ended_at=NOW + 2)
    bindings.update(first)
    taken = bindings.take_changed()
    assert taken == [first]
    assert bindings.take_changed() == []
    bindings.give_back(taken)
    assert bindings.take_changed() == [first]
    bindings.update(second)
    bindings.give_back([first])
    assert bindings.take_changed() == [second]
    assert bindings.current(lease) == second


async def test_the_other_arm_is_noticed_when_another_replica_uses_it(
    bindings: Bindings, store: Store
) -> None:
    """Lists are merged as soon as there is something to merge; once both are known the store is left alone."""
    await bindings.look_around()
    assert bindings.used == set()
    store.bind(NAME, [(tpurchase(), [tlease(id="1"), tlease(id="2", arm=Arm.NEW)])])
    await bindings.look_around()
    assert bindings.used == {Arm.OLD, Arm.NEW}
    store.close()
    await bindings.look_around()


async def test_aliases_are_looked_up_for_what_is_not_in_memory(
    bindings: Bindings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in memory needs no look; without the store what is remembered counts."""
    store.bind(NAME, [(tpurchase(), [tlease(id="1")])])
    store.bind(NAME, [(tpurchase(id="p-2"), [tlease(id="1", arm=Arm.NEW)])])
    [mine] = await bindings.bind(tpurchase(id="p-3"), [tlease(id="2", arm=Arm.NEW)])
    aliases = await bindings.visible_ids(Arm.NEW, Kind.ACTIVATION, ["1", "2", "message-3"])
    assert list(aliases) == ["1"]
    assert mine.visible_id == "2"
    monkeypatch.setattr(store, "visible_ids", _gone)
    assert await bindings.visible_ids(Arm.NEW, Kind.ACTIVATION, ["1", "9"]) == aliases
    assert await bindings.visible_ids(Arm.OLD, Kind.ACTIVATION, ["1"]) == {}


async def test_a_stranger_is_adopted_under_the_clients_id(bindings: Bindings, store: Store) -> None:
    """And is then found like any other; whoever adopted it first is right."""
    store.adopt(NAME, tlease(id="9", purchase=None, arm=Arm.NEW))
    adopted = await bindings.adopt(tlease(id="9", purchase=None))
    assert adopted.arm is Arm.NEW
    assert await bindings.find(tcall("getStatus", id="9")) == {"9": adopted}


async def test_an_arm_s_own_id_finds_its_lease(bindings: Bindings, store: Store) -> None:
    """Also under an alias, of either kind, in memory or behind it; the other arm's of the same id is another one."""
    [own] = await bindings.bind(tpurchase(), [tlease(id="7")])
    [aliased] = await bindings.bind(tpurchase(id="p-2"), [tlease(id="7", arm=Arm.NEW, purchase="p-2")])
    [rent] = await bindings.bind(tpurchase(id="p-3"), [tlease(id="7", kind=Kind.RENT, purchase="p-3")])
    assert aliased.visible_id != "7"
    for known in (bindings, Bindings(store, GroupCommit(store, NAME), NAME, GRACE)):
        assert await known.of_arm(Arm.OLD, Kind.ACTIVATION, "7") == own
        assert await known.of_arm(Arm.NEW, Kind.ACTIVATION, "7") == aliased
        assert await known.of_arm(Arm.OLD, Kind.RENT, "7") == rent
        assert await known.of_arm(Arm.NEW, Kind.RENT, "7") is None
        assert await known.of_arm(Arm.OLD, Kind.ACTIVATION, aliased.visible_id) is None


async def test_the_alias_of_a_lease_that_left_memory_is_looked_up(bindings: Bindings, store: Store) -> None:
    """Memory does not grow with every number of a provider whose ids are words; the store still knows them."""
    ended = tlease(id="lr_1", visible_id="1500000000", state=LeaseState.REFUNDED, ended_at=NOW)
    await bindings.bind(tpurchase(), [ended])
    own = (ended.arm, ended.kind, ["lr_1"])
    assert await bindings.visible_ids(*own) == {"lr_1": "1500000000"}
    bindings.forget(NOW + 2 * GRACE)
    assert (len(bindings), bindings._aliases[ended.arm, ended.kind]) == (0, {})
    assert await bindings.visible_ids(*own) == {"lr_1": "1500000000"}
