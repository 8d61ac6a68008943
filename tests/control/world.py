"""A rollout on a real store, with a clock that moves when told to and purchases that have matured: no sockets."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

from canary.control.begin import begin
from canary.control.controller import Controller
from canary.control.operator import Operator
from canary.core.model import Arm, Decision, Lease, Purchase, Rollout
from canary.core.policy.model import Policy, Profile
from canary.core.stage import Event
from canary.core.verdict import Verdict
from canary.store.store import Store
from tests.core.traffic import EQUAL, START, Behaviour, buy
from tests.factories import FakeClock

NAME = "t"
PROFILES = {arm: Profile(name="generic", title="any") for arm in Arm}

MINUTE, HOUR = 60.0, 3600.0

STAGES = (
    {"name": "shadow", "weight": "0%", "hold": "10m"},
    {"name": "canary", "weight": "50%", "hold": "1h", "min_leases": 20},
    {"name": "wide", "weight": "75%", "hold": "1h", "min_leases": 20},
    {"name": "cutover", "weight": "100%", "approval": "required"},
)
GATES = {
    "lease_success": {"rollback_margin": "2pp", "promote_margin": "20pp"},
    "acquire": {"rollback_margin": "2pp", "promote_margin": "15pp"},
}
JUDGING = {"tick": "5s", "epoch": "30m", "warmup_leases": 50}

BROKEN = Behaviour(success=0.1)
WORSE = {Arm.OLD: Behaviour(), Arm.NEW: BROKEN}
DOWN = {arm: Behaviour(success=0.0) for arm in Arm}


def make_policy(**changes: Any) -> Policy:
    """A policy of four stages with two gates that decide on a few dozen leases."""
    arms = {arm: {"url": f"https://{arm}.example/stubs/handler_api.php"} for arm in ("old", "new")}
    keys = {"name": NAME, "arms": arms, "stages": STAGES, "gates": GATES, "judging": JUDGING}
    return Policy.model_validate(keys | changes)


class World:
    """One rollout and everything that acts on it."""

    def __init__(self, store: Store, policy: Policy | None = None, clock: FakeClock | None = None) -> None:
        self.store = store
        self.policy = policy or make_policy()
        self.clock = clock or FakeClock(START)
        self._numbers = count(1)
        begin(store, self.policy, now=self.clock(), actor="test")

    @property
    def rollout(self) -> Rollout:
        found = self.store.rollout(NAME)
        assert found is not None
        return found

    @property
    def decisions(self) -> list[Decision]:
        return self.store.decisions(NAME)

    @property
    def events(self) -> list[str]:
        """What was decided, in order."""
        return [decision.event for decision in self.decisions]

    @property
    def verdict(self) -> dict[str, Any]:
        """The last verdict in the store."""
        found = self.store.verdict(NAME)
        assert found is not None
        return found

    def controller(self, store: Any = None) -> Controller:
        """A controller that knows nothing but the store."""
        return Controller(store or self.store, self.policy, PROFILES, self.clock)

    def tick(self) -> Verdict | None:
        """A tick of such a controller."""
        return self.controller().tick()

    def act(self, event: Event, reason: str = "") -> Rollout:
        """An operator's event."""
        return Operator.of_store(self.store, NAME, self.clock).act(event, "operator", reason)

    def edit(self, policy: Policy) -> None:
        """The policy is edited, and the change accepted."""
        begin(self.store, policy, now=self.clock(), actor="editor", accept_changes=True)
        self.policy = policy

    def buy(
        self,
        n: int,
        arms: Mapping[Arm, Behaviour] = EQUAL,
        *,
        gap: float = 2.0,
        seed: int = 1,
        arm_of: Callable[[Random, float], Arm] | None = None,
        unit_of: Callable[[int], str] | None = None,
    ) -> list[Purchase]:
        """Clients buy, one every ``gap`` seconds, drawn as the rollout stands; the clock goes along.

        Args:
            arm_of: draws the arm instead of the rollout's weight.
            unit_of: what the number of a purchase is drawn by, instead of by itself.
        """
        random, at = Random(seed), self.rollout
        bought: list[tuple[Purchase, list[Lease]]] = []
        for number in range(n):
            name = f"p-{next(self._numbers)}"
            drawn = Arm.NEW if random.random() < at.weight else Arm.OLD
            arm = arm_of(random, at.weight) if arm_of else drawn
            purchase, lease = buy(random, arms[arm], arm, name, self.clock(), at.weight, at.stage_index)
            assert purchase.assignment is not None
            unit = unit_of(number) if unit_of else name
            assignment = replace(purchase.assignment, attempt=at.attempt, unit=unit)
            bought.append((replace(purchase, assignment=assignment), [lease] if lease else []))
            self.clock.advance(gap)
        self.insert(bought)
        return [purchase for purchase, _ in bought]

    def insert(self, bought: Iterable[tuple[Purchase, list[Lease]]]) -> None:
        """Write purchases as they are."""
        self.store.bind(NAME, list(bought))

    def mature(self) -> None:
        """Let everything that was bought grow old enough for every gate."""
        self.clock.advance(20 * MINUTE + 6)

    def warm_up(self) -> None:
        """The first stage is over: old is known, and half of the leases go to new."""
        self.buy(80)
        self.mature()
        self.tick()
        assert self.rollout.stage == "canary"


def metric(verdict: Verdict | None, name: str = "lease_success") -> dict[str, Any]:
    """What a verdict says of a metric, as JSON."""
    assert verdict is not None
    found: dict[str, Any] = verdict.metrics[name].as_json()
    return found
