"""Hazards as rows: totals of each process, added up when read."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from canary.core.hazards import HazardName, Record, Suspect
from canary.store.store import Store
from tests.factories import NOW, trollout

NAME = trollout().name
FAST = Suspect(HazardName.POLLING_TOO_FAST, "192.0.2.7", "k1")
LOST = Suspect(HazardName.UNCLAIMED_REFUND, "192.0.2.7", "k1")


def trecord(n: int = 1, at: float = NOW, amount: str = "0", example: str = "e") -> Record:
    return Record(n, at, at + n, Decimal(amount), example)


def write(store: Store, proxy: str, records: dict[Suspect, Record]) -> None:
    store.flush(NAME, proxy, leases_changed=[], purchases=[], tallies={}, counters={}, records=records)


def test_rows_of_all_processes_are_added_up(store: Store) -> None:
    """Counts and money add up, the first sighting gives the example, the last its time."""
    write(store, "a", {LOST: trecord(2, NOW + 50, "0.40", "second")})
    write(store, "b", {LOST: trecord(3, NOW, "0.35", "first")})
    assert store.hazards(NAME) == {LOST: Record(5, NOW, NOW + 52, Decimal("0.75"), "first")}


def test_writing_the_same_totals_twice_changes_nothing(store: Store) -> None:
    """They are totals of a process, not news."""
    for _ in range(2):
        write(store, "a", {FAST: trecord(2)})
    assert store.hazards(NAME) == {FAST: trecord(2)}


def test_the_most_frequent_comes_first(store: Store) -> None:
    """By name, then by how often."""
    others = [Suspect(HazardName.POLLING_TOO_FAST, f"192.0.2.{n}", "") for n in (1, 2, 3)]
    records = {one: trecord(n) for n, one in enumerate(others, 1)}
    write(store, "a", {**records, LOST: trecord(9)})
    assert list(store.hazards(NAME)) == [others[2], others[1], others[0], LOST]


records = st.builds(
    trecord, st.integers(1, 9), st.integers(0, 99).map(float), st.just("0.10"), st.sampled_from("abc")
)


@given(records, records, records)
def test_records_add_up_in_any_order(a: Record, b: Record, c: Record) -> None:
    """Processes may be read in whatever order."""
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
