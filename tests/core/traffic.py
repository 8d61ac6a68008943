"""Randomised purchases with their leases, as a store would hand them to the judge; a fixed seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from canary.core.evidence import Evidence
from canary.core.leases import append_call
from canary.core.model import Arm, Failure, Lease, LeaseState, Outcome, Purchase
from canary.core.stats.bins import bin_of
from tests.factories import NOW, tassignment, tlease, tpurchase

EPOCH = 1800.0
START = NOW // EPOCH * EPOCH
"""The start of an epoch."""


@dataclass(frozen=True)
class Behaviour:
    """What an arm does: probabilities, and a factor on its latency."""

    success: float = 0.85
    refund: float = 0.10
    fault: float = 0.005
    refused: float = 0.0  # purchases that get no answer
    no_stock: float = 0.05
    slower: float = 1.0


type Bought = tuple[int, Purchase, Lease | None]

EQUAL = {Arm.OLD: Behaviour(), Arm.NEW: Behaviour()}


def against(**new: float) -> dict[Arm, Behaviour]:
    """Both arms alike but for these habits of ``new``."""
    return {Arm.OLD: Behaviour(), Arm.NEW: replace(Behaviour(), **new)}


def traffic(
    arms: Mapping[Arm, Behaviour],
    n: int,
    *,
    pi: float = 0.25,
    stage: int = 1,
    start: float = START,
    gap: float = 1.0,
    first: int = 1,
    seed: int = 1,
) -> Iterator[Bought]:
    """``n`` purchases, one every ``gap`` seconds, drawn for ``new`` with probability ``pi``."""
    random = Random(seed)
    for serial in range(first, first + n):
        arm = Arm.NEW if random.random() < pi else Arm.OLD
        yield serial, *buy(random, arms[arm], arm, f"p-{serial}", start + (serial - first) * gap, pi, stage)


def buy(
    random: Random, does: Behaviour, arm: Arm, name: str, at: float, pi: float, stage: int
) -> tuple[Purchase, Lease | None]:
    """One purchase drawn for ``arm``, and its lease if there is one."""
    drawn = tassignment(unit=name, arm=arm, probability=pi, stage=stage)
    purchase = tpurchase(id=name, at=at, arm=arm, assignment=drawn)
    if random.random() < does.refused:
        return replace(purchase, outcome=Outcome.UNKNOWN, failure=Failure.TIMEOUT, latency=30.0), None
    if random.random() < does.no_stock:
        return replace(purchase, outcome=Outcome.BUSINESS, code="NO_NUMBERS"), None
    code = at + random.uniform(5, 600) if random.random() < does.success else None
    refunded = code is None and random.random() < does.refund / (1 - does.success + 1e-12)
    return purchase, tlease(
        arm=arm,
        id=name,
        purchase=name,
        opened_at=at,
        code_at=code,
        claimed_at=at + 900 if refunded else None,
        ended_at=at + 900 if refunded else code,
        state=LeaseState.SUCCEEDED if code else LeaseState.REFUNDED if refunded else LeaseState.OPEN,
        calls=_calls(random, does),
    )


def _calls(random: Random, does: Behaviour) -> bytes:
    calls = b""
    for number in range(6):
        latency = random.lognormvariate(-1.6, 0.5) * does.slower
        calls = append_call(calls, number * 5.0, bin_of(latency), random.random() < does.fault)
    return calls


def feed(evidence: Evidence, bought: Iterator[Bought]) -> int:
    """Add purchases to every metric; returns the last serial."""
    last = 0
    for serial, purchase, lease in bought:
        for gate in evidence.gates:
            evidence.add(gate.name, serial, purchase, lease)
        last = serial
    return last
