"""Fixed-horizon tests of a rollout."""

from collections.abc import Callable
from pathlib import Path

import pytest

from canary.core.policy.gates import STATISTICAL
from canary.core.stats.fixed import LABEL
from canary.store.store import Store
from canary.toolkit.horizon import TIME, AtHorizon, horizon_of
from tests.core.traffic import against
from tests.story import HOUR, NAME, Story

type Tell = Callable[..., list[AtHorizon]]


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """The tests of five hours in which ``new`` behaves so."""

    def telling(**new: float) -> list[AtHorizon]:
        story = Story(Store(tmp_path / "canary.db"), rate=240, tick=900)
        story.goes_on(5 * HOUR, against(**new))
        found = horizon_of(story.store, NAME, story.store.decisions(NAME), story.clock())
        story.store.close()
        return found

    return telling


def test_every_gate_but_cost_has_its_test(tell: Tell) -> None:
    """Rates by Fisher or Boschloo, latency by rank and by bootstrap, the time to the code by log-rank; all labelled."""
    found = tell()
    assert [one.metric for one in found if one.metric != TIME] == [
        *(name for name in STATISTICAL if name not in {"latency_p95", "refund_ratio", "cost_per_success"}),
        "latency_p95",
        "latency_p95",
        "refund_ratio",
    ]
    assert {one.test.label for one in found} == {LABEL}
    assert next(one for one in found if one.metric == TIME).test.name.startswith("log-rank")


def test_equal_arms_are_not_told_apart(tell: Tell) -> None:
    """With the seed of the story no p-value is small."""
    assert all(one.test.p_value > 0.001 for one in tell() if one.test.p_value is not None)


def test_harm_is_seen(tell: Tell) -> None:
    """Half the codes and three times the latency leave no doubt, in the right direction."""
    found = {(one.metric, one.test.name): one.test for one in tell(success=0.4, slower=3.0)}
    success = next(test for (metric, _), test in found.items() if metric == "lease_success")
    ratio = found["latency_p95", "bootstrap of the p95 ratio"]
    assert success.p_value is not None
    assert success.p_value < 0.001
    assert success.estimate is not None
    assert success.estimate > 0.2
    assert ratio.interval is not None
    assert ratio.interval[0] > 2


def test_the_same_store_gives_the_same_tests(tell: Tell, tmp_path: Path) -> None:
    """The bootstrap has a fixed seed."""
    first = tell()
    store = Store(tmp_path / "canary.db")
    now = store.history(NAME)[-1].at
    assert horizon_of(store, NAME, store.decisions(NAME), now) == first
    store.close()


def test_a_rollout_without_leases_has_none(tmp_path: Path) -> None:
    """Nothing to test is no test."""
    story = Story(Store(tmp_path / "canary.db"))
    assert horizon_of(story.store, NAME, [], story.clock()) == []
    story.store.close()
