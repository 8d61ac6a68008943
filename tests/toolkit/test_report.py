"""The report: decisions made again from what the store holds."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from canary.core.leases import append_call
from canary.core.model import LeaseState
from canary.core.stage import Event
from canary.store.errors import StoreError
from canary.store.store import Store
from canary.toolkit.report import Report, report
from tests.control.world import DOWN, GATES, HOUR, NAME, STAGES, WORSE, World, make_policy
from tests.factories import tdecision


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the store is kept."""
    return tmp_path / "canary.db"


@pytest.fixture
def store(state: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store(state)
    yield opened
    opened.close()


@pytest.fixture
def world(store: Store) -> World:
    """A rollout with every gate of the default set, so that latency, refunds and prices are judged too."""
    return World(store, make_policy(gates=_ALL))


_ALL = {
    **GATES,
    "early_success": {},
    "call_success": {"promote_margin": "10pp"},
    "latency_p95": {"promote_margin": "2x"},
    "refund_ratio": {"promote_margin": "20pp"},
    "cost_per_success": {},
}


def findings(found: Report) -> list[tuple[str, bool | None]]:
    return [(review.decision.event, review.agrees) for review in found.reviews]


def judged(world: World) -> Report:
    """The report, with what it has to complain about shown when it does."""
    found = report(world.store, NAME)
    assert [review.differences for review in found.reviews if review.agrees is False] == []
    return found


def rolled_out(world: World) -> None:
    """A canary that clears, is paused and resumed by hand, and is then found to do harm."""
    world.warm_up()
    world.buy(500)
    world.clock.advance(HOUR)
    world.tick()
    world.act(Event.PAUSE, "lunch")
    world.act(Event.RESUME)
    world.buy(60)
    world.mature()
    world.tick()
    world.buy(200, WORSE)
    world.mature()
    world.tick()


def test_every_decision_of_the_controller_is_made_again(world: World) -> None:
    """Its kind, its reasons and all its numbers come out the same; an operator's decisions have none to make."""
    rolled_out(world)
    found = judged(world)
    assert findings(found) == [
        ("advance", True),
        ("advance", True),
        ("pause", None),
        ("resume", None),
        ("harm", True),
    ]
    stored = world.store.policy(NAME)
    assert stored is not None
    assert (found.name, found.policy_hash) == (NAME, stored.hash)
    assert found.as_json()["totals"] == {"decisions": 5, "recomputed": 3, "agree": 3, "disagree": 0}
    json.dumps(found.as_json(), allow_nan=False)


def test_the_evidence_that_the_controller_keeps_is_not_asked(world: World, state: Path) -> None:
    """Decisions are made again from purchases and leases: the controller's own counts may be gone."""
    rolled_out(world)
    with closing(sqlite3.connect(state)) as database, database:
        database.execute("DELETE FROM evidence")
    assert judged(world).agreeing == 3


def test_what_happened_after_a_decision_changes_nothing(world: World, store: Store) -> None:
    """Leases that live on, late codes and later purchases are not what was decided upon."""
    world.warm_up()
    world.buy(150, WORSE)
    world.mature()
    world.tick()
    assert world.events[-1] == "harm"
    grown = [_older(lease) for lease in store.load_live(NAME, 0.0)]
    store.flush(NAME, "proxy", leases_changed=grown, purchases=[], tallies={}, counters={})
    world.buy(100)
    found = judged(world)
    assert findings(found)[-1] == ("harm", True)


def _older(lease: Any) -> Any:
    """The lease an hour later: asked for once more, and a code came at last."""
    late = lease.opened_at + HOUR
    calls = append_call(lease.calls, HOUR, 300, True)
    if lease.code_at is not None or lease.claimed_at is not None:
        return replace(lease, calls=calls, seen_at=late)
    return replace(lease, calls=calls, state=LeaseState.SUCCEEDED, code_at=late, ended_at=late, seen_at=late)


def test_a_pause_for_both_arms_is_made_again(world: World) -> None:
    """The decision to pause is one of the controller's, an operator's pause is not."""
    world.warm_up()
    world.buy(120, DOWN)
    world.mature()
    world.tick()
    assert findings(judged(world)) == [("advance", True), ("pause", True)]


def test_attempts_and_edits_are_judged_by_their_own_terms(world: World) -> None:
    """After a restart, or under another policy, each decision is made again with what counted then."""
    rolled_out(world)
    world.act(Event.RESTART)
    world.warm_up()
    world.edit(make_policy(gates=_ALL | {"lease_success": {"promote_margin": "25pp"}}))
    world.buy(500)
    world.clock.advance(HOUR)
    world.tick()
    world.edit(make_policy(gates=_ALL | {"lease_success": {"promote_margin": "25pp"}}, stages=STAGES[:3]))
    world.buy(150, WORSE)
    world.mature()
    world.tick()
    found = judged(world)
    assert findings(found)[5:] == [
        ("restart", None),
        ("advance", True),
        ("policy", None),
        ("advance", True),
        ("policy", None),
        ("harm", True),
    ]
    assert len({review.decision.policy_hash for review in found.reviews}) == 3


def test_units_are_counted_once_here_too(store: Store) -> None:
    """With unit: client the same purchases count as did for the controller."""
    world = World(store, make_policy(unit="client"))
    world.buy(120, unit_of=lambda number: f"client-{number % 90}")
    world.mature()
    world.tick()
    world.buy(300, WORSE, unit_of=lambda number: f"client-{number % 200}")
    world.mature()
    world.tick()
    assert findings(judged(world)) == [("advance", True), ("harm", True)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE leases SET code_at = NULL WHERE arm = 'old'", "metrics.lease_success.old.value"),
        ("DELETE FROM purchases WHERE serial % 7 = 0", "metrics.lease_success.new.n"),
        ("UPDATE decisions SET reason = 'because' WHERE event = 'harm'", "reason: recorded 'because'"),
        ("UPDATE decisions SET event = 'advance' WHERE event = 'harm'", "event: recorded 'advance'"),
    ],
)
def test_what_was_tampered_with_disagrees(world: World, state: Path, statement: str, said: str) -> None:
    """A log or data that was changed afterwards is found, and where."""
    rolled_out(world)
    with closing(sqlite3.connect(state)) as database, database:
        database.execute(statement)
    found = report(world.store, NAME)
    last = found.reviews[-1]
    assert last.agrees is False
    assert any(difference.startswith(said) for difference in last.differences)
    assert found.as_json()["totals"]["disagree"] == found.disagreeing > 0


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        ("DELETE FROM policies", "its policy is not in the store"),
        ("UPDATE policies SET json = '{\"from\": \"the future\"}'", "its policy is not in the store"),
        ("UPDATE decisions SET evidence = json_remove(evidence, '$.basis')", "what it had read is not in the store"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_again_is_said(world: World, state: Path, statement: str, lost: str) -> None:
    """A decision without its basis or policy is neither confirmed nor denied."""
    rolled_out(world)
    with closing(sqlite3.connect(state)) as database, database:
        if "policies" in statement:
            database.execute("UPDATE rollouts SET policy_hash = 'kept'")
            database.execute("INSERT INTO policies SELECT 'kept', json FROM policies LIMIT 1")
            statement += " WHERE hash != 'kept'"
        database.execute(statement)
    found = report(world.store, NAME)
    assert found.agreeing == found.disagreeing == 0
    assert found.reviews[-1].agrees is None
    assert found.reviews[-1].differences[0].startswith(lost)


def test_a_rollout_without_decisions(world: World) -> None:
    """There is nothing to complain about."""
    found = report(world.store, NAME)
    assert found.reviews == ()
    assert found.as_json()["totals"] == {"decisions": 0, "recomputed": 0, "agree": 0, "disagree": 0}


def test_an_unknown_rollout_names_those_that_there_are(world: World) -> None:
    """A wrong name is answered with the right one."""
    with pytest.raises(StoreError, match="no rollout named 'x'; it holds t"):
        report(world.store, "x")


def test_progress_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is told in steps from the first purchase to the last, never beyond."""
    monkeypatch.setattr("canary.toolkit.report.BATCH", 100)
    rolled_out(world)
    told: list[tuple[int, int]] = []
    report(world.store, NAME, lambda done, last: told.append((done, last)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {last for _, last in told} == {840}
    assert told[-1][0] == 840
    assert len(told) > 8


def test_a_decision_of_an_operator_needs_no_verdict(world: World) -> None:
    """Whatever an operator wrote into the evidence, there is no verdict to make again."""
    before = world.rollout
    row = tdecision(event="promote", actor="operator", evidence={"why": "a hunch"})
    world.store.save(before, replace(before, revision=1), row)
    assert findings(report(world.store, NAME)) == [("promote", None)]
