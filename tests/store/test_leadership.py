"""One controller leads, and another one does when it is gone."""

from pathlib import Path

import psycopg
import pytest

from canary.store.errors import StoreUnavailable
from canary.store.leadership import Leadership
from canary.store.store import Store


def _end(*ends: Leadership | Store) -> None:
    for one in ends:
        one.give_up() if isinstance(one, Leadership) else one.close()


LOCKS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"


def test_one_of_two_leads_until_it_gives_up(database: str) -> None:
    """The other one stands by, however often it tries, and leads when the first has resigned."""
    stores = [Store(database) for _ in range(2)]
    first, second = (store.leadership("one") for store in stores)
    assert [first.held(), second.held(), first.held(), second.held()] == [True, False, True, False]
    first.give_up()
    assert [second.held(), first.held()] == [True, False]
    _end(first, second, *stores)


def test_each_rollout_has_a_leader_of_its_own(database: str) -> None:
    """Two rollouts in one database do not wait for each other's controllers."""
    store = Store(database)
    both = [store.leadership(name) for name in ("one", "another")]
    assert all(one.held() for one in both)
    _end(*both, store)


def test_a_leader_whose_connection_is_cut_leads_no_more(database: str) -> None:
    """It learns of it before it acts again, and tries anew from the end of the queue."""
    stores = [Store(database) for _ in range(2)]
    first, second = (store.leadership("one") for store in stores)
    assert first.held()
    with psycopg.connect(database, autocommit=True) as connection:
        [[leader]] = connection.execute(LOCKS).fetchall()
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (leader,))
    assert second.held()
    with pytest.raises(StoreUnavailable):
        first.held()
    assert not first.held()
    second.give_up()
    assert first.held()
    _end(first, second, *stores)


def test_the_server_soon_lets_go_of_a_leader_that_has_vanished(database: str) -> None:
    """The machine that held the lock is silent: the server looks after it within seconds, not after two hours."""
    store = Store(database)
    leadership = store.leadership("one")
    assert leadership.held()
    assert leadership._session is not None
    found = leadership._session.exec_driver_sql("SHOW tcp_keepalives_idle").scalar()
    assert found == "5"
    _end(leadership, store)


def test_in_a_file_every_controller_leads(file: Path) -> None:
    """Its ticks are guarded by their numbers alone; one machine's service manager starts one controller."""
    store = Store(file)
    assert all(store.leadership("one").held() for _ in range(2))
    store.leadership("one").give_up()
    store.close()
