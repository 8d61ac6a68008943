"""The traps of a migration as they are seen in live traffic: names, meanings, and what one sighting holds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from canary.core.model import Call, Exchange, Lease
from canary.core.money import NOTHING

COUNTER = "hazard_"
"""Counters of this prefix count hazards."""


class HazardName(StrEnum):
    """The catalogue; each value is a label of metrics."""

    MIXED_COUNTRY_IDS = "mixed_country_ids"
    FINISH_BEFORE_CODE = "finish_before_code"
    RETRY_FINISH_SWAPPED = "retry_finish_swapped"
    CANCEL_AFTER_CODE = "cancel_after_code"
    UNCLAIMED_REFUND = "unclaimed_refund"
    REPEATED_PURCHASE = "repeated_purchase"
    POLLING_TOO_FAST = "polling_too_fast"
    LIMIT_BURST = "limit_burst"
    MANY_SOURCES = "many_sources"
    UNSUPPORTED_ACTION = "unsupported_action"
    LOST_PARAMETERS = "lost_parameters"
    MISROUTED = "misrouted"


_N = HazardName
MEANINGS: Mapping[HazardName, str] = {
    _N.MIXED_COUNTRY_IDS: "one client writes countries in two styles; ids and names do not mean the same everywhere",
    _N.FINISH_BEFORE_CODE: "setStatus 6 before any code was seen: the lease is billed for nothing",
    _N.RETRY_FINISH_SWAPPED: "setStatus 3 and 6 look swapped: asked for another code and never looked for it, "
    "or completed the lease and went on waiting",
    _N.CANCEL_AFTER_CODE: "a cancel after the code was seen: it brings no refund",
    _N.UNCLAIMED_REFUND: "a lease ran out without a code and without a cancel: its money comes back late or never",
    _N.REPEATED_PURCHASE: "a purchase repeated after an answer that may hide a number: both may be paid",
    _N.POLLING_TOO_FAST: "a lease is polled more often than its provider allows",
    _N.LIMIT_BURST: "a burst of refusals for too many calls",
    _N.MANY_SOURCES: "one key used from many source addresses at once: limits may count per key and address",
    _N.UNSUPPORTED_ACTION: "an action that new does not serve: its callers fail after the cutover",
    _N.LOST_PARAMETERS: "a repeated call lacks a parameter that it had before",
    _N.MISROUTED: "an arm did not know a running lease that it had issued",
}


@dataclass(frozen=True, slots=True)
class Hazard:
    """One sighting.

    ``client`` is a source address, ``key`` a key's fingerprint, ``example`` holds no secret. ``amount``: money that
    is held up by it. ``lease``: the one that it is about, as far as this process knew it.
    """

    name: HazardName
    client: str
    key: str
    at: float
    example: str
    amount: Decimal = NOTHING
    lease: Lease | None = field(default=None, repr=False)


class Suspect(NamedTuple):
    """Whose hazard it is: the client's address and its key's fingerprint."""

    name: HazardName
    client: str
    key: str


@dataclass(frozen=True, slots=True)
class Record:
    """Hazards of one name and client, added up. The example is the first one's."""

    n: int
    first_at: float
    last_at: float
    amount: Decimal
    example: str

    @classmethod
    def of(cls, hazard: Hazard) -> "Record":
        """The record of a single sighting."""
        return cls(1, hazard.at, hazard.at, hazard.amount, hazard.example)

    def __add__(self, other: "Record") -> "Record":
        earlier = min(self, other, key=lambda one: (one.first_at, one.example))
        return Record(
            self.n + other.n,
            earlier.first_at,
            max(self.last_at, other.last_at),
            self.amount + other.amount,
            earlier.example,
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """One exchange as a detector sees it.

    ``leases``: those known among the call's ids that live on the exchange's arm, as they were before it.
    ``whole``: whether every id of the call is known. ``key``: fingerprint of the client's key.
    """

    exchange: Exchange
    leases: Sequence[Lease] = ()
    whole: bool = True
    key: str = ""

    @property
    def call(self) -> Call:
        return self.exchange.call

    @property
    def at(self) -> float:
        return self.exchange.at

    @property
    def who(self) -> tuple[str, str]:
        return self.exchange.client, self.key

    def hazard(self, name: HazardName, note: str = "", lease: Lease | None = None) -> Hazard:
        """A hazard that this exchange shows."""
        return Hazard(name, *self.who, self.at, _shown(self.exchange, note), lease=lease)


_SHOWN = ("id", "activationId", "status", "service", "country", "operator", "multiService", "rent_time")
_PLAIN = re.compile(r"[A-Za-z0-9_,.+-]{1,40}")


def _shown(exchange: Exchange, note: str) -> str:
    """The exchange in one line. Of parameters that nobody knows, and of odd values, only that they are there."""
    params = exchange.call.params
    told = [f"{name}={_value(params[name])}" for name in _SHOWN if name in params]
    call = " ".join([exchange.call.label or "no action", *told])
    return f"{call} -> {exchange.reply.code}{f' ({note})' if note else ''}"


def _value(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else "..."
