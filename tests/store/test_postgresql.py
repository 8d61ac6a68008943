"""What several processes on one PostgreSQL may do to each other, and what its loss does to them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic
from typing import Any

import psycopg
import pytest

from canary.core.model import Arm, Kind, Lease, LeaseState
from canary.store import postgresql
from canary.store.engine import open_engine
from canary.store.errors import StoreRefused, StoreUnavailable
from canary.store.leases import bind
from canary.store.migrations import MIGRATIONS
from canary.store.postgresql import take_turns
from canary.store.store import Store
from tests.factories import tlease, tpurchase, trollout
from tests.forwarder import Forwarder
from tests.postgres import Server
from tests.store.conftest import POLICY

NAME = trollout().name


@pytest.fixture
def state(database: str) -> str:
    """PostgreSQL alone."""
    return database


@pytest.fixture
def replica(state: str, store: Store) -> Iterator[Store]:
    """A second process's store."""
    opened = Store(state)
    yield opened
    opened.close()


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Do jobs at the same moment; what they returned, in order."""
    barrier = Barrier(len(jobs))

    def do(job: Callable[[], Any]) -> Any:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(do, jobs))


def test_replicas_that_start_at_once_make_one_schema(server: Server) -> None:
    """Four replicas that find an empty database bring it to the current schema once."""
    state = server.database()
    for engine in at_once(*[lambda: open_engine(state)] * 4):
        engine.dispose()
    with psycopg.connect(state) as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(len(MIGRATIONS),)]


def test_an_id_that_both_arms_issue_at_once_is_shown_once(store: Store, replica: Store) -> None:
    """Two replicas bind the same id of different arms at the same moment: each client gets an id of its own."""
    for number in range(40):
        old, new = tlease(id=str(number)), tlease(id=str(number), arm=Arm.NEW, purchase=f"n-{number}")
        [[(a,)], [(b,)]] = at_once(
            lambda old=old, n=number: store.bind(NAME, [(tpurchase(id=f"o-{n}"), [old])]),
            lambda new=new, n=number: replica.bind(NAME, [(tpurchase(id=f"n-{n}", arm=Arm.NEW), [new])]),
        )
        assert a.visible_id != b.visible_id
        assert (
            store.find(NAME, Kind.ACTIVATION, b.visible_id),
            replica.find(NAME, Kind.ACTIVATION, a.visible_id),
        ) == (b, a)


def test_a_stranger_that_two_replicas_meet_at_once_is_one_lease(store: Store, replica: Store) -> None:
    """Both adopt it; one binding is kept, and both go by it."""
    for number in range(20):
        met = [tlease(id=str(number), arm=arm, purchase=None) for arm in Arm]
        first, second = at_once(
            lambda met=met: store.adopt(NAME, met[0]), lambda met=met: replica.adopt(NAME, met[1])
        )
        assert first == second


def test_batches_of_the_same_leases_do_not_lock_each_other_out(store: Store, replica: Store) -> None:
    """Two replicas write the same leases in opposite orders at once; both batches are taken, and joined."""
    leases = [tlease(id=str(number)) for number in range(400)]
    store.bind(NAME, [(tpurchase(), leases)])

    def flush(to: Store, changed: list[Lease], proxy: str) -> None:
        to.flush(NAME, proxy, leases_changed=changed, purchases=[], tallies={}, counters={})

    ended = [tlease(id=x.id, state=LeaseState.SUCCEEDED, ended_at=x.opened_at + 9) for x in leases]
    coded = [tlease(id=x.id, code_at=x.opened_at + 5) for x in reversed(leases)]
    for _ in range(3):
        at_once(lambda: flush(store, ended, "a"), lambda: flush(replica, coded, "b"))
    found = store.load_live(NAME, 0)
    assert {(x.state, x.code_at is not None) for x in found} == {(LeaseState.SUCCEEDED, True)}


def test_a_purchase_that_is_written_late_is_not_passed_over(store: Store, state: str) -> None:
    """Serials come in the order of commits: a transaction that is still open keeps later ones waiting, so that a
    reader never remembers a serial beyond one that it has not seen."""
    with psycopg.connect(state) as slow, ThreadPoolExecutor(1) as pool:
        other = Store(state)
        with other._write() as connection:
            take_turns(connection, NAME)
            bind(connection, NAME, [(tpurchase(id="slow"), [])])
            fast = pool.submit(store.bind, NAME, [(tpurchase(id="fast"), [])])
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while slow.execute(waiting).fetchone() != (1,):
                slow.rollback()
            slow.rollback()
            assert slow.execute("SELECT id FROM purchases").fetchall() == []
        fast.result()
        slow.rollback()
        assert slow.execute("SELECT id FROM purchases ORDER BY serial").fetchall() == [("slow",), ("fast",)]
        other.close()


def test_a_cut_connection_is_replaced(store: Store, state: str) -> None:
    """An administrator or a failover cuts idle connections: the next call notices nothing."""
    with psycopg.connect(state, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert store.rollout(NAME) == trollout()


def test_a_row_that_somebody_keeps_locked_is_not_waited_for_long(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forgotten transaction holds a lease: writers hear that the store does not answer, soon."""
    monkeypatch.setattr("canary.store.engine.BUSY", 1.0)
    store = Store(state)
    store.create(trollout(), POLICY)
    store.bind(NAME, [(tpurchase(), [tlease()])])
    with psycopg.connect(state) as other:
        other.execute("SELECT * FROM leases FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            store.flush(NAME, "a", leases_changed=[tlease()], purchases=[], tallies={}, counters={})
    store.flush(NAME, "a", leases_changed=[tlease()], purchases=[], tallies={}, counters={})
    store.close()


def test_commits_reach_the_disk(server: Server) -> None:
    """A database that is set to answer before it wrote is asked to write first."""
    state = server.database()
    name = state.rpartition("/")[2]
    with psycopg.connect(state, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    engine = open_engine(state)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "10s"
    engine.dispose()


def test_text_that_postgresql_cannot_hold_stops_no_batch(store: Store) -> None:
    """A client that sends NUL or half a character is written down with a replacement, and its lookup finds nothing."""
    store.flush(NAME, "a", leases_changed=[], purchases=[], tallies={}, counters={"a\0b": 1, "\ud800": 2})
    assert store.counters(NAME) == {"a\ufffdb": 1, "?": 2}
    assert store.find(NAME, Kind.ACTIVATION, "1\0") is None


def test_a_row_that_does_not_fit_is_refused(store: Store) -> None:
    """An id longer than its column is said to be refused; the store is as it was."""
    with pytest.raises(StoreRefused, match="too long"):
        store.bind(NAME, [(tpurchase(), [tlease(id="7" * 300, visible_id="7" * 300)])])
    assert store.load_live(NAME, 0) == []


def test_a_server_that_went_away_is_said_and_found_again(server: Server) -> None:
    """While the server is down every call says so without its password; once it is back, they work again."""
    store = Store(server.database().replace("canary@", "canary:hunter2@"))
    store.create(trollout(), POLICY)
    server.stop()
    try:
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="does not answer") as caught:
                store.bind(NAME, [(tpurchase(), [tlease()])])
            assert "hunter2" not in str(caught.value)
    finally:
        server.start()
    [(lease,)] = store.bind(NAME, [(tpurchase(), [tlease()])])
    assert store.find(NAME, Kind.ACTIVATION, lease.visible_id) == lease
    store.close()


def test_a_server_that_says_nothing_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection stands and its machine acknowledges every byte: the wait ends all the same, and when the way is
    mended the next call works."""
    monkeypatch.setattr(postgresql, "STATEMENT", 0.3)
    monkeypatch.setattr("canary.store.engine.BUSY", 2.0)
    url = server.database()
    with Forwarder(server.port) as way:
        store = Store(url.replace(str(server.port), str(way.port)))
        store.create(trollout(), POLICY)
        way.cut()
        began = monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            store.look(NAME)
        assert monotonic() - began < 7.0  # a new connection was tried as well
        way.mend()
        assert store.look(NAME) is not None
        store.close()
