"""An answer before it goes on the wire, and a refusal before a dialect has worded it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

HTML = "text/html; charset=UTF-8"
"""What SMS-Activate and most of its successors call everything, JSON often included."""

JSON = "application/json"


class Refused(Exception):
    """A call is refused.

    Args:
        reason: a name of ``canary.sim.dialects.WORDS``; the dialect has the word for it.
        tail: what follows the word and a colon (``WRONG_MAX_PRICE:0.50``).
        info: details of a JSON error.
    """

    def __init__(self, reason: str, tail: str = "", info: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tail = tail
        self.info = dict(info or {})


@dataclass(frozen=True, slots=True)
class Answer:
    """``word`` is what the books count: the first word of a text, ``JSON`` for data, the error's own word."""

    text: str
    word: str
    status: int = 200
    content_type: str = HTML
    headers: tuple[tuple[str, str], ...] = ()
    money: str = field(default="")  # the price to announce in the cost header


def text(body: str) -> Answer:
    """A text answer such as ``STATUS_OK:12345``."""
    return Answer(body, body.partition(":")[0])


def data(value: Any, word: str = "JSON", status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(json.dumps(value, ensure_ascii=False, default=_number), word, status, JSON)


def written(amount: Decimal) -> str:
    """Money as providers write it: two decimals, or more when it has more."""
    decimals = -int(amount.normalize().as_tuple().exponent)
    return f"{amount:.{max(2, decimals)}f}"


def _number(value: object) -> float:
    """Money as a JSON number: the shortest float reads back as the same decimal."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
