"""Counts of one stratum: the bets of one metric in one epoch, stage and design probability. They add up.

Everything that the tests need of a lease is (arm, bad, of), so a stratum stays small however many leases it
counts, and replicas' strata merge by adding, in any order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Self

from canary.core.model import Arm
from canary.core.stats.eprocess import Side


class Key(NamedTuple):
    """Which purchases a stratum holds: those drawn in a stage with one probability of ``new``."""

    stage: int
    probability: float


WARMUP = Key(-1, 0.0)
"""Purchases on ``old`` that were no bets: they only teach what ``old`` is like."""


QUICK = 60
"""Latency bins below the threshold (a factor of 3) down to which calls are told apart."""


class Bet(NamedTuple):
    """The outcome of one lease: ``bad`` of ``of`` parts went badly."""

    arm: Arm
    bad: int
    of: int


@dataclass(frozen=True, slots=True)
class Frozen:
    """What the bets of a stratum are made with, fixed before its first one.

    ``f0``: the failure rate of ``old``. ``slow``: the latency bin at whose upper edge lies the p95 of ``old``.
    ``per_success`` and ``cap``: the scale of ``cost_per_success``.
    """

    f0: float
    slow: int | None = None
    per_success: Decimal | None = None
    cap: Decimal | None = None


@dataclass(slots=True)
class Money:
    """What the leases of one arm cost net of refunds, how many got a code, and the dearest of them."""

    spent: Decimal = Decimal(0)
    codes: int = 0
    dearest: Decimal = Decimal(0)

    def add(self, cost: Decimal, code: bool) -> None:
        self.spent += cost
        self.codes += code
        self.dearest = max(self.dearest, cost)

    def absorb(self, other: Self) -> None:
        self.spent += other.spent
        self.codes += other.codes
        self.dearest = max(self.dearest, other.dearest)


def _add[T](counts: Counter[T], more: Counter[T]) -> None:
    """Several times faster than ``Counter.update`` for the few counts of a single purchase."""
    for item, n in more.items():
        counts[item] += n


def _per_side() -> dict[Side, Counter[Bet]]:
    return {side: Counter() for side in Side}


def _per_arm() -> dict[Arm, Counter[int]]:
    return {arm: Counter() for arm in Arm}


@dataclass(slots=True)
class Stratum:
    """The counts.

    Attributes:
        frozen: ``None`` in a warm-up, where nothing is bet.
        bets: outcomes by side; metrics whose score does not depend on the margin use ``ROLLBACK`` for both.
        read: purchases by the arm drawn, whether they were a bet or not.
        known: those of them whose outcome can be told.
        calls: latency bins of the leases' calls; only of ``latency_p95``. Once a threshold is frozen, calls far
            below it are counted in the bin ``QUICK`` bins below it: they make no difference to a p95.
        money: only of ``cost_per_success``.
    """

    frozen: Frozen | None = None
    bets: dict[Side, Counter[Bet]] = field(default_factory=_per_side)
    read: Counter[Arm] = field(default_factory=Counter)
    known: Counter[Arm] = field(default_factory=Counter)
    calls: dict[Arm, Counter[int]] = field(default_factory=_per_arm)
    money: dict[Arm, Money] = field(default_factory=lambda: {arm: Money() for arm in Arm})

    def absorb(self, other: Self) -> None:
        """Add the counts of other purchases.

        Raises:
            ValueError: they were bet with different parameters.
        """
        if self.frozen != other.frozen:
            raise ValueError(f"bets made with {self.frozen} and with {other.frozen} do not add up")
        _add(self.read, other.read)
        _add(self.known, other.known)
        for side in Side:
            _add(self.bets[side], other.bets[side])
        for arm in Arm:
            _add(self.calls[arm], other.calls[arm])
            self.money[arm].absorb(other.money[arm])


# --- as JSON: counts of neighbours as one text, "first count count ...", since most neighbours have some --------


def to_json(stratum: Stratum) -> dict[str, Any]:
    """The stratum as JSON; what is empty is left out."""
    data = {
        "frozen": _frozen_json(stratum.frozen) if stratum.frozen else None,
        "bets": {side.value: _bets_json(bets) for side, bets in stratum.bets.items() if bets},
        "read": _arms_json(stratum.read),
        "known": _arms_json(stratum.known),
        "calls": {arm.value: _text(calls) for arm, calls in stratum.calls.items() if calls},
        "money": {
            arm.value: [str(money.spent), money.codes, str(money.dearest)]
            for arm, money in stratum.money.items()
            if money != Money()
        },
    }
    return {name: value for name, value in data.items() if value}


def from_json(data: Mapping[str, Any]) -> Stratum:
    """The stratum that ``to_json`` wrote."""
    stratum = Stratum(
        _frozen_of(data["frozen"]) if "frozen" in data else None,
        read=_arms_of(data.get("read", {})),
        known=_arms_of(data.get("known", {})),
    )
    for side, bets in data.get("bets", {}).items():
        stratum.bets[Side(side)] = Counter(dict(_bets_of(bets)))
    for arm, calls in data.get("calls", {}).items():
        stratum.calls[Arm(arm)] = _counts(calls)
    for arm, (spent, codes, dearest) in data.get("money", {}).items():
        stratum.money[Arm(arm)] = Money(Decimal(spent), codes, Decimal(dearest))
    return stratum


def _bets_json(bets: Mapping[Bet, int]) -> dict[str, dict[str, str]]:
    """arm -> of -> counts by bad."""
    grouped: dict[str, dict[str, Counter[int]]] = {}
    for bet, n in bets.items():
        by_size = grouped.setdefault(bet.arm.value, {})
        by_size.setdefault(str(bet.of), Counter())[bet.bad] += n
    return {arm: {of: _text(counts) for of, counts in sizes.items()} for arm, sizes in grouped.items()}


def _bets_of(data: Mapping[str, Mapping[str, str]]) -> Iterable[tuple[Bet, int]]:
    for arm, sizes in data.items():
        for of, counts in sizes.items():
            for bad, n in _counts(counts).items():
                yield Bet(Arm(arm), bad, int(of)), n


def _text(counts: Mapping[int, int]) -> str:
    first, last = min(counts), max(counts)
    return " ".join(map(str, (first, *(counts.get(index, 0) for index in range(first, last + 1)))))


def _counts(text: str) -> Counter[int]:
    first, *counts = map(int, text.split())
    return Counter({first + offset: n for offset, n in enumerate(counts) if n})


def _arms_json(counts: Mapping[Arm, int]) -> dict[str, int]:
    return {arm.value: n for arm, n in counts.items() if n}


def _arms_of(data: Mapping[str, int]) -> Counter[Arm]:
    return Counter({Arm(arm): n for arm, n in data.items()})


def _frozen_json(frozen: Frozen) -> dict[str, Any]:
    money = {"per_success": frozen.per_success, "cap": frozen.cap}
    data = {"f0": frozen.f0, "slow": frozen.slow} | {
        name: None if amount is None else str(amount) for name, amount in money.items()
    }
    return {name: value for name, value in data.items() if value is not None}


def _frozen_of(data: Mapping[str, Any]) -> Frozen:
    amounts = {name: Decimal(data[name]) for name in ("per_success", "cap") if name in data}
    return Frozen(data["f0"], data.get("slow"), **amounts)
