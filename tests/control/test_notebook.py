"""The notebook: what is taken in, when, once, and what the next look is handed."""

from dataclasses import replace
from math import inf

import pytest

from canary.control import notebook as module
from canary.control.era import Era
from canary.control.notebook import LOOK, Notebook
from canary.core.basis import Ground
from canary.core.model import Arm
from canary.core.stats.eprocess import Side
from canary.core.verdict import stage_facts
from canary.store.errors import StoreUnavailable
from canary.store.store import Store
from tests.control.world import DOWN, NAME, World, make_policy
from tests.factories import tassignment, tlease, tpurchase

GATES = {"lease_success": {}, "early_success": {}, "acquire": {}}


@pytest.fixture
def world(store: Store) -> World:
    """Half of the leases go to new from the start; three gates with windows of 20 minutes, 3 minutes and 30 s."""
    stages = [{"name": "canary", "weight": "50%", "hold": "24h"}]
    return World(store, make_policy(stages=stages, gates=GATES))


def opened(world: World) -> Notebook:
    """A notebook as a controller that has just started opens it."""
    era = Era(1, -inf, 0)
    return Notebook(world.policy, Ground(1, era.since, 1200.0), era, world.store.evidence(NAME, 1))


def seen(notebook: Notebook) -> dict[str, int]:
    """Bets per metric."""
    return {
        gate.name: sum(notebook.evidence[gate.name].pooled.leases(arm) for arm in Arm)
        for gate in notebook.evidence.gates
    }


def test_each_gate_reads_at_its_own_age(world: World) -> None:
    """A purchase is answered for soon, an early code later, the lease when its lifetime is over."""
    world.insert(
        [
            (
                tpurchase(at=world.clock(), assignment=tassignment(probability=0.5, stage=0)),
                [tlease(opened_at=world.clock(), code_at=world.clock() + 60)],
            )
        ]
    )
    notebook = opened(world)
    for age, names in [
        (34.0, set()),
        (36.0, {"acquire", "stock"}),
        (184.0, {"acquire", "stock"}),
        (186.0, {"acquire", "stock", "early_success"}),
        (1204.0, {"acquire", "stock", "early_success"}),
        (1206.0, {"acquire", "stock", "early_success", "lease_success"}),
    ]:
        notebook.take_in(world.store, world.clock() + age)
        assert {name for name, n in seen(notebook).items() if n} == names


def test_nothing_counts_twice(world: World) -> None:
    """Reading again, in one notebook or in one that was opened again, adds nothing."""
    world.buy(50)
    world.mature()
    notebook = opened(world)
    notebook.take_in(world.store, world.clock())
    once = seen(notebook)
    notebook.take_in(world.store, world.clock())
    assert seen(notebook) == once
    world.tick()
    again = opened(world)
    again.take_in(world.store, world.clock())
    assert seen(again) == once


def test_several_numbers_of_one_purchase_are_one_bet(world: World) -> None:
    """An order of five numbers is drawn once and counts once."""
    purchase = tpurchase(at=world.clock(), assignment=tassignment(probability=0.5, stage=0))
    leases = [tlease(id=str(n), opened_at=purchase.at, code_at=purchase.at + 9) for n in range(5)]
    world.insert([(purchase, leases)])
    world.mature()
    notebook = opened(world)
    notebook.take_in(world.store, world.clock())
    assert set(seen(notebook).values()) == {1}


def test_a_lost_store_keeps_what_was_taken_in(world: World) -> None:
    """A read that fails half way is no harm: what was read stays, and the rest is read next time."""
    world.buy(30)
    world.mature()

    class Lost:
        """Answers once."""

        def __init__(self) -> None:
            self.asked = 0

        def matured(self, *args: object, **options: object) -> object:
            self.asked += 1
            if self.asked > 1:
                raise StoreUnavailable("busy")
            return world.store.matured(*args, **options)  # type: ignore[arg-type]

    notebook = opened(world)
    with pytest.raises(StoreUnavailable):
        notebook.take_in(Lost(), world.clock())  # type: ignore[arg-type]
    notebook.take_in(world.store, world.clock())
    fresh = opened(world)
    fresh.take_in(world.store, world.clock())
    assert seen(notebook) == seen(fresh)


def test_a_look_hands_peaks_to_the_next(world: World) -> None:
    """What was proven once stays so, also for a controller that starts later."""
    world.buy(60)
    world.mature()
    verdict = world.tick()
    assert verdict is not None
    notebook = opened(world)
    assert notebook.peaks == verdict.peaks
    assert set(notebook.peaks["lease_success"]) == set(Side)
    assert not notebook.down
    assert notebook.ticks == 1


def test_a_common_outage_is_remembered(world: World) -> None:
    """That both arms were down at the last look is in the store, so that a restart pauses nothing twice."""
    world.buy(60)
    world.mature()
    world.tick()
    world.clock.advance(3600.0)
    world.buy(80, DOWN)
    world.mature()
    world.tick()
    assert opened(world).down


def test_only_what_changed_is_written(world: World) -> None:
    """A look at nothing new writes neither counts nor peaks."""
    world.buy(30)
    world.mature()
    world.tick()
    notebook = opened(world)
    notebook.take_in(world.store, world.clock())
    basis = notebook.basis(stage_facts(world.policy, world.rollout, world.clock()))
    verdict = basis.judge(notebook.evidence, world.policy)
    assert notebook.changed(verdict) == {}
    assert set(notebook.changed(replace(verdict, pause=True))) == {LOOK}


def test_a_basis_says_how_far_was_read(world: World) -> None:
    """Per metric the serial of the last purchase: the young ones are in none, or only in those that mature early."""
    world.buy(20, gap=60.0)
    notebook = opened(world)
    notebook.take_in(world.store, world.clock())
    cursors = notebook.basis(stage_facts(world.policy, world.rollout, world.clock())).cursors
    assert set(cursors) == {*GATES, "stock"}
    assert cursors["lease_success"] == 0
    assert 0 < cursors["early_success"] < cursors["acquire"] == 20


def test_a_tick_reads_in_pieces_and_no_more_than_so_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller that was away for long takes what matured meanwhile in several ticks, nothing twice."""
    monkeypatch.setattr(module, "PIECE", 7)
    monkeypatch.setattr(module, "PIECES", 2)
    world.buy(20)
    world.mature()
    notebook = opened(world)
    read = []
    for _ in range(3):
        notebook.take_in(world.store, world.clock())
        read.append([notebook.evidence.cursor(gate) for gate in GATES])
    assert read == [[14] * len(GATES), [20] * len(GATES), [20] * len(GATES)]
