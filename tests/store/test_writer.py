"""Group commit of bindings."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from canary.core.model import Kind, Lease, Purchase
from canary.store.errors import StoreRefused, StoreUnavailable
from canary.store.store import Store
from canary.store.writer import GroupCommit
from tests.factories import tlease, tpurchase, trollout

NAME = trollout().name


def _pair(number: int) -> tuple[Purchase, list[Lease]]:
    return tpurchase(id=f"p-{number}"), [tlease(id=str(number), purchase=f"p-{number}")]


async def test_a_binding_is_in_the_store_when_its_call_returns(store: Store) -> None:
    """Nothing is told to be bound that a restart would not find."""
    [lease] = await GroupCommit(store, NAME).bind(*_pair(1))
    assert store.find(NAME, Kind.ACTIVATION, lease.visible_id) == lease


async def test_bindings_that_wait_share_a_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred purchases at once wait for a few commits, not for a hundred."""
    sizes = []
    real = store.bind

    def counted(rollout: str, bought: Sequence[Any]) -> list[tuple[Lease, ...]]:
        sizes.append(len(bought))
        return real(rollout, bought)

    monkeypatch.setattr(store, "bind", counted)
    writer = GroupCommit(store, NAME)
    bound = await asyncio.gather(*(writer.bind(*_pair(number)) for number in range(100)))
    assert [lease.id for (lease,) in bound] == [str(number) for number in range(100)]
    assert sum(sizes) == 100
    assert len(sizes) <= 3


async def test_a_row_that_is_refused_takes_no_other_along(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a batch with one row that cannot be written the others are bound, and only that caller hears of it."""
    real = store.bind

    def picky(rollout: str, bought: Sequence[Any]) -> list[tuple[Lease, ...]]:
        if any(purchase.id == "p-3" for purchase, _ in bought):
            raise StoreRefused("p-3 does not fit")
        return real(rollout, bought)

    monkeypatch.setattr(store, "bind", picky)
    writer = GroupCommit(store, NAME)
    results = await asyncio.gather(*(writer.bind(*_pair(n)) for n in range(6)), return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, StoreRefused)] == [3]
    assert len(store.load_live(NAME, 0)) == 5


async def test_every_waiting_caller_hears_of_a_lost_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the store is gone nobody waits for ever, and the next purchase is tried again."""

    def gone(rollout: str, bought: Sequence[Any]) -> list[tuple[Lease, ...]]:
        raise StoreUnavailable("gone")

    writer = GroupCommit(store, NAME)
    with monkeypatch.context() as patch:
        patch.setattr(store, "bind", gone)
        results = await asyncio.gather(*(writer.bind(*_pair(n)) for n in range(6)), return_exceptions=True)
    assert all(isinstance(result, StoreUnavailable) for result in results)
    [lease] = await writer.bind(*_pair(7))
    assert lease.id == "7"
