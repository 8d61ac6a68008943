"""The life of a lease: what a reply does to it, as one table, and how two views of it become one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from struct import iter_unpack, pack, unpack

from canary.core.model import NOTHING_SENT, Call, Exchange, Lease, LeaseState, Outcome, Progress
from canary.core.protocol.words import OUTCOMES, PROGRESS

MAX_CALLS = 16
"""Calls of a lease that the gates look at; more would let one chatty client outvote the others."""

SKEW = 60.0
"""Seconds by which a provider's clock and ours may differ."""

FAULTS = frozenset({Outcome.CALLER, Outcome.ACCOUNT, Outcome.LIMIT, Outcome.PROVIDER, Outcome.UNKNOWN})
"""Outcomes that count against an arm: the client did not get what it asked for, and not for want of stock
or because of the lease's state. Requests that both arms refuse alike cancel out in the comparison."""


class LeaseEvent(StrEnum):
    CODE = "code"  # a code was shown
    FINISHED = "finished"  # the client's setStatus 6 was accepted
    CLAIMED = "claimed"  # the client's cancel was accepted
    CLOSED = "closed"  # the provider reports it cancelled or completed
    LIFETIME = "lifetime"  # its lifetime passed and nobody asked again


_S = LeaseState
_E = LeaseEvent
# state -> event -> next state; what is absent changes nothing. Beyond the table, what a lease is known to have
# had counts in whatever order one or several replicas saw it, see ``_settled``.
TRANSITIONS: dict[LeaseState, dict[LeaseEvent, LeaseState]] = {
    _S.OPEN: {
        _E.FINISHED: _S.SUCCEEDED,
        _E.CLAIMED: _S.REFUNDED,
        _E.CLOSED: _S.EXPIRED,
        _E.LIFETIME: _S.ABANDONED,
    },
    # A code may still show up after the lifetime; and a forgotten lease may be asked for once more.
    _S.ABANDONED: {
        _E.CODE: _S.SUCCEEDED,
        _E.FINISHED: _S.SUCCEEDED,
        _E.CLAIMED: _S.REFUNDED,
        _E.CLOSED: _S.EXPIRED,
    },
    _S.EXPIRED: {
        _E.CODE: _S.SUCCEEDED,
        _E.FINISHED: _S.SUCCEEDED,
        _E.CLAIMED: _S.REFUNDED,
    },
    _S.REFUNDED: {
        _E.CODE: _S.SUCCEEDED,
    },
    _S.SUCCEEDED: {},
}

_PROGRESS_EVENTS = {
    Progress.CODE: _E.CODE,
    Progress.FINISHED: _E.FINISHED,
    Progress.REVOKED: _E.CLOSED,
}

CANCEL_CODES = frozenset({"8", "-1"})
"""``setStatus`` values that give the number back: 8, and -1 of the 2017 documentation."""


def is_cancel(call: Call) -> bool:
    """Whether the call asks to give its lease back for a refund."""
    if call.action == "setStatus":
        return call.params.get("status") in CANCEL_CODES
    if call.action == "setRentStatus":
        return call.params.get("status") == "2"
    return call.action == "cancelActivation"


def event_of(exchange: Exchange) -> LeaseEvent | None:
    """What an exchange means for its lease; ``None`` when it changes nothing."""
    progress = exchange.reply.progress
    if progress is Progress.CANCELLED:
        return _E.CLAIMED if is_cancel(exchange.call) else _E.CLOSED
    return _PROGRESS_EVENTS.get(progress) if progress else None


def apply(lease: Lease, event: LeaseEvent, at: float) -> Lease:
    """The lease after ``event`` at time ``at``. An event without an entry in the table changes no state."""
    if event is _E.CODE and lease.code_at is None:
        lease = replace(lease, code_at=at)
    state = TRANSITIONS[lease.state].get(event)
    if state is None:
        return lease
    return _settled(replace(lease, state=state, ended_at=at))


def _settled(lease: Lease) -> Lease:
    """The lease in the state that follows from all that is known of it.

    One that ended after a code has succeeded. One that the provider closed after a cancel was refunded: the
    cancel's own answer was lost, but it was carried out.
    """
    if lease.code_at is not None and lease.state is not _S.OPEN:
        return replace(lease, state=_S.SUCCEEDED)
    if lease.claimed_at is not None and lease.state is _S.EXPIRED:
        return replace(lease, state=_S.REFUNDED)
    return lease


def observe(lease: Lease, exchange: Exchange, latency_bin: int) -> Lease:
    """The lease after one of its exchanges: state, claim, last sight and the packed call for the gates."""
    calls = append_call(lease.calls, exchange.at - lease.opened_at, latency_bin, is_fault(exchange))
    claimed_at = lease.claimed_at
    if claimed_at is None and _claims(exchange):
        claimed_at = exchange.at
    claim = _deciding(lease.claim, exchange.reply.code) if is_cancel(exchange.call) else lease.claim
    seen_at = max(lease.seen_at, exchange.at)
    lease = _settled(replace(lease, calls=calls, claimed_at=claimed_at, claim=claim, seen_at=seen_at))
    event = event_of(exchange)
    return lease if event is None else apply(lease, event, exchange.at)


def of_each(exchange: Exchange, leases: Sequence[Lease]) -> list[tuple[Lease, Exchange]]:
    """What an exchange says of each of its arm's leases that it names.

    One answer to several ids that does not tell them apart says nothing of any.
    """
    parts = exchange.reply.parts
    if parts is None and len(leases) < 2:
        return [(lease, exchange) for lease in leases]
    silent = replace(exchange.reply, progress=None, parts=None)
    told = [(parts or {}).get(lease.id, silent) for lease in leases]
    return [(lease, replace(exchange, reply=reply)) for lease, reply in zip(leases, told, strict=True)]


_MAY_BE_DONE = frozenset({Outcome.OK, Outcome.PROVIDER, Outcome.UNKNOWN})


def _claims(exchange: Exchange) -> bool:
    """Whether the exchange is a cancel that was carried out, or may have been: a refused one claims nothing."""
    if not is_cancel(exchange.call):
        return False
    return exchange.reply.progress is Progress.CANCELLED or exchange.reply.outcome in _MAY_BE_DONE


def _deciding(a: str, b: str) -> str:
    """Of two answers to a lease's cancels the one that says more: done, then not known, then refused."""
    return max(a, b, key=_claim_rank)


_DONE = frozenset({"OK", "JSON", "HTTP_204"})


def _claim_rank(word: str) -> tuple[int, str]:
    if not word:
        return 0, word
    if word in _DONE or PROGRESS.get(word) is Progress.CANCELLED:
        return 3, word
    return 2 if OUTCOMES.get(word, Outcome.UNKNOWN) in _MAY_BE_DONE else 1, word


def is_fault(exchange: Exchange) -> bool:
    """Whether the exchange counts against its arm."""
    return exchange.failure is not None or exchange.reply.outcome in FAULTS


_UNREADABLE = frozenset({"EMPTY", "HTML"})


def may_have_bought(exchange: Exchange) -> bool:
    """Whether a purchase may have spent money although no number was seen: it is never sent again."""
    if exchange.failure is not None:
        return exchange.failure not in NOTHING_SENT
    unreadable = exchange.reply.outcome is Outcome.UNKNOWN or exchange.reply.code in _UNREADABLE
    return not exchange.reply.issued and (unreadable or exchange.status >= 500)


# --- the packed first calls: 4 bytes each, (age in tenths of a second, latency bin | fault flag) ---------------

_FAULT = 0x8000
_MAX_AGE = 0xFFFF


def append_call(calls: bytes, age: float, latency_bin: int, fault: bool) -> bytes:
    """``calls`` with one more call in the order of their ages, unless it holds ``MAX_CALLS`` already."""
    if len(calls) >= 4 * MAX_CALLS:
        return calls
    call = min(max(int(age * 10), 0), _MAX_AGE), latency_bin | (_FAULT if fault else 0)
    if not calls or unpack("<HH", calls[-4:]) <= call:  # as nearly always
        return calls + pack("<HH", *call)
    return _packed([*iter_unpack("<HH", calls), call])


def unpack_calls(calls: bytes) -> list[tuple[float, int, bool]]:
    """The packed calls as ``(age in seconds, latency bin, fault)``."""
    return [(age / 10, word & ~_FAULT, bool(word & _FAULT)) for age, word in iter_unpack("<HH", calls)]


def merge_calls(a: bytes, b: bytes) -> bytes:
    """Two replicas' views of the same lease's calls: the earliest ``MAX_CALLS`` of both, what both saw once."""
    both = Counter(iter_unpack("<HH", a)) | Counter(iter_unpack("<HH", b))
    return _packed(both.elements())


def _packed(calls: Iterable[tuple[int, ...]]) -> bytes:
    return b"".join(pack("<HH", *call) for call in sorted(calls)[:MAX_CALLS])


# --- two views of one lease -----------------------------------------------------------------------------------

# A later entry knows more than an earlier one.
_PRECEDENCE = (_S.OPEN, _S.ABANDONED, _S.EXPIRED, _S.REFUNDED, _S.SUCCEEDED)


def merge(a: Lease, b: Lease) -> Lease:
    """One lease from two replicas' views of it: commutative, and nothing that either knew is lost.

    A later opening is another lease of the same id: a provider counts anew.
    """
    if a.opened_at != b.opened_at:
        return max(a, b, key=lambda lease: lease.opened_at)
    priced = max(a, b, key=_price_rank)
    return _settled(
        replace(
            a,
            state=max(a.state, b.state, key=_PRECEDENCE.index),
            calls=merge_calls(a.calls, b.calls),
            code_at=_earliest(a.code_at, b.code_at),
            claimed_at=_earliest(a.claimed_at, b.claimed_at),
            claim=_deciding(a.claim, b.claim),
            ended_at=_earliest(a.ended_at, b.ended_at),
            expires_at=_latest(a.expires_at, b.expires_at),
            refunded_at=_earliest(a.refunded_at, b.refunded_at),
            auto_refund=a.auto_refund and b.auto_refund,
            seen_at=max(a.seen_at, b.seen_at),
            price=priced.price,
            price_source=priced.price_source,
        )
    )


PRICE_SOURCES = ("", "table", "list", "reply", "header")
"""Where a lease's price was read, the more trustworthy the later: a table of prices, a list of the account's
leases, the purchase's own reply, its cost header."""


def _price_rank(lease: Lease) -> tuple[bool, int, Decimal]:
    """A price from a better source first, then the higher of two."""
    price = lease.price
    return price is not None, PRICE_SOURCES.index(lease.price_source), price or Decimal(0)


def _earliest(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else min(a, b)


def _latest(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else max(a, b)
