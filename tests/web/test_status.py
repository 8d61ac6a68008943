"""The status object."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from canary.core.model import Arm, LeaseState, RolloutState
from canary.store.errors import StoreError
from canary.store.outbox import Message
from canary.store.store import Store
from canary.web.status import status_of
from tests.factories import NOW, FakeClock, tdecision, tlease, tpurchase
from tests.web.serving import NAME

METRIC = {
    "verdict": "pass",
    "old": {"n": 400, "value": 0.85},
    "new": {"n": 21, "value": 0.9},
    "difference": 0.05,
    "interval": [-0.1, 0.2],
    "margin": 0.02,
    "evidence": 3.5,
}


def shape(value: Any) -> Any:
    """The keys of nested objects, in order."""
    return {key: shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


ARM_MONEY = {"spent": None, "refunded": None, "outstanding": None, "per_success": None}
ARM_LEASES = {"open": None, "total": None}


def test_every_key_is_there_before_anything_happened(store: Store, clock: FakeClock) -> None:
    """A rollout that has just begun has the whole shape, with zeros and an honest verdict."""
    status = status_of(store, NAME, clock())
    assert shape(status) == {
        **dict.fromkeys(("name", "stage", "stage_index", "weight", "state", "safe_arm", "since")),
        "controller": {"heartbeat_age": None},
        "verdict": {"kind": None, "reasons": None},
        "metrics": {},
        "leases": {"old": ARM_LEASES, "new": ARM_LEASES},
        "shadow": dict.fromkeys(("sent", "dropped", "differences", "spent")),
        "webhooks": dict.fromkeys(("received", "forwarded", "waiting")),
        "money": {"old": ARM_MONEY, "new": ARM_MONEY},
        "hazards": {},
    }
    assert status["verdict"]["kind"] == "hold"
    assert "nothing has been judged" in status["verdict"]["reasons"][0]
    assert status["money"]["new"] == {
        "spent": 0.0,
        "refunded": 0.0,
        "outstanding": 0.0,
        "per_success": None,
    }


def test_it_says_where_the_rollout_stands(store: Store, clock: FakeClock) -> None:
    """Stage, weight, state and safe arm are those in force."""
    status = status_of(store, NAME, clock())
    assert (status["name"], status["stage"], status["stage_index"]) == (NAME, "canary", 0)
    assert (status["weight"], status["state"], status["safe_arm"]) == (0.05, "running", "old")
    assert status["since"] == NOW


def test_the_verdict_is_the_controllers(store: Store, clock: FakeClock) -> None:
    """Kind, reasons and metrics are passed on as the controller left them."""
    verdict = {"kind": "advance", "reasons": ["every gate cleared"], "metrics": {"lease_success": METRIC}}
    store.beat(NAME, clock(), verdict)
    status = status_of(store, NAME, clock.advance(7.0))
    assert status["verdict"] == {"kind": "advance", "reasons": ["every gate cleared"]}
    assert status["metrics"] == {"lease_success": METRIC}
    assert status["controller"]["heartbeat_age"] == 7.0


def test_an_operators_rollback_is_the_verdict(store: Store, clock: FakeClock) -> None:
    """After a rollback by hand the verdict says who did it and why, not what the controller thought before."""
    store.beat(
        NAME, clock(), {"kind": "hold", "reasons": ["the stage holds"], "metrics": {"acquire": METRIC}}
    )
    _rolled_back(store, event="rollback", actor="ann@host (cli)", reason="p95 looks odd")
    status = status_of(store, NAME, clock())
    assert status["verdict"] == {
        "kind": "rollback",
        "reasons": ["rolled back by ann@host (cli): p95 looks odd"],
    }
    assert status["metrics"] == {"acquire": METRIC}


def test_the_controllers_rollback_keeps_its_reasons(store: Store, clock: FakeClock) -> None:
    """After a rollback by the controller the verdict is the one that it rolled back on."""
    store.beat(NAME, clock(), {"kind": "rollback", "reasons": ["acquire is down"], "metrics": {}})
    _rolled_back(store, event="harm", actor="controller", reason="acquire is down")
    assert status_of(store, NAME, clock())["verdict"]["reasons"] == ["acquire is down"]


def _rolled_back(store: Store, **decision: Any) -> None:
    before = store.rollout(NAME)
    assert before is not None
    after = replace(before, state=RolloutState.ROLLED_BACK, weight=0.0, revision=before.revision + 1)
    assert store.save(before, after, tdecision(**decision))


def test_counters_become_shadow_and_hazards(store: Store, clock: FakeClock) -> None:
    """Counters of all proxies are added up; those that begin with hazard_ are hazards."""
    counters = {"shadow_sent": 5, "shadow_dropped": 2, "hazard_early_finish": 3}
    for proxy in ("a", "b"):
        store.flush(NAME, proxy, leases_changed=[], purchases=[], tallies={}, counters=counters)
    status = status_of(store, NAME, clock())
    assert status["shadow"] == {"sent": 10, "dropped": 4, "differences": 0, "spent": 0.0}
    assert status["hazards"] == {"early_finish": 6}


def test_webhooks_are_counted(store: Store, clock: FakeClock) -> None:
    """What came and what the client took, of all proxies, and what waits in the store."""
    for proxy in ("a", "b"):
        counters = {"webhooks": 3, "webhooks_forwarded": 2}
        store.flush(NAME, proxy, leases_changed=[], purchases=[], tallies={}, counters=counters)
    message = Message(Arm.OLD, "d", "lane", "192.0.2.1", "", b"{}", NOW, NOW)
    store.outbox(NAME).put(message)
    assert status_of(store, NAME, clock())["webhooks"] == {"received": 6, "forwarded": 4, "waiting": 1}


def test_leases_and_money_are_the_stores(store: Store, clock: FakeClock) -> None:
    """Open and total leases per arm, and what they cost."""
    bought = [
        tlease(id="1", state=LeaseState.SUCCEEDED, price=Decimal("0.10")),
        tlease(id="2", state=LeaseState.REFUNDED, ended_at=NOW + 9, price=Decimal("0.20")),
        tlease(id="3", price=Decimal("0.05"), arm=Arm.NEW),
    ]
    store.bind(NAME, [(tpurchase(), bought)])
    status = status_of(store, NAME, clock())
    assert status["leases"] == {"old": {"open": 0, "total": 2}, "new": {"open": 1, "total": 1}}
    assert status["money"]["old"] == {"spent": 0.3, "refunded": 0.2, "outstanding": 0, "per_success": 0.1}
    assert status["money"]["new"] == {"spent": 0.05, "refunded": 0, "outstanding": 0, "per_success": None}


def test_an_unknown_rollout_is_said_in_a_sentence(store: Store, clock: FakeClock) -> None:
    """A name that the store does not hold is an error that names it."""
    with pytest.raises(StoreError, match="holds no rollout named 'other'"):
        status_of(store, "other", clock())
