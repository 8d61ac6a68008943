"""Any history of purchases, ticks, crashes, edits and operators leaves a log that holds together."""

import contextlib
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from canary.core.model import RolloutState
from canary.core.stage import Event, IllegalEvent
from canary.store.errors import StoreError
from canary.store.store import Store
from canary.toolkit.report import report
from tests.control.crashes.test_crashes import Crash, Crashing
from tests.control.world import DOWN, GATES, MINUTE, NAME, WORSE, World, make_policy
from tests.core.traffic import EQUAL

STAGES = (
    {"name": "shadow", "weight": "0%", "hold": "10m"},
    {"name": "canary", "weight": "50%", "hold": "10m"},
    {"name": "wide", "weight": "75%", "hold": "10m", "max_hold": "10h"},
    {"name": "cutover", "weight": "100%", "approval": "required"},
)
POLICIES = [
    make_policy(stages=STAGES, on_undecided="rollback", gates=GATES | {"acquire": {"promote_margin": margin}})
    for margin in ("15pp", "25pp")
]
BY_HAND = [Event.PAUSE, Event.RESUME, Event.APPROVE, Event.PROMOTE, Event.ROLLBACK, Event.RESTART]


class Histories(RuleBasedStateMachine):
    """Two controllers that live on, others that crash, operators and clients, all on one store."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "canary.db")
        self.world = World(self.store, POLICIES[0])
        self.world.warm_up()
        self.controllers = [self.world.controller(), self.world.controller()]

    @rule(arms=st.sampled_from([EQUAL, EQUAL, WORSE, DOWN]), n=st.integers(20, 90), seed=st.integers(0, 99))
    def buy(self, arms: Any, n: int, seed: int) -> None:
        self.world.buy(n, arms, gap=10.0, seed=seed)

    @rule(minutes=st.sampled_from([1, 21, 21, 300]))
    def wait(self, minutes: int) -> None:
        self.world.clock.advance(minutes * MINUTE)

    @rule(arms=st.sampled_from([EQUAL, EQUAL, WORSE, DOWN]), seed=st.integers(0, 99))
    def season(self, arms: Any, seed: int) -> None:
        """Enough of one kind of traffic for a decision, and a look at it."""
        self.buy(arms, 150, seed)
        self.wait(21)
        self.controllers[0] = self.world.controller()
        self.tick(0)

    @rule(which=st.integers(0, 1))
    def tick(self, which: int) -> None:
        with contextlib.suppress(StoreError):  # left over from before an edit
            self.controllers[which].tick()

    @rule(call=st.integers(0, 8), after=st.booleans())
    def crash(self, call: int, after: bool) -> None:
        with contextlib.suppress(Crash):
            self.world.controller(Crashing(self.store, call, after=after)).tick()

    @rule(which=st.integers(0, 1))
    def replace_controller(self, which: int) -> None:
        self.controllers[which] = self.world.controller()

    @rule(event=st.sampled_from(BY_HAND))
    def operate(self, event: Event) -> None:
        with contextlib.suppress(IllegalEvent):
            self.world.act(event)

    @rule(policy=st.sampled_from([POLICIES[0], POLICIES[0], POLICIES[0], POLICIES[1]]))
    def edit(self, policy: Any) -> None:
        self.world.edit(policy)

    @invariant()
    def the_log_holds_together(self) -> None:
        """One decision per revision, each beginning where the one before ended; weight follows the state."""
        if not hasattr(self, "world"):
            return
        rollout, decisions = self.world.rollout, self.world.decisions
        assert rollout.revision == len(decisions)
        assert all(one.after == following.before for one, following in pairwise(decisions))
        assert all(one.at <= following.at for one, following in pairwise(decisions))
        if decisions:
            assert decisions[-1].after == rollout.state
            assert decisions[-1].weight == rollout.weight
        if rollout.state is RolloutState.ROLLED_BACK:
            assert rollout.weight == 0.0

    def teardown(self) -> None:
        """Every decision of a controller can be made again from what is in the store, to the same verdict."""
        if not hasattr(self, "world"):
            return
        found = report(self.store, NAME)
        assert [review.differences for review in found.reviews if review.agrees is False] == []
        self.store.close()
        self.folder.cleanup()


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=max(10, settings.default.max_examples // 6),  # type: ignore[union-attr]
    stateful_step_count=20,
    deadline=None,
)
