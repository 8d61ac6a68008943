"""Whether a verdict made again says what the decision recorded: kind, reasons and every number."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import isclose

from canary.core.basis import event_of
from canary.core.model import Decision
from canary.core.verdict import Verdict

PRECISION = 1e-9
"""Largest difference of two numbers that count as equal: their sums may have been taken in another order."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def disagreements(decision: Decision, verdict: Verdict) -> Iterator[str]:
    """Every place at which the record and the verdict differ, with both values."""
    recorded = {name: value for name, value in decision.evidence.items() if name != "basis"}
    yield from _differ(recorded, verdict.as_json(), "")
    yield from _differ(decision.reason, "; ".join(verdict.reasons), "reason")
    yield from _differ(decision.event, event_of(verdict), "event")


def _differ(recorded: object, found: object, path: str) -> Iterator[str]:
    if isinstance(recorded, Mapping) and isinstance(found, Mapping):
        for name in sorted({*recorded, *found}):
            yield from _differ(recorded.get(name), found.get(name), f"{path}.{name}" if path else name)
    elif isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        for index, (one, other) in enumerate(zip(recorded, found, strict=True)):
            yield from _differ(one, other, f"{path}[{index}]")
    elif not _same(recorded, found):
        yield f"{path}: recorded {recorded!r}, recomputed {found!r}"


def _same(recorded: object, found: object) -> bool:
    if isinstance(recorded, bool) or isinstance(found, bool):
        return recorded is found
    if isinstance(recorded, int | float) and isinstance(found, int | float):
        return isclose(recorded, found, rel_tol=PRECISION, abs_tol=PRECISION)
    if isinstance(recorded, str) and isinstance(found, str):
        return recorded == found or _same_sentence(recorded, found)
    return recorded == found


def _same_sentence(recorded: str, found: str) -> bool:
    """Equal but for the last digit of a number with decimals: numbers that are equal may be rounded apart."""
    if _NUMBER.sub("#", recorded) != _NUMBER.sub("#", found):
        return False
    pairs = zip(_NUMBER.findall(recorded), _NUMBER.findall(found), strict=True)
    return all(one == other or _rounded_apart(Decimal(one), Decimal(other)) for one, other in pairs)


def _rounded_apart(one: Decimal, other: Decimal) -> bool:
    digit = max(_last_digit(one), _last_digit(other))
    return digit < 0 and abs(one - other) <= Decimal(1).scaleb(digit)


def _last_digit(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
