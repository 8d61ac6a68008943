"""Prices and stock of both arms, side by side: figures to report, no contract differences."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import exp, log

from canary.core.compare.traits import Seen
from canary.core.model import Arm, Call, Outcome

MAX_OFFERS = 500
"""Offers of one pair that are looked at, spread evenly over all."""

_PARTS = 1_000_000
"""Logarithms of price ratios are added up as whole millionths, like every other counter."""

_PRICES = ("cost", "price", "retail_price")
_COUNTS = ("count", "quant", "physicalCount")


@dataclass(frozen=True, slots=True)
class Offer:
    """What one service in one country costs, and how many numbers there are; ``None``: not said."""

    price: Decimal | None
    count: Decimal | None


@dataclass(frozen=True, slots=True)
class Market:
    """How the arms' offers compared so far, over pairs of replies to the same call.

    ``offers``: in stock, by who has them. ``price_ratio``: new to old, geometric mean over ``priced`` offers
    that both have; ``None`` without one.
    """

    pairs: int
    only_old: int
    only_new: int
    both: int
    priced: int
    cheaper: int
    dearer: int
    price_ratio: float | None

    @classmethod
    def of(cls, counters: Mapping[str, int]) -> "Market":
        """The figures in the counters of all proxies."""
        n = {name: counters.get(f"market_{name}", 0) for name in _NAMES}
        mean = counters.get("market_log_ratio", 0) / _PARTS / max(n["priced"], 1)
        return cls(**n, price_ratio=exp(mean) if n["priced"] else None)


_NAMES = ("pairs", "only_old", "only_new", "both", "priced", "cheaper", "dearer")


def market_counts(call: Call, old: Seen, new: Seen, factors: Mapping[Arm, Decimal]) -> Counter[str]:
    """What one pair of replies adds to the counters; nothing for calls that tell no prices or stock.

    Args:
        factors: what an arm's prices are multiplied with, for arms that count in different currencies.
    """
    reader = _READERS.get(call.action)
    if reader is None or {old.reply.outcome, new.reply.outcome} != {Outcome.OK}:
        return Counter()
    ours, theirs = dict(reader(old.data)), dict(reader(new.data))
    counts = Counter({"market_pairs": 1})
    keys = [*dict.fromkeys([*ours, *theirs])]
    for key in keys[:: 1 + len(keys) // MAX_OFFERS]:
        _add(counts, _offer(ours.get(key)), _offer(theirs.get(key)), factors)
    return counts


_WHO = {(True, True): "market_both", (True, False): "market_only_old", (False, True): "market_only_new"}


def _add(counts: Counter[str], old: Offer | None, new: Offer | None, factors: Mapping[Arm, Decimal]) -> None:
    who = _WHO.get((_in_stock(old), _in_stock(new)))
    if who:
        counts[who] += 1
    before, after = old.price if old else None, new.price if new else None
    if before is None or after is None or min(before, after) < _SMALLEST:
        return
    ratio = after * factors[Arm.NEW] / (before * factors[Arm.OLD])
    counts["market_priced"] += 1
    counts["market_log_ratio"] += round(log(ratio) * _PARTS)
    if ratio != 1:
        counts["market_cheaper" if ratio < 1 else "market_dearer"] += 1


def _in_stock(offer: Offer | None) -> bool:
    return offer is not None and (offer.count is None or offer.count > 0)


type _Rows = Iterator[tuple[tuple[str, str], object]]


def _table(data: object) -> _Rows:
    """``{country: {service: {cost, count}}}``, or with services outside."""
    for outer, inner in data.items() if isinstance(data, dict) else ():
        for name, row in inner.items() if isinstance(inner, dict) else ():
            yield (outer, name), row


def prices_in(data: object) -> Iterator[tuple[str, str, Decimal]]:
    """Country, service and price of each offer in the answer to getPrices."""
    for (country, service), row in _table(data):
        offer = _offer(row)
        if offer is not None and offer.price is not None:
            yield country, service, offer.price


def _stock(data: object) -> _Rows:
    """``{service: count}``; a suffix for call forwarding may follow the service."""
    for name, count in data.items() if isinstance(data, dict) else ():
        yield ("", name.removesuffix("_0")), {"count": count}


_READERS: Mapping[str, Callable[[object], _Rows]] = {
    "getPrices": _table,
    "getPricesExtended": _table,
    "getPricesVerification": _table,
    "getNumbersStatus": _stock,
}


def _offer(row: object) -> Offer | None:
    return Offer(_first(row, _PRICES), _first(row, _COUNTS)) if isinstance(row, dict) else None


def _first(row: Mapping[str, object], names: tuple[str, ...]) -> Decimal | None:
    return next((number for name in names if (number := _number(row.get(name))) is not None), None)


_SMALLEST, _LARGEST = Decimal("0.000001"), Decimal(10**9)


def _number(value: object) -> Decimal | None:
    """A number, also one written as text, that can be a price or a count."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number < _LARGEST else None
