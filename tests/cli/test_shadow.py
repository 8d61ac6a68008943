"""``canary shadow``."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from time import time

import pytest

from canary.core.budget import Refusal
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.cli.night import canary, canary_beside
from tests.factories import trollout
from tests.store.test_shadow_leases import CAPS, NAME, tshadow
from tests.web.serving import TOKEN, serving


@pytest.fixture
def state(tmp_path: Path) -> str:
    """A state with an open live shadow lease and one that is being bought."""
    path = tmp_path / "canary.db"
    store = Store(path)
    store.create(trollout(), StoredPolicy("0123456789ab", "{}"))
    book = store.shadow_book(NAME)
    for name in ("s-1", "s-2"):
        assert book.reserve(tshadow(name, at=time()), CAPS) is None
    book.bought(replace(tshadow("s-1"), own_id="7", amount=Decimal("0.07")))
    store.close()
    return str(path)


def test_the_status_tells_what_they_cost(state: str) -> None:
    """How many there are, and the money of the rollout, of today and of those that are open."""
    said = canary("shadow", "status", "--state", state)
    assert said.out.splitlines() == [
        "shadow leases: 1 open, 1 being bought or looked for, 0 given back or over",
        "spent, refunds aside: 0.17 in this rollout, 0.17 today; 0.17 not given back yet",
    ]


def test_what_is_left_out_is_told(state: str) -> None:
    """Rents and several services at once, by action."""
    store = Store(state)
    counters = {"shadow_left_out_getRentNumber": 3, "shadow_left_out_getMultiServiceNumber": 1}
    store.flush(NAME, "p-1", leases_changed=[], purchases=[], tallies={}, counters=counters)
    store.close()
    said = canary("shadow", "status", "--state", state)
    assert said.out.splitlines()[-1] == (
        "not repeated, because they are not of one number alone: 1 getMultiServiceNumber, 3 getRentNumber"
    )


def test_scripts_read_the_same(state: str) -> None:
    """As JSON."""
    found = json.loads(canary("shadow", "status", "--state", state, "--json").out)
    assert found == {
        "name": NAME,
        "stopped": False,
        "by": None,
        "leases": {"reserved": 1, "open": 1, "ended": 0},
        "left_out": {},
        "spent": {"run": 0.17, "day": 0.17, "outstanding": 0.17},
    }


def test_a_stop_and_a_start_are_in_force_and_on_the_record(state: str) -> None:
    """At once, with who and why."""
    said = canary("shadow", "stop", "--state", state, "--reason", "too dear")
    assert said.out.splitlines()[-1].startswith("stopped by ")
    assert said.out.splitlines()[-1].endswith(": too dear")
    store = Store(state)
    assert store.shadow_book(NAME).reserve(tshadow("s-3"), CAPS) is Refusal.STOPPED
    assert canary("shadow", "start", "--state", state).out.splitlines()[-1].startswith("started by ")
    assert store.shadow_book(NAME).reserve(tshadow("s-3"), CAPS) is None
    assert [decision.event for decision in store.decisions(NAME)] == ["shadow_stop", "shadow_start"]
    store.close()


def test_an_unknown_rollout_is_a_sentence(state: str) -> None:
    """Exit code 2, with what there is."""
    said = canary("shadow", "stop", "--state", state, "--name", "other")
    assert said.code == 2
    assert f"holds no rollout named 'other'; it holds {NAME}" in said.err


async def test_a_running_harness_is_stopped_at_its_address(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --admin the switch is turned through the admin API, and what is told is the same."""
    monkeypatch.setenv("CANARY_ADMIN_TOKEN", TOKEN)
    store = Store(state)
    async with serving(store, time, name=NAME) as client:
        where = ["--admin", client.url]
        stopped = await canary_beside(["shadow", "stop", "--reason", "too dear", *where])
        assert "stopped by" in stopped.out
        assert stopped.out.endswith(": too dear\n")
        told = await canary_beside(["shadow", "status", "--json", *where])
        assert json.loads(told.out) == json.loads(canary("shadow", "status", "--json", "--state", state).out)
        assert "started by" in (await canary_beside(["shadow", "start", *where])).out
    assert store.shadow_book(NAME).switch().stopped is False
    store.close()
