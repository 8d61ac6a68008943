"""A handler_api reply before it is sent, the call that it answers, and the way in which SMS-Activate writes things."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from canary.core.dialects.model import Dialect, Order, Refused, Settings, Steps, as_json
from canary.core.model import Call, Headers

HTML = "text/html; charset=UTF-8"
JSON = "application/json"

UNKNOWN_REFUSAL = "BAD_REQUEST"
"""What a client is told when the provider refuses for a reason that is not known."""

CURRENCY = 840
"""US dollars, as SMS-Activate counted from 2024 on."""


@dataclass(frozen=True, slots=True)
class Sold:
    """What the provider says of a purchase beyond the reply that a client is shown; times as it writes them."""

    price: Decimal | None = None
    began_at: str = ""
    ends_at: str = ""
    lives: int | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A handler_api reply. ``sold``: of a purchase."""

    body: str = field(repr=False)
    status: int = 200
    content_type: str = HTML
    sold: Sold | None = None

    @property
    def headers(self) -> Headers:
        return (("content-type", self.content_type),)


@dataclass(frozen=True, slots=True)
class Ask:
    """One call to be carried out, at a time in seconds since the epoch. ``ids`` are the provider's own."""

    dialect: Dialect
    call: Call
    ids: tuple[str, ...]
    settings: Settings
    at: float

    def get(self, *names: str) -> str:
        """The first of the named parameters that is there and not empty."""
        return next((value for name in names if (value := self.call.params.get(name))), "")

    @property
    def id(self) -> str:
        """The lease that is named.

        Raises:
            Refused: none is.
        """
        if not self.ids:
            raise Refused("NO_ACTIVATION")
        return self.ids[0]


type Way = Callable[[Ask], Steps[Spoken]]


def as_reply(value: object, sold: Sold | None = None) -> Spoken:
    """A reply in JSON."""
    return Spoken(as_json(value), content_type=JSON, sold=sold)


def told(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what the provider does not say."""
    return {name: value for name, value in row.items() if value is not None}


def again_flag(ask: Ask) -> str:
    """Whether another code can be asked for, as SMS-Activate writes it."""
    return "1" if ask.dialect.again is not None else "0"


def sold_of(order: Order) -> Sold:
    """What an order says of its purchase."""
    return Sold(order.price, order.began_at, order.ends_at, order.lives)


# --- writing ---


def money(amount: Decimal) -> str:
    """Two decimals or more: a client in the field reads a balance without any as nothing."""
    decimals = -int(amount.normalize().as_tuple().exponent)
    return f"{amount:.{max(2, decimals)}f}"


_DATE = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)")


def date(text: str) -> str:
    """``2022-06-01 17:30:57``, SMS-Activate's way to write a time; an empty string for what is no date."""
    found = _DATE.match(text)
    return f"{found.group(1)} {found.group(2)}" if found else ""


_DAY = 86_400


def moment(at: float) -> str:
    """Seconds since the epoch as ``2022-06-01 17:30:57``, in UTC."""
    days, seconds = divmod(int(at), _DAY)
    # Hinnant's civil_from_days: years begin in March, eras have 400 years
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    month = month + 3 if month < 10 else month - 9
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{year + 400 * era + (month <= 2):04}-{month:02}-{day + 1:02} {clock}"


def digits(phone: str) -> str:
    """A number as SMS-Activate writes it: without a plus, spaces and dashes."""
    return "".join(mark for mark in phone if mark.isascii() and mark.isdecimal()) or phone


def own_id(own: str) -> int | str:
    """A lease's id as JSON: a number when it is one."""
    return int(own) if own.isascii() and own.isdecimal() and str(int(own)) == own else own


def one_line(text: str) -> str:
    """A code or message as it fits behind a colon."""
    return " ".join(text.split())
