"""A store with a past: a day at 100 calls and one lease a second, written as the ledger would have written it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from canary.control.begin import begin
from canary.core.leases import append_call
from canary.core.model import Arm, Assignment, Kind, Lease, LeaseState, Outcome, Purchase
from canary.core.policy.model import Policy
from canary.core.stats.bins import bin_of
from canary.core.tally import BUCKET, Tally, TallyKey, bucket_of
from canary.store.store import Store

DAY = 86_400.0
NAME = "day"
WEIGHT = 0.05
BATCH = 600.0
"""Seconds that one flush holds."""

PROXY = "proxy-1"

SHARES = {"getStatus": 0.9, "getBalance": 0.04, "getPrices": 0.03, "setStatus": 0.02, "getNumber": 0.01}
"""How the calls are spread over actions."""

_PRICES = [Decimal(price).scaleb(-2) for price in range(10, 60, 2)]
_STAGES = [
    {"name": "canary", "weight": WEIGHT, "hold": "240h"},
    {"name": "cutover", "weight": 1, "approval": "required"},
]


def policy() -> Policy:
    """A canary at 5 % with the default gates, which is held for ten days."""
    arms = {arm.value: {"url": f"https://{arm.value}.example/stubs/handler_api.php"} for arm in Arm}
    return Policy.model_validate({"name": NAME, "arms": arms, "stages": _STAGES})


@dataclass
class Day:
    """Writes traffic into a store, second by second of its own clock.

    Args:
        calls: per second.
        leases: per second.
        now: where it begins, in seconds since the epoch.
    """

    store: Store
    calls: float = 100.0
    leases: float = 1.0
    now: float = 1_700_000_040.0
    seed: int = 1
    bought: int = 0
    policy: Policy = field(default_factory=policy)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        begin(self.store, self.policy, now=self.now, actor="bench")

    def clock(self) -> float:
        """The time that the traffic has reached."""
        return self.now

    def goes_on(self, seconds: float) -> None:
        """Traffic for some time."""
        until = self.now + seconds
        while self.now < until:
            span = min(BATCH, until - self.now)
            lives = list(self._lives(span))
            tallies = dict(self._tallies(span))
            self.now += span
            self.store.flush(
                NAME,
                PROXY,
                leases_changed=[lease for _, lease in lives],
                purchases=[purchase for purchase, _ in lives],
                tallies=tallies,
                counters={"shadow_sent": self.bought, "hazard_repeated_purchase": 3},
            )

    def _lives(self, span: float) -> Iterator[tuple[Purchase, Lease]]:
        n = round(span * self.leases)
        fresh, brings = self._random.random(n) < WEIGHT, self._random.random(n) < 0.85
        waits = self._random.uniform(5, 600, n)
        latencies = self._random.lognormal(-1.6, 0.5, (n, 5))
        prices = self._random.integers(0, len(_PRICES), n)
        for i in range(n):
            arm = Arm.NEW if fresh[i] else Arm.OLD
            at = self.now + i * span / n
            self.bought += 1
            yield self._life(
                arm, at, bool(brings[i]), float(waits[i]), latencies[i].tolist(), _PRICES[prices[i]]
            )

    def _life(
        self, arm: Arm, at: float, brings: bool, wait: float, latencies: list[float], price: Decimal
    ) -> tuple[Purchase, Lease]:
        """A purchase, and its lease with the whole of its life."""
        name, own = f"p-{self.bought}", str(500_000_000 + self.bought)
        drawn = Assignment(name, arm, WEIGHT, 1, 0)
        purchase = Purchase(
            id=name,
            at=at,
            arm=arm,
            action="getNumber",
            outcome=Outcome.OK,
            code="ACCESS_NUMBER",
            latency=latencies[0],
            service="tg",
            country="6",
            client="192.0.2.7",
            assignment=drawn,
        )
        calls = b""
        for number, latency in enumerate(latencies):
            calls = append_call(calls, number * 5.0, bin_of(latency), False)
        code, claimed = (at + wait, None) if brings else (None, at + 900)
        lease = Lease(
            arm=arm,
            kind=Kind.ACTIVATION,
            id=own,
            visible_id=own,
            opened_at=at,
            purchase=name,
            service="tg",
            country="6",
            client="192.0.2.7",
            price=price,
            price_source="reply",
            state=LeaseState.SUCCEEDED if brings else LeaseState.REFUNDED,
            code_at=code,
            claimed_at=claimed,
            claim="" if brings else "ACCESS_CANCEL",
            ended_at=code or claimed,
            expires_at=at + 1200,
            seen_at=at,
            calls=calls,
        )
        return purchase, lease

    def _tallies(self, span: float) -> Iterator[tuple[TallyKey, Tally]]:
        first = bucket_of(self.now)
        for bucket in range(first, bucket_of(self.now + span - 1e-6) + 1, int(BUCKET)):
            for arm, share in ((Arm.OLD, 1 - WEIGHT), (Arm.NEW, WEIGHT)):
                for action, part in SHARES.items():
                    yield TallyKey(1, 0, bucket, arm, action), self._tally(share * part)

    def _tally(self, share: float) -> Tally:
        n = max(1, round(self.calls * BUCKET * share))
        bins = Counter(map(bin_of, self._random.lognormal(-1.6, 0.5, n).tolist()))
        return Tally(Counter({"ok": n}), Counter({"STATUS_WAIT_CODE": n}), bins)
