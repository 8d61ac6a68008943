"""What is pruned and what stays."""

import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canary.core.accounts import Reading
from canary.core.model import Arm, Kind, LeaseState
from canary.core.tally import Tally, TallyKey
from canary.store.retention import BATCH, BUCKETS
from canary.store.store import Store
from tests.factories import NOW, tassignment, tlease, tpurchase, trollout

NAME = trollout().name
DAY = 86_400.0
LATER = NOW + 40 * DAY
KEPT = NOW + 10 * DAY  # what is older goes

NO_CHOICE = tassignment(probability=1.0)
DRAWN = tassignment()
WARMUP = tassignment(arm=Arm.OLD, probability=0.0)


def bought(store: Store, number: int, assignment: Any = NO_CHOICE, **changes: Any) -> None:
    """A purchase and its lease, which ended after ten minutes as nobody's later concern."""
    name, arm = f"p-{number}", Arm.NEW if assignment is None else assignment.arm
    drawn = None if assignment is None else replace(assignment, unit=name)
    ended = {"state": LeaseState.SUCCEEDED, "code_at": NOW + 60, "ended_at": NOW + 600, "seen_at": NOW + 600}
    lease = tlease(**{"id": str(number), "arm": arm, "purchase": name, **ended, **changes})
    store.bind(NAME, [(tpurchase(id=name, arm=arm, assignment=drawn), [lease])])


def pruned(store: Store, before: float = KEPT) -> int:
    """How many rows went in all."""
    retention, gone = store.retention(NAME), 0
    while batch := retention.prune(before):
        gone += batch
    return gone


def kept(store: Store) -> set[str]:
    """Ids of the leases that the store knows by themselves."""
    ids = [str(number) for number in range(10)]
    return {one for one in ids if store.find(NAME, Kind.ACTIVATION, one)}


def test_what_no_decision_stands_on_goes_with_its_purchase(store: Store) -> None:
    """After the cutover, or not drawn at all: the lease, then the purchase that led to it."""
    bought(store, 1)
    bought(store, 2, None)
    assert pruned(store) == 4
    assert kept(store) == set()


@pytest.mark.parametrize("assignment", [DRAWN, WARMUP, tassignment(arm=Arm.OLD, probability=0.5)])
def test_evidence_stays(store: Store, assignment: Any) -> None:
    """Whatever was drawn while there was a choice, and all that old served before: decisions are made again from it."""
    bought(store, 1, assignment)
    assert pruned(store, LATER) == 0
    assert len(store.matured(NAME, 9, 0, LATER)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"state": LeaseState.OPEN, "ended_at": None},
        {"ended_at": KEPT + 1},
        {"seen_at": KEPT + 1},
    ],
    ids=["open", "ended lately", "asked for lately"],
)
def test_what_is_not_over_stays(store: Store, changes: dict[str, Any]) -> None:
    """An open lease, and one that ended or was named within the time that is kept."""
    bought(store, 1, **changes)
    assert pruned(store) == 0
    assert kept(store) == {"1"}


def test_a_lost_purchase_and_a_shared_unit_stay(store: Store) -> None:
    """The one may still be looked for; the other says which arm a client or an order was drawn for."""
    shared = replace(NO_CHOICE, unit="client:192.0.2.7")
    store.bind(NAME, [(tpurchase(id="p-1", lost=True), []), (tpurchase(id="p-2", assignment=shared), [])])
    assert pruned(store) == 0
    assert store.arm_of_unit(NAME, shared.unit) is Arm.NEW


def test_counts_and_money_stay_as_they_were(store: Store) -> None:
    """Sums do not depend on whether a lease is there by itself or as a count."""
    for number in range(3):
        bought(store, number)
    bought(store, 3, state=LeaseState.REFUNDED, code_at=None, claimed_at=NOW + 90, claim="ACCESS_CANCEL")
    bought(store, 4, price=None, price_source="")
    bought(store, 5, DRAWN)
    bought(store, 6, purchase=None)
    before = (store.lease_counts(NAME), store.money(NAME), store.offers(NAME))
    assert pruned(store)
    assert kept(store) == {"5"}
    assert (store.lease_counts(NAME), store.money(NAME), store.offers(NAME)) == before
    bought(store, 7)
    assert pruned(store)  # and counts of the same kind add up
    assert store.lease_counts(NAME)[Arm.NEW][LeaseState.SUCCEEDED] == 7


def test_books_stay_as_they_were(store: Store) -> None:
    """A balance is held against what the leases cost that are kept as counts, too; refunds that never came stay."""

    def look(at: float, balance: str) -> Any:
        reading = Reading(Arm.NEW, balance=Decimal(balance), at=at, until=at, account="")
        return store.reconcile(NAME, reading, 60.0, 60.0)

    refund = {"state": LeaseState.REFUNDED, "code_at": None, "claimed_at": NOW + 90, "claim": "ACCESS_CANCEL"}
    look(NOW - 10, "100.00")
    bought(store, 1)
    bought(store, 2, **refund)
    bought(store, 3, **refund)
    seen = look(NOW + DAY, "75.00")  # one refund of two has come
    assert pruned(store)
    assert kept(store) == {"3"}
    again = look(NOW + 2 * DAY, "75.00")
    assert replace(again, at=seen.at) == seen
    assert [one.id for one in store.overdue(NAME)] == ["3"]


def test_old_tallies_and_shapes_of_earlier_attempts_go(store: Store) -> None:
    """A few minutes of tallies at once."""
    keys = [TallyKey(1, 0, int(NOW + n * 60), Arm.OLD, "getStatus") for n in range(20)]
    new = TallyKey(1, 0, int(LATER), Arm.OLD, "getStatus")
    tallies = {key: Tally() for key in (*keys, new)}
    store.flush(NAME, "a", leases_changed=[], purchases=[], tallies=tallies, counters={})
    assert store.retention(NAME).prune(KEPT) == BUCKETS / 60
    assert pruned(store) == len(keys) - BUCKETS / 60
    assert set(store.tallies(NAME)) == {new}


def test_one_batch_is_small(file_store: Store) -> None:
    """The store is everybody's again after some hundred rows."""
    for start in range(0, 3 * BATCH, 100):
        leases = [
            tlease(id=f"9{n}", purchase=None, state=LeaseState.EXPIRED, ended_at=NOW, opened_at=NOW - 1200)
            for n in range(start, start + 100)
        ]
        file_store.flush(NAME, "a", leases_changed=leases, purchases=[], tallies={}, counters={})
    assert file_store.retention(NAME).prune(KEPT) == BATCH
    assert pruned(file_store) == 2 * BATCH


def test_the_file_gives_its_space_back(file_store: Store, file: Path) -> None:
    """What was pruned does not stay as a hole in the file."""
    leases = [tlease(id=f"9{n}", purchase=None, state=LeaseState.EXPIRED, ended_at=NOW) for n in range(3000)]
    file_store.flush(NAME, "a", leases_changed=leases, purchases=[], tallies={}, counters={})
    assert pruned(file_store) == 3000
    full = _pages(file)
    while file_store.retention(NAME).shrink():
        pass
    assert _pages(file) < full / 2


def _pages(file: Path) -> int:
    with sqlite3.connect(file) as connection:
        found: int = connection.execute("PRAGMA page_count").fetchone()[0]
        return found
