"""The store's facade: rollout, decisions, leases, batches."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from threading import Barrier, Thread

from canary.core.model import Arm, Kind, LeaseState, Outcome
from canary.core.tally import Tally, TallyKey
from canary.store.store import Store
from canary.store.ticks import Change, Evidence, Tick
from tests.factories import NOW, tassignment, tdecision, tlease, tpurchase, trollout
from tests.store.conftest import POLICY

NAME = trollout().name


def test_a_rollout_is_written_once(store: Store) -> None:
    """Whoever comes second gets the rollout that is there, not a new one."""
    assert store.create(trollout(stage="other", salt="another"), POLICY) == trollout()
    assert store.names() == [NAME]


def test_a_change_is_saved_with_its_decision(store: Store) -> None:
    """A saved change and its decision are there together."""
    after = trollout(weight=0.25, revision=1)
    decision = tdecision(evidence={"log_e": 4.5})
    assert store.save(trollout(), after, decision)
    assert store.rollout(NAME) == after
    assert store.decisions(NAME) == [decision]


def test_of_two_changes_of_one_revision_one_wins(state: Path | str, store: Store) -> None:
    """Two writers that saw the same rollout cannot both change it, and the loser leaves no decision."""
    barrier, results = Barrier(4), []

    def change(weight: float) -> None:
        own = Store(state)
        barrier.wait()
        results.append(own.save(trollout(), trollout(weight=weight, revision=1), tdecision()))
        own.close()

    threads = [Thread(target=change, args=(weight,)) for weight in (0.1, 0.2, 0.3, 0.4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, False, True]
    assert len(store.decisions(NAME)) == 1


def test_decisions_come_in_order(store: Store) -> None:
    """The log reads from the first decision to the last; a limit keeps the last ones."""
    for revision in range(3):
        before, after = trollout(revision=revision), trollout(revision=revision + 1)
        store.save(before, after, tdecision(reason=f"number {revision}"))
    assert [d.reason for d in store.decisions(NAME)] == ["number 0", "number 1", "number 2"]
    assert [d.reason for d in store.decisions(NAME, limit=2)] == ["number 1", "number 2"]


def test_a_sign_of_life_keeps_the_last_verdict(store: Store) -> None:
    """A tick without a verdict does not erase the one that is there."""
    store.beat(NAME, NOW, {"kind": "hold"})
    store.beat(NAME, NOW + 5)
    look = store.look(NAME)
    assert look is not None
    assert look.heartbeat == NOW + 5
    assert store.verdict(NAME) == {"kind": "hold"}


def test_a_policy_is_kept_with_its_rollout(store: Store) -> None:
    """An operator can act on the store alone: the policy is in it."""
    assert store.policy(NAME) == POLICY
    assert store.policy("unheard of") is None
    assert store.rollout("unheard of") is None


def test_a_bound_lease_comes_back_whole(state: Path | str, store: Store) -> None:
    """Every field of a lease survives, money to the digit, and another process finds it."""
    lease = tlease(price=Decimal("0.100000000000000000001"), code_at=NOW + 5, calls=b"\x01\x02\x03\x80")
    [(bound,)] = store.bind(NAME, [(tpurchase(), [lease])])
    other = Store(state)
    assert bound == lease
    assert other.find(NAME, Kind.ACTIVATION, lease.id) == lease
    other.close()


def test_the_same_id_of_the_other_arm_gets_an_alias(store: Store) -> None:
    """Both arms issue one id: the second is shown another of the same kind, and each is found by its own."""
    old, new = tlease(id="100"), tlease(id="100", arm=Arm.NEW, purchase="p-2")
    [(first,), (second,)] = store.bind(NAME, [(tpurchase(), [old]), (tpurchase(id="p-2"), [new])])
    assert first.visible_id == "100"
    assert second.visible_id.isdecimal()
    assert second.visible_id != "100"
    assert int(second.visible_id) < 2**31
    assert store.find(NAME, Kind.ACTIVATION, second.visible_id) == second


def test_aliases_are_found_by_the_arms_own_ids(store: Store) -> None:
    """A list of any length, of which only the ids that clients know by another one come back."""
    store.bind(NAME, [(tpurchase(), [tlease(id="100"), tlease(id="101")])])
    [(alias,)] = store.bind(NAME, [(tpurchase(id="p-2"), [tlease(id="100", arm=Arm.NEW)])])
    own = [str(number) for number in range(1000)]
    assert store.visible_ids(NAME, Arm.NEW, Kind.ACTIVATION, own) == {"100": alias.visible_id}
    assert store.visible_ids(NAME, Arm.OLD, Kind.ACTIVATION, own) == {}
    assert store.visible_ids(NAME, Arm.NEW, Kind.RENT, own) == {}


def test_the_arms_that_issued_leases_are_known(store: Store) -> None:
    """None at first, then each from its first lease on."""
    assert store.issuers(NAME) == set()
    store.bind(NAME, [(tpurchase(), [tlease(arm=Arm.NEW)])])
    assert store.issuers(NAME) == {Arm.NEW}


def test_activations_and_rents_have_ids_of_their_own(store: Store) -> None:
    """A rent and an activation may share an id without an alias."""
    rent = tlease(id="7", kind=Kind.RENT, purchase="p-2")
    [(first,), (second,)] = store.bind(NAME, [(tpurchase(), [tlease(id="7")]), (tpurchase(id="p-2"), [rent])])
    assert (first.visible_id, second.visible_id) == ("7", "7")


def test_two_numbers_of_one_purchase_are_both_bound(store: Store) -> None:
    """A purchase of several services binds each of its leases."""
    [bound] = store.bind(NAME, [(tpurchase(), [tlease(id="1"), tlease(id="2")])])
    assert [lease.visible_id for lease in bound] == ["1", "2"]
    assert store.lease_counts(NAME)[Arm.OLD] == Counter({LeaseState.OPEN: 2})


def test_a_lease_bought_again_lives_anew_under_its_alias(store: Store) -> None:
    """An id that comes back is known by the id that the client knew it by; the former lease stays in the books."""
    store.bind(NAME, [(tpurchase(), [tlease(id="100")])])
    [(alias,)] = store.bind(NAME, [(tpurchase(id="p-2"), [tlease(id="100", arm=Arm.NEW)])])
    again = tlease(id="100", arm=Arm.NEW, opened_at=NOW + 900, purchase="p-3", state=LeaseState.OPEN)
    [(renewed,)] = store.bind(NAME, [(tpurchase(id="p-3"), [again])])
    assert renewed.visible_id == alias.visible_id
    found = store.find(NAME, Kind.ACTIVATION, alias.visible_id)
    assert found == renewed
    assert found.opened_at == NOW + 900
    assert store.lease_counts(NAME)[Arm.NEW] == {LeaseState.OPEN: 1, LeaseState.ABANDONED: 1}


def test_one_batch_may_hold_what_is_new_what_is_known_and_what_needs_an_alias(store: Store) -> None:
    """What others in its batch are changes nothing for a lease."""
    store.bind(NAME, [(tpurchase(), [tlease(id="100")])])
    batch = [
        (tpurchase(id="p-2"), [tlease(id="200", purchase="p-2"), tlease(id="201", purchase="p-2")]),
        (tpurchase(id="p-3"), [tlease(id="100", opened_at=NOW + 900, purchase="p-3")]),
        (tpurchase(id="p-4"), [tlease(id="100", arm=Arm.NEW, purchase="p-4")]),
        (tpurchase(id="p-5"), []),
    ]
    fresh, again, aliased, none = store.bind(NAME, batch)
    assert [lease.visible_id for lease in fresh] == ["200", "201"]
    assert [lease.visible_id for lease in again] == ["100"]
    assert aliased[0].visible_id not in {"100", "200", "201"}
    assert none == ()
    for lease in (*fresh, *again, *aliased):
        assert store.find(NAME, Kind.ACTIVATION, lease.visible_id) == lease


def test_a_stranger_is_adopted_once(store: Store) -> None:
    """A lease seen in traffic by two replicas at once is bound by the first."""
    lease = tlease(id="9", purchase=None)
    assert store.adopt(NAME, lease) == lease
    assert store.adopt(NAME, tlease(id="9", purchase=None, arm=Arm.NEW)) == lease


def test_memory_is_filled_with_open_and_recent_leases(store: Store) -> None:
    """After a restart the open leases and those that ended lately are known; the others stay in the store."""
    for number, changes in enumerate(
        (
            {},
            {"state": LeaseState.SUCCEEDED, "ended_at": NOW - 10},
            {"state": LeaseState.REFUNDED, "ended_at": NOW - 9000},
        )
    ):
        lease = tlease(id=str(number), purchase=f"p-{number}", **changes)
        store.bind(NAME, [(tpurchase(id=f"p-{number}"), [lease])])
    assert sorted(lease.id for lease in store.load_live(NAME, NOW - 3600)) == ["0", "1"]


def test_two_replicas_views_of_a_lease_become_one(store: Store) -> None:
    """What one replica saw of a lease is not lost when another writes what it saw."""
    store.bind(NAME, [(tpurchase(), [tlease()])])
    code = tlease(code_at=NOW + 20, seen_at=NOW + 20)
    claim = tlease(state=LeaseState.SUCCEEDED, ended_at=NOW + 30, claimed_at=NOW + 30, seen_at=NOW + 30)
    for view in (code, claim):
        _flush(store, leases_changed=[view])
    found = store.find(NAME, Kind.ACTIVATION, tlease().id)
    assert found is not None
    assert (found.code_at, found.claimed_at, found.state) == (NOW + 20, NOW + 30, LeaseState.SUCCEEDED)


def test_a_batch_written_twice_changes_nothing(store: Store) -> None:
    """A batch whose commit was not heard of may be written again."""
    tally = Tally()
    tally.add("ok", "JSON", 17)
    key = TallyKey(1, 0, 1_700_000_040, Arm.NEW, "getPrices")
    failed = tpurchase(outcome=Outcome.BUSINESS, code="NO_NUMBERS", assignment=tassignment())
    for _ in range(2):
        _flush(store, purchases=[failed], tallies={key: tally}, counters={"spillovers": 3})
    assert store.tallies(NAME) == {key: tally}
    assert store.counters(NAME) == Counter({"spillovers": 3})
    assert [(row.purchase, row.leases) for row in store.matured(NAME, 1, 0, NOW + 1)] == [(failed, ())]


def test_counts_of_all_proxies_add_up(store: Store) -> None:
    """Tallies and counters of several processes are one when read."""
    key = TallyKey(1, 0, 1_700_000_040, Arm.OLD, "getStatus")
    for proxy in ("a", "b"):
        tally = Tally()
        tally.add("ok", "STATUS_OK", 40)
        _flush(store, proxy=proxy, tallies={key: tally}, counters={"spillovers": 1})
    assert store.tallies(NAME)[key].calls == 2
    assert store.tallies(NAME, attempt=2) == {}
    assert store.counters(NAME)["spillovers"] == 2


def test_each_randomised_purchase_comes_once_with_its_lease(store: Store) -> None:
    """The judge reads every randomised purchase once, with the lease that it led to, and no other purchase."""
    _buy(store, NOW, NOW + 1, NOW + 2)
    store.bind(NAME, [(tpurchase(id="p-9"), [tlease(id="9", purchase="p-9")])])  # not randomised
    first = store.matured(NAME, 1, 0, NOW + 10, limit=2)
    rest = store.matured(NAME, 1, first[-1].serial, NOW + 10)
    assert [row.purchase.id for row in first + rest] == ["p-0", "p-1", "p-2"]
    assert [lease.id for row in first + rest for lease in row.leases] == ["0", "1", "2"]
    assert store.matured(NAME, 0, 0, NOW + 10) == []


def test_a_unit_is_drawn_once(store: Store) -> None:
    """Where clients or keys are drawn, only the first purchase of each is a bet."""
    for number, unit in enumerate(("client:a", "client:b", "client:a")):
        purchase = tpurchase(id=f"p-{number}", assignment=tassignment(unit=unit))
        store.bind(NAME, [(purchase, [tlease(id=str(number), purchase=purchase.id)])])
    assert [row.purchase.id for row in store.matured(NAME, 1, 0, NOW + 9, firsts=True)] == ["p-0", "p-1"]


def test_a_purchase_that_is_too_young_is_not_passed_over(store: Store) -> None:
    """A slow purchase written after a younger one is waited for: none is lost between two looks."""
    _buy(store, NOW, NOW + 30, NOW + 1)
    [first] = store.matured(NAME, 1, 0, NOW + 20)
    assert first.purchase.id == "p-0"
    assert [row.purchase.id for row in store.matured(NAME, 1, first.serial, NOW + 40)] == ["p-1", "p-2"]


def test_a_tick_is_written_whole(store: Store) -> None:
    """Evidence, verdict, sign of life and the decision appear together."""
    change = Change(trollout(), trollout(weight=0.0, revision=1), tdecision(event="harm"))
    tick = Tick(0, NOW + 5, 1, {"kind": "rollback"}, {"cells": [1, 2]}, change)
    assert store.tick(NAME, tick)
    look = store.look(NAME)
    assert look is not None
    assert (look.rollout.weight, look.heartbeat) == (0.0, NOW + 5)
    assert store.evidence(NAME, 1) == Evidence(1, {"cells": [1, 2]})
    assert store.evidence(NAME, 2) == Evidence(1, {})
    assert store.verdict(NAME) == {"kind": "rollback"}
    assert [d.event for d in store.decisions(NAME)] == ["harm"]


def test_of_two_controllers_one_ticks(store: Store) -> None:
    """A controller that was taken for dead writes nothing over its successor's evidence."""
    assert store.tick(NAME, Tick(0, NOW, 1, {"kind": "hold"}, {"cells": 1}))
    assert not store.tick(NAME, Tick(0, NOW, 1, {"kind": "rollback"}, {"cells": 2}))
    assert store.evidence(NAME, 1) == Evidence(1, {"cells": 1})


def test_a_tick_on_a_rollout_that_changed_leaves_nothing(store: Store) -> None:
    """An operator's event between look and write wins; the tick is made again on what it left."""
    store.save(trollout(), trollout(revision=1), tdecision(event="pause"))
    change = Change(trollout(), trollout(weight=0.25, revision=1), tdecision())
    assert not store.tick(NAME, Tick(0, NOW, 1, {"kind": "advance"}, {"cells": 1}, change))
    assert store.evidence(NAME, 1) == Evidence(0, {})
    assert [d.event for d in store.decisions(NAME)] == ["pause"]


def _buy(store: Store, *times: float) -> None:
    for number, at in enumerate(times):
        purchase = tpurchase(id=f"p-{number}", at=at, assignment=tassignment(unit=f"p-{number}"))
        store.bind(NAME, [(purchase, [tlease(id=str(number), purchase=purchase.id)])])


def _flush(store: Store, **batch: object) -> None:
    empty = {"proxy": "a", "leases_changed": [], "purchases": [], "tallies": {}, "counters": {}}
    arguments = {**empty, **batch}
    store.flush(NAME, str(arguments.pop("proxy")), **arguments)  # type: ignore[arg-type]
