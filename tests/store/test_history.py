"""The evidence over time."""

import sqlite3
from pathlib import Path
from typing import Any

from canary.store.history import MOST, Point
from canary.store.store import Store
from canary.store.ticks import Change, Tick
from tests.factories import NOW, tdecision, trollout

NAME = trollout().name


def verdict(e: float) -> dict[str, Any]:
    """A verdict whose evidence stands at ``e``, and a plain count beside it."""
    sides = {"rollback": 0.5, "rollback_at": 285.0, "promote": e, "promote_at": 20.0}
    judged = {"old": {"n": 9, "value": 0.8}, "new": {"n": 5, "value": 0.9}, "evidence": sides}
    counted = {"old": None, "new": {"n": 3, "value": 0}, "evidence": None}
    return {"kind": "hold", "reasons": [], "metrics": {"lease_success": judged, "contract": counted}}


def look(store: Store, number: int, at: float, *, era: int = 1, change: Change | None = None) -> None:
    """One tick of the controller."""
    assert store.tick(NAME, Tick(number, at, era, verdict(1.0 + number), {}, change))


def test_a_look_is_kept_with_what_it_found(store: Store) -> None:
    """Both sides' evidence, both arms' values and how much they stand on; plain counts have no evidence."""
    look(store, 0, NOW)
    found = {"rollback": 0.5, "promote": 1.0, "old": 0.8, "new": 0.9, "n": 5}
    assert store.history(NAME) == [Point(NOW, {"lease_success": found})]


def test_a_long_era_keeps_a_few_hundred_points_from_first_to_last(store: Store) -> None:
    """However long the rollout runs, the picture stays small, begins at the beginning and ends near the end."""
    looks = 6 * MOST
    for number in range(looks):
        look(store, number, NOW + 5.0 * number)
    times = [point.at for point in store.history(NAME)]
    assert MOST / 2 <= len(times) <= MOST
    assert times[0] == NOW
    assert times[-1] >= NOW + 5.0 * looks * (1 - 1 / 100)
    assert times == sorted(times)


def test_the_look_of_a_decision_is_always_kept(store: Store) -> None:
    """The last point before a rollback shows why, however close it is to the one before."""
    look(store, 0, NOW)
    look(store, 1, NOW + 5000)
    before = trollout()
    look(store, 2, NOW + 5001, change=Change(before, trollout(revision=before.revision + 1), tdecision()))
    assert [point.at for point in store.history(NAME)] == [NOW, NOW + 5000, NOW + 5001]


def test_another_era_begins_another_picture(store: Store) -> None:
    """Evidence of an earlier attempt counts no more, and is not shown as if it did."""
    look(store, 0, NOW)
    look(store, 1, NOW + 9, era=2)
    assert [point.at for point in store.history(NAME)] == [NOW + 9]


def test_a_clock_that_went_back_keeps_the_order(store: Store) -> None:
    """A look from before the last one is passed over."""
    look(store, 0, NOW)
    look(store, 1, NOW - 3600)
    assert [point.at for point in store.history(NAME)] == [NOW]


def test_a_store_of_an_earlier_version_learns_to_keep_looks(file_store: Store, file: Path) -> None:
    """A store from before there was a history is brought to it when it is opened."""
    file_store.close()
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE history")
        connection.execute("UPDATE schema_version SET version = 1")
    opened = Store(file)
    assert opened.history(NAME) == []
    opened.close()
