"""A rollout with a past in a store: hours of traffic, judged by the real controller as if at the time."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from canary.control.begin import begin
from canary.control.controller import Controller
from canary.core.model import Arm, Exchange, Lease, Purchase, Response
from canary.core.policy.model import Policy, Profile
from canary.core.protocol.read import read
from canary.core.stats.bins import bin_of
from canary.core.tally import Tally, TallyKey, bucket_of
from canary.gateway.asking import Asked
from canary.gateway.differences import Contract
from canary.store.store import Store
from tests.core.traffic import EQUAL, Behaviour, buy
from tests.factories import NOW, FakeClock, tcall

HOUR = 3600.0
NAME = "smsactivate-to-verifysms"

STAGES: tuple[dict[str, Any], ...] = (
    {"name": "shadow", "weight": "0%", "shadow": "100%", "hold": "1h"},
    {"name": "canary", "weight": "25%", "shadow": "10%", "hold": "24h", "min_leases": 100},
    {"name": "half", "weight": "50%", "hold": "2h"},
    {"name": "cutover", "weight": "100%", "approval": "required"},
)


def policy(**changes: Any) -> Policy:
    """A policy between two endpoints, with the default gates."""
    arms = {arm: {"url": f"https://{arm}.example/stubs/handler_api.php"} for arm in ("old", "new")}
    return Policy.model_validate({"name": NAME, "arms": arms, "stages": STAGES, **changes})


@dataclass
class Story:
    """Tells what happens to a rollout, hour by hour.

    Args:
        rate: purchases per hour.
        tick: seconds between two looks of the controller.
        now: the time at which the story begins, or is taken up again.
    """

    store: Store
    rate: int = 300
    tick: float = 300.0
    now: float = NOW
    seed: int = 1
    policy: Policy = field(default_factory=policy)

    def __post_init__(self) -> None:
        self.clock = FakeClock(self.now)
        begin(self.store, self.policy, now=self.clock(), actor="ada (canary run)")
        profiles = {arm: Profile(name="p", title="P") for arm in Arm}
        self._controller = Controller(self.store, self.policy, profiles, self.clock)
        self._random = Random(self.seed)
        self._bought = 0
        self._tallies: defaultdict[TallyKey, Tally] = defaultdict(Tally)
        self._counters: Counter[str] = Counter()

    def goes_on(self, seconds: float, arms: Mapping[Arm, Behaviour] = EQUAL) -> None:
        """Traffic and looks for some time; leases are written with their whole life at once."""
        until = self.clock() + seconds
        while self.clock() < until:
            start = self.clock()
            lives = list(self._lives(arms, start))
            self.clock.advance(self.tick)
            self._write(lives)
            self._controller.tick()

    def counts(self, **counters: int) -> None:
        """Add to the counters of a proxy."""
        self._counters.update(counters)
        self._write([])

    def answers(self, action: str, bodies: Mapping[Arm, str], times: int = 30) -> None:
        """Both arms answered calls of an action in these words."""
        contract = Contract(lambda: 1, lambda: 0.5, self.clock)
        for number in range(times):
            params = {"id": str(number)} if action in {"getStatus", "setStatus"} else {}
            for arm, body in bodies.items():
                call = tcall(action, **params)
                content = body.encode()
                exchange = Exchange(
                    call, arm, read(call, 200, "text/html", content), self.clock(), 0.1, status=200
                )
                headers = (("content-type", "text/html"),)
                contract.served(Asked(exchange, Response(200, headers, content), content))
        self._flush(sightings=contract.take_changed())

    def _lives(self, arms: Mapping[Arm, Behaviour], start: float) -> Iterator[tuple[Purchase, Lease | None]]:
        rollout = self.store.rollout(self.policy.name)
        assert rollout is not None
        n = round(self.rate * self.tick / HOUR)
        for number in range(n):
            self._bought += 1
            drawn = self._random.random() < rollout.weight
            arm = Arm.NEW if drawn else Arm.OLD
            at = start + number * self.tick / n
            name = f"s-{self.now:.0f}-{self._bought}"
            purchase, lease = buy(self._random, arms[arm], arm, name, at, rollout.weight, rollout.stage_index)
            assert purchase.assignment is not None
            assignment = replace(purchase.assignment, attempt=rollout.attempt)
            self._tally(rollout.attempt, rollout.stage_index, at, arm, arms[arm])
            yield replace(purchase, assignment=assignment), lease

    def _tally(self, attempt: int, stage: int, at: float, arm: Arm, does: Behaviour) -> None:
        for action, calls, scale in (("getNumber", 1, 2.0), ("getStatus", 5, 1.0), ("setStatus", 1, 1.2)):
            tally = self._tallies[TallyKey(attempt, stage, bucket_of(at), arm, action)]
            for _ in range(calls):
                latency = self._random.lognormvariate(-1.6, 0.5) * does.slower * scale
                tally.add("ok", "ACCESS_READY", bin_of(latency))

    def _write(self, lives: list[tuple[Purchase, Lease | None]]) -> None:
        self._flush(
            leases_changed=[lease for _, lease in lives if lease],
            purchases=[purchase for purchase, _ in lives],
            tallies=dict(self._tallies),
            counters=self._counters,
        )
        self._tallies = defaultdict(
            Tally, {key: t for key, t in self._tallies.items() if key.bucket >= self.clock() - self.tick}
        )

    def _flush(self, **changes: Any) -> None:
        nothing: dict[str, Any] = {"leases_changed": [], "purchases": [], "tallies": {}, "counters": {}}
        self.store.flush(self.policy.name, "proxy-1", **(nothing | changes))
