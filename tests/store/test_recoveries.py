"""Lost purchases in the store: each is decided once, by one process."""

from dataclasses import replace
from pathlib import Path

from canary.core.model import Arm, Fate, Lease
from canary.store.store import Store
from tests.factories import tlease, tpurchase, trollout

NAME = trollout().name
LOST = tpurchase(id="lost", lost=True)
FOUND = tlease(id="900", purchase="lost")


def lose(store: Store) -> None:
    store.flush(NAME, "a", leases_changed=[], purchases=[LOST, tpurchase()], tallies={}, counters={})


def test_only_lost_purchases_wait(store: Store) -> None:
    """A purchase that was answered is not looked for."""
    lose(store)
    assert store.lost_purchases(NAME) == [LOST]


def test_the_number_is_on_disk_before_it_is_cancelled(store: Store, state: Path | str) -> None:
    """Another process finds the lease, and no longer the purchase."""
    lose(store)
    assert store.recover(NAME, FOUND) == FOUND
    other = Store(state)
    assert other.known(NAME, Arm.OLD, ["900", "901"]) == {"900": FOUND}
    assert other.lost_purchases(NAME) == []
    other.close()


def test_a_purchase_is_recovered_once(store: Store) -> None:
    """Whoever comes second leaves it alone."""
    lose(store)
    assert store.recover(NAME, FOUND) is not None
    assert store.recover(NAME, replace(FOUND, id="901", visible_id="901")) is None


def test_a_lease_that_somebody_knows_is_not_taken(store: Store) -> None:
    """It was bound to a client meanwhile."""
    lose(store)
    store.bind(NAME, [(tpurchase(), [tlease(id="900")])])
    assert store.recover(NAME, FOUND) is None
    assert store.lost_purchases(NAME) == [LOST]


def test_an_id_that_the_other_arm_uses_gets_an_alias(store: Store) -> None:
    """A client's lease of that id is not disturbed."""
    lose(store)
    store.bind(NAME, [(tpurchase(), [tlease(id="900", arm=Arm.NEW)])])
    recovered = store.recover(NAME, FOUND)
    assert isinstance(recovered, Lease)
    assert (recovered.id, recovered.visible_id != "900") == ("900", True)


def test_what_became_of_it_may_change(store: Store) -> None:
    """Cancelling, then cancelled; it stays decided."""
    lose(store)
    for fate in (Fate.CANCELLING, Fate.CANCELLED):
        store.set_fate(NAME, "lost", fate)
        assert store.lost_purchases(NAME) == []
