"""From exchanges to hazards: one rule for each trap.

A rule remembers what it needs of each client, key or lease, and forgets the oldest, so that memory is bounded
whatever clients do.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from canary.core.compare.traits import UNKNOWN_ACTION
from canary.core.hazards import Hazard, HazardName, Sight
from canary.core.leases import SKEW, is_cancel, may_have_bought
from canary.core.model import Arm, Call, Effect, Lease, LeaseKey, LeaseState, Outcome, Progress
from canary.core.money import NOTHING, Result, result_of

REMEMBERED = 2048
"""Clients, keys or leases that a rule remembers."""

REPEAT = 15.0
"""Seconds within which a client repeats a call by itself."""

LONGEST = 64
"""Characters of a parameter that are compared."""

POLL_SLACK = 0.75
"""The part of the poll interval below which a poll is too early; clocks and networks are not exact."""

POLL_STREAK = 3
"""Early polls in a row that are no accident: a look before and after a write is."""

WAITING_POLLS = 3
"""Polls of a completed lease after which its client is still waiting."""

BURST, BURST_WITHIN = 5, 10.0
"""Refusals by a limit, and the seconds within which they are a burst."""

SOURCES, SOURCES_WITHIN = 16, 60.0
"""Source addresses of one key, and the seconds within which they are many at once."""

MOST_SOURCES = 256
"""Source addresses that are remembered of one key."""

type Found = Iterable[Hazard]
type Rule = Callable[[Sight], Found]


class Habits(NamedTuple):
    """What a provider allows: seconds between two polls of a lease, and which actions it does not serve."""

    poll_interval: float = 3.0
    unsupported: frozenset[str] = frozenset()


class Detector:
    """All rules over the traffic of one process."""

    def __init__(self, habits: Mapping[Arm, Habits]) -> None:
        self._writes = Writes()
        polls = Polls({arm: one.poll_interval for arm, one in habits.items()})
        countries, lost = MixedCountries().see, LostParameters().see
        always = (Sources().see, Bursts().see, Unsupported(habits[Arm.NEW].unsupported).see)
        self._rules: dict[Effect, tuple[Rule, ...]] = {
            Effect.GLOBAL_READ: (*always, countries),
            Effect.ACCOUNT_READ: always,
            Effect.PURCHASE: (*always, countries, lost, Repeats().see, misrouted),
            Effect.LEASE_READ: (*always, lost, self._writes.see, polls.see, misrouted),
            Effect.LEASE_WRITE: (
                *always,
                lost,
                self._writes.see,
                finished_before_code,
                cancelled_after_code,
                misrouted,
            ),
            Effect.UNKNOWN: always,
        }

    def see(self, sight: Sight) -> list[Hazard]:
        """What an exchange shows."""
        return [hazard for rule in self._rules[sight.call.effect] for hazard in rule(sight)]

    def ended(self, lease: Lease) -> list[Hazard]:
        """What shows at the end of a lease that its provider or its lifetime brought about."""
        return [*_unclaimed(lease), *self._writes.ended(lease)]


def stands(hazard: Hazard, lease: Lease) -> bool:
    """Whether a hazard still stands by all that is known of its lease, other processes' sights included."""
    if hazard.name is HazardName.FINISH_BEFORE_CODE:
        return lease.code_at is None or lease.code_at > hazard.at
    if hazard.name is HazardName.UNCLAIMED_REFUND:
        return _is_unclaimed(lease)
    return hazard.lease is None or lease.seen_at <= hazard.lease.seen_at


class _Memory[K, V](OrderedDict[K, V]):
    """A mapping that forgets what was put in longest ago."""

    def put(self, key: K, value: V) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)

    def of(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made when it is not remembered."""
        value = self[key] if key in self else make()
        self.put(key, value)
        return value


# --- leases -----------------------------------------------------------------------------------------------------


def finished_before_code(sight: Sight) -> Found:
    """A lease that was met in traffic may have had its code before."""
    if not _asks(sight.call, "6", "finishActivation"):
        return
    for lease in sight.leases:
        if lease.purchase is not None and result_of(lease) is not Result.SUCCESS:
            yield sight.hazard(HazardName.FINISH_BEFORE_CODE, lease=lease)


def cancelled_after_code(sight: Sight) -> Found:
    """One that is refused because the code came is how a client learns of it: no hazard, nobody had seen the code."""
    if is_cancel(sight.call) and any(lease.code_at is not None for lease in sight.leases):
        yield sight.hazard(HazardName.CANCEL_AFTER_CODE)


def misrouted(sight: Sight) -> Found:
    """Providers forget ids some time after a lease's end, so only running leases raise the alarm."""
    parts = sight.exchange.reply.parts
    if parts is not None:
        denied: Sequence[Lease] = [
            one for one in sight.leases if one.id in parts and parts[one.id].unknown_lease
        ]
        alarm = any(_runs(lease, sight.at) for lease in denied)
    else:
        denied = sight.leases if sight.exchange.reply.unknown_lease and sight.whole else []
        alarm = bool(denied) and all(_runs(lease, sight.at) for lease in denied)
    if alarm:
        yield sight.hazard(HazardName.MISROUTED)


class Writes:
    """setStatus 3 and 6 in each other's place: what is done after them tells."""

    def __init__(self) -> None:
        self._asked_again: _Memory[LeaseKey, float] = _Memory()
        self._polls_after_finish: _Memory[LeaseKey, int] = _Memory()

    def see(self, sight: Sight) -> Found:
        progress = sight.exchange.reply.progress
        for lease in sight.leases:
            key = lease.lease_key
            if _asks(sight.call, "3") and progress is Progress.RETRYING:
                self._asked_again.put(key, sight.at)
            elif _asks(sight.call, "6", "finishActivation") and progress is Progress.FINISHED:
                self._polls_after_finish.put(key, 0)
            elif sight.call.effect is Effect.LEASE_READ:
                yield from self._polled(sight, key)

    def _polled(self, sight: Sight, key: LeaseKey) -> Found:
        self._asked_again.pop(key, None)
        if key not in self._polls_after_finish:
            return
        self._polls_after_finish[key] += 1
        if self._polls_after_finish[key] == WAITING_POLLS:
            yield sight.hazard(HazardName.RETRY_FINISH_SWAPPED, "polled on after status 6")

    def ended(self, lease: Lease) -> Found:
        """The lease's end without a look at the code that was asked for."""
        asked_at = self._asked_again.pop(lease.lease_key, None)
        if asked_at is not None and lease.seen_at <= asked_at:
            yield _at_end(
                HazardName.RETRY_FINISH_SWAPPED, lease, "asked for another code and never looked for it"
            )


def _unclaimed(lease: Lease) -> Found:
    if _is_unclaimed(lease):
        yield _at_end(HazardName.UNCLAIMED_REFUND, lease, "ran out without a cancel")


def _is_unclaimed(lease: Lease) -> bool:
    """Whether a lease ran its time without a code, and nobody as much as tried to cancel it."""
    if lease.purchase is None or lease.expires_at is None or lease.ended_at is None or lease.claim:
        return False
    early = lease.ended_at < lease.expires_at - SKEW
    return not early and lease.claimed_at is None and result_of(lease) in {Result.REFUND, Result.LOSS}


def _at_end(name: HazardName, lease: Lease, note: str) -> Hazard:
    shown = f"{lease.kind} {lease.visible_id} for {lease.service or 'an unknown service'}: {note}"
    at = lease.ended_at if lease.ended_at is not None else lease.seen_at
    return Hazard(name, lease.client, lease.key, at, shown, lease.price or NOTHING, lease)


def _runs(lease: Lease, at: float) -> bool:
    return lease.state is LeaseState.OPEN and (lease.expires_at is None or at < lease.expires_at)


def _asks(call: Call, status: str, action: str = "") -> bool:
    """Whether the call is ``setStatus`` with that status, or the action that means the same."""
    return call.action == action or (call.action == "setStatus" and call.params.get("status") == status)


class Polls:
    """Status polls of one lease.

    Args:
        intervals: seconds that each arm's provider wants between two of them.
    """

    def __init__(self, intervals: Mapping[Arm, float]) -> None:
        self._intervals = intervals
        self._last: _Memory[LeaseKey, tuple[float, int]] = _Memory()

    def see(self, sight: Sight) -> Found:
        interval = self._intervals[sight.exchange.arm]
        for lease in sight.leases:
            before, streak = self._last.get(lease.lease_key, (float("-inf"), 0))
            gap = sight.at - before
            streak = streak + 1 if gap < interval * POLL_SLACK else 0
            self._last.put(lease.lease_key, (sight.at, streak))
            if streak >= POLL_STREAK:
                yield sight.hazard(
                    HazardName.POLLING_TOO_FAST, f"{gap:.1f} s after the last, {interval:g} s allowed"
                )


# --- clients ----------------------------------------------------------------------------------------------------

type _Who = tuple[str, str]


class MixedCountries:
    """The style in which a client writes countries: ids, or names."""

    def __init__(self) -> None:
        self._styles: _Memory[_Who, str] = _Memory()

    def see(self, sight: Sight) -> Found:
        country = sight.call.params.get("country", "")
        if country in {"", "any"}:
            return
        style = "ids" if country.isdecimal() else "names"
        before = self._styles.get(sight.who, style)
        self._styles.put(sight.who, style)
        if style != before:
            yield sight.hazard(HazardName.MIXED_COUNTRY_IDS, f"{before} before, {style} now")


class _Doubtful(NamedTuple):
    """A purchase that may have been made: when its answer came or was given up, and what was asked for."""

    until: float
    order: tuple[str, ...]


class Repeats:
    """Purchases made again after an answer that may hide a number."""

    def __init__(self) -> None:
        self._doubtful: _Memory[_Who, deque[_Doubtful]] = _Memory()

    def see(self, sight: Sight) -> Found:
        if sight.call.params.get("orderId"):
            return  # an order is not processed twice under one id
        doubtful = self._doubtful.get(sight.who, ())
        if doubtful and any(
            0 <= sight.at - one.until <= REPEAT and one.order == _order(sight.call) for one in doubtful
        ):
            yield sight.hazard(HazardName.REPEATED_PURCHASE)
        if may_have_bought(sight.exchange):
            until = sight.at + sight.exchange.latency
            found = self._doubtful.of(sight.who, lambda: deque(maxlen=8))
            found.append(_Doubtful(until, _order(sight.call)))


_ORDER = ("service", "multiService", "country", "operator", "id", "activationId")


def _order(call: Call) -> tuple[str, ...]:
    return call.action, *(call.params.get(name, "") for name in _ORDER)


class LostParameters:
    """Calls that are made again with less in them than before."""

    def __init__(self) -> None:
        self._last: _Memory[tuple[str, str, str], tuple[float, tuple[str, ...]]] = _Memory()

    def see(self, sight: Sight) -> Found:
        call = sight.call
        key = (*sight.who, call.action)
        told = tuple([call.params.get(name, "")[:LONGEST] for name in _ESSENTIAL])
        before = self._last.get(key)
        self._last.put(key, (sight.at, told))
        if before is None or before[1] == told or sight.at - before[0] > REPEAT:
            return
        pairs = list(zip(_ESSENTIAL, before[1], told, strict=True))
        lost = sorted(name for name, was, now in pairs if was and not now)
        if lost and all(was == now for _, was, now in pairs if now):
            yield sight.hazard(HazardName.LOST_PARAMETERS, f"without {', '.join(lost)}")


_ESSENTIAL = ("service", "multiService", "id", "activationId", "status")


# --- keys and actions ---------------------------------------------------------------------------------------------


class Bursts:
    """Refusals by a provider's limit, key by key."""

    def __init__(self) -> None:
        self._refused: _Memory[str, deque[float]] = _Memory()

    def see(self, sight: Sight) -> Found:
        if sight.exchange.reply.outcome is not Outcome.LIMIT:
            return
        times = self._refused.of(sight.key, lambda: deque(maxlen=BURST))
        times.append(sight.at)
        if len(times) == BURST and times[-1] - times[0] <= BURST_WITHIN:
            times.clear()
            yield sight.hazard(HazardName.LIMIT_BURST, f"{BURST} within {BURST_WITHIN:g} s")


class Sources:
    """The source addresses of a key."""

    def __init__(self) -> None:
        self._seen: _Memory[str, OrderedDict[str, float]] = _Memory()

    def see(self, sight: Sight) -> Found:
        source, key = sight.who
        if not source or not key:
            return
        seen = self._seen.of(key, OrderedDict)
        known = source in seen
        seen[source] = sight.at
        seen.move_to_end(source)
        while len(seen) > MOST_SOURCES or next(iter(seen.values())) < sight.at - SOURCES_WITHIN:
            seen.popitem(last=False)
        if not known and len(seen) >= SOURCES:
            yield sight.hazard(HazardName.MANY_SOURCES, f"{len(seen)} addresses within {SOURCES_WITHIN:g} s")


class Unsupported:
    """Actions that ``new`` does not serve, by its profile or by its own word."""

    def __init__(self, declared: frozenset[str]) -> None:
        self._declared = declared
        self._served: set[str] = set()

    def see(self, sight: Sight) -> Found:
        call, reply, of_new = sight.call, sight.exchange.reply, sight.exchange.arm is Arm.NEW
        if of_new and reply.outcome in _SERVED:
            self._served.add(call.action)
        if call.effect is Effect.UNKNOWN:
            return
        if call.action in self._declared:
            yield sight.hazard(HazardName.UNSUPPORTED_ACTION, "the profile of new declares it")
        elif of_new and reply.code in UNKNOWN_ACTION and call.action not in self._served:
            yield sight.hazard(HazardName.UNSUPPORTED_ACTION, "new does not know it")


_SERVED = frozenset({Outcome.OK, Outcome.BUSINESS, Outcome.STATE})
