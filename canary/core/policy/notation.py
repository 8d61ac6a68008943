"""How a policy writes shares, durations, money, margins, countries: ``5%``, ``24h``, ``$0.50``, ``2pp``, ``US``."""

import re
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_NUMBER = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(rf"{_NUMBER}\s*({'|'.join(_UNITS)})")


def _plain(value: object) -> float | None:
    """A bare, finite YAML number; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value)


def _matched(value: object, pattern: str) -> str | None:
    found = re.fullmatch(pattern, value.strip()) if isinstance(value, str) else None
    return found.group(1) if found else None


def share(value: object) -> float:
    """``5%`` or ``0.05`` as a fraction between 0 and 1."""
    percent = _matched(value, rf"{_NUMBER}\s*%")
    number = _plain(value) if percent is None else float(Decimal(percent) / 100)
    if number is None or not 0 <= number <= 1:
        raise ValueError("expected a share such as 5% or 0.05, between 0% and 100%")
    return number


def duration(value: object) -> float:
    """``24h``, ``90s``, ``1h30m`` or a bare number of seconds, as seconds."""
    number = _plain(value)
    if number is not None and number >= 0:
        return number
    if isinstance(value, str) and re.fullmatch(rf"({_DURATION.pattern}\s*)+", value.strip()):
        return sum(float(amount) * _UNITS[unit] for amount, unit in _DURATION.findall(value))
    raise ValueError("expected a duration such as 90s, 30m, 24h or 2d")


def money(value: object) -> Decimal:
    """``$0.50`` or ``0.50`` as an exact amount in the account's unit, without trailing zeros."""
    text = _matched(value, rf"\$?\s*{_NUMBER}")
    number = _plain(value)
    if text is None and (number is None or number < 0):
        raise ValueError("expected an amount such as $0.50")
    amount = Decimal(text if text is not None else repr(value)).normalize()
    return Decimal(f"{amount:f}")


def country(value: object) -> str:
    """``187``, ``US`` or a provider's own word, as it travels in the ``country`` parameter."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]+|[A-Za-z]+([_-][A-Za-z]+)*", value):
        return value
    raise ValueError("expected a country's id such as 187, or its ISO code such as US")


def points(value: object) -> float:
    """``2pp`` (percentage points) or ``0.02`` as a difference of fractions."""
    text = _matched(value, rf"{_NUMBER}\s*pp")
    number = _plain(value) if text is None else float(Decimal(text) / 100)
    if number is None or not 0 <= number < 1:
        raise ValueError("expected percentage points such as 2pp")
    return number


def ratio(value: object) -> float:
    """``1.25x`` as a factor of at least 1."""
    text = _matched(value, rf"{_NUMBER}\s*x")
    number = _plain(value) if text is None else float(text)
    if number is None or number < 1:
        raise ValueError("expected a factor such as 1.25x, at least 1x")
    return number


def show_share(value: float) -> str:
    """A fraction as ``5%``."""
    return f"{value * 100:.10g}%"


def show_duration(seconds: float) -> str:
    """Seconds in the largest unit that gives a whole number, as ``24h``."""
    for unit in ("d", "h", "m", "s"):
        amount = seconds / _UNITS[unit]
        if seconds and amount == int(amount):
            return f"{int(amount)}{unit}"
    return f"{seconds:.10g}s"


def in_words(seconds: float) -> str:
    """Seconds in words, to the precision that matters: ``3 h 10 min``."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min"
    return f"{rest} s"


def show_points(value: float) -> str:
    """A difference of fractions as ``2pp``."""
    return f"{value * 100:.10g}pp"


def show_ratio(value: float) -> str:
    """A factor as ``1.25x``."""
    return f"{value:.10g}x"


def _before(parser: Callable[[Any], Any]) -> BeforeValidator:
    return BeforeValidator(parser)


Share = Annotated[float, _before(share)]
Duration = Annotated[float, _before(duration)]
Money = Annotated[Decimal, _before(money)]
Points = Annotated[float, _before(points)]
Ratio = Annotated[float, _before(ratio)]
Country = Annotated[str, _before(country)]
Count = Annotated[int, Field(strict=True)]
