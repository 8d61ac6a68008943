"""Simulated leases as the records that the product judges: purchases and their leases."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bench.stats.gate import Order
from bench.stats.laws import CALLS, SIGMA
from bench.stats.traffic import EPOCH
from canary.core.leases import append_call
from canary.core.model import Arm, Assignment, Kind, Lease, LeaseState, Outcome, Purchase
from canary.core.stats.bins import bin_of

START = 1_700_000_000.0 // EPOCH * EPOCH
"""When the canary stage begins, in seconds since the epoch."""

FAST, SLOW = 200, 400
"""Latency bins on either side of any threshold that is estimated from few slow calls."""


class Drawn(NamedTuple):
    """One purchase: its place in the order, its start, the arm it was drawn for and how, and its fate."""

    serial: int
    at: float
    arm: Arm
    pi: float
    stage: int
    fate: int


type Bought = tuple[int, Purchase, Lease | None]

type Record = Callable[[Drawn], Bought]
"""Makes the records of one purchase."""


def drawn(order: Order, first: int, epoch: int, pi: float, stage: int) -> Iterator[Drawn]:
    """The purchases of one epoch, evenly spread over it; epochs before the canary stage are negative."""
    start, gap = START + epoch * EPOCH, EPOCH / len(order.fate)
    for place, (new, fate) in enumerate(zip(order.new.tolist(), order.fate.tolist(), strict=True)):
        arm = Arm.NEW if new else Arm.OLD
        yield Drawn(first + place, start + place * gap, arm, pi, stage, fate)


def _bought(one: Drawn, **known: Any) -> Bought:
    """A purchase and its lease, of which so much is known."""
    unit = f"p-{one.serial}"
    lease = Lease(one.arm, Kind.ACTIVATION, unit, unit, one.at, unit, **known)
    return one.serial, _purchase(one, Outcome.OK, "ACCESS_NUMBER"), lease


def _failed(one: Drawn) -> Bought:
    return one.serial, _purchase(one, Outcome.PROVIDER, "ERROR_SQL"), None


def _purchase(one: Drawn, outcome: Outcome, code: str) -> Purchase:
    assignment = Assignment(f"p-{one.serial}", one.arm, one.pi, 1, one.stage)
    return Purchase(assignment.unit, one.at, one.arm, "getNumber", outcome, code, 0.2, assignment)


def coded(one: Drawn, after: float) -> Bought:
    """A purchase whose code comes ``after`` so many seconds."""
    at = one.at + after
    return _bought(one, code_at=at, ended_at=at, state=LeaseState.SUCCEEDED)


def ended(one: Drawn, state: LeaseState, after: float) -> Bought:
    """A purchase whose lease ends without a code ``after`` so many seconds."""
    return _bought(one, ended_at=one.at + after, state=state)


_LIVES: tuple[Record, ...] = (
    partial(coded, after=60),
    partial(coded, after=600),
    partial(ended, state=LeaseState.REFUNDED, after=900),
    partial(ended, state=LeaseState.ABANDONED, after=1200),
    _failed,
)


def life(one: Drawn) -> Bought:
    """Fates as in ``laws.LIFE``."""
    return _LIVES[one.fate](one)


def calls(one: Drawn) -> Bought:
    """Fates: so many faulty calls, and last, no lease."""
    return _called(one, ((FAST, number < one.fate) for number in range(CALLS)))


def latency(one: Drawn) -> Bought:
    """Fates: so many slow calls, and last, no lease."""
    return _called(one, ((SLOW if number < one.fate else FAST, False) for number in range(CALLS)))


def lifelike(one: Drawn, rng: np.random.Generator) -> Bought:
    """A lease whose calls take a lognormal time, 0.2 s at the median, so that many bins are in use."""
    seconds = 0.2 * rng.lognormal(0.0, SIGMA, CALLS)
    return _called(one, ((bin_of(took), False) for took in seconds.tolist()))


def _called(one: Drawn, made: Iterable[tuple[int, bool]]) -> Bought:
    if one.fate > CALLS:
        return _failed(one)
    packed = b""
    for number, (index, fault) in enumerate(made):
        packed = append_call(packed, 5.0 * number, index, fault)
    return _bought(one, calls=packed)
