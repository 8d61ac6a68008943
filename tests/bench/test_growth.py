"""How large a store becomes."""

from pathlib import Path

from bench.day import NAME, Day
from canary.store.store import Store

MOST = 200_000_000
HOURS = 2


def test_a_day_of_traffic_is_small(tmp_path: Path) -> None:
    """At 100 calls and one lease a second; two hours of it, taken twelve times."""
    store = Store(tmp_path / "day.db")
    day = Day(store)
    empty = _size(tmp_path)
    day.goes_on(HOURS * 3600)
    assert sum(sum(one.values()) for one in store.lease_counts(NAME).values()) == HOURS * 3600
    store.close()
    assert (_size(tmp_path) - empty) * 24 / HOURS < MOST


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
