"""The status of a rollout as one JSON object, from the store alone: it can be told with everything else dead."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from canary.core.accounts import Books
from canary.core.hazards import COUNTER
from canary.core.model import Arm, Decision, LeaseState, Rollout, RolloutState
from canary.core.stage import Event
from canary.store.errors import StoreError
from canary.store.store import Store

NOT_JUDGED: Mapping[str, Any] = {
    "kind": "hold",
    "reasons": [
        "nothing has been judged yet: the controller has not run, or has not finished its first look"
    ],
    "metrics": {},
}
"""The verdict before the first."""

RECENT = 100
"""Decisions among which a rollback is looked for."""

_WEBHOOK_COUNTERS = {"received": "webhooks", "forwarded": "webhooks_forwarded"}
_SHADOW_COUNTERS = {"sent": "shadow_sent", "dropped": "shadow_dropped"}


def status_of(store: Store, name: str, now: float) -> dict[str, Any]:
    """The status of the rollout ``name``. Rates are fractions, times seconds, money the account's unit.

    Raises:
        StoreError: the store cannot be read, or holds no such rollout.
    """
    return status_with(store, name, now, store.lease_counts(name))


def status_with(
    store: Store, name: str, now: float, leases: Mapping[Arm, Counter[LeaseState]]
) -> dict[str, Any]:
    """The status, for whoever has counted the leases already.

    Raises:
        StoreError: the store cannot be read, or holds no such rollout.
    """
    look = store.look(name)
    if look is None:
        raise StoreError(f"{store.name} holds no rollout named {name!r}; start it with canary run")
    return {
        **place_of(look.rollout),
        "controller": {"heartbeat_age": None if look.heartbeat is None else max(0.0, now - look.heartbeat)},
        **_verdict(verdict_of(store, name)),
        "leases": _leases(leases),
        **_counted(
            store.counters(name),
            len(store.findings(name).open_differences),
            store.shadow_book(name).spent(now).run,
        ),
        "webhooks": _webhooks(store, name),
        "money": {arm.value: _money(books) for arm, books in store.books(name).items()},
    }


def verdict_of(store: Store, name: str) -> dict[str, Any]:
    """The last verdict: ``kind``, ``reasons`` and ``metrics``. An operator's rollback overrules the controller's.

    Raises:
        StoreError: the store cannot be read.
    """
    verdict = {**NOT_JUDGED, **(store.verdict(name) or {})}
    rollout = store.rollout(name)
    if rollout is None or rollout.state is not RolloutState.ROLLED_BACK:
        return verdict
    return {**verdict, **_by_hand(store.decisions(name, RECENT))}


def _by_hand(decisions: Sequence[Decision]) -> dict[str, Any]:
    """The verdict of the operator who rolled back; nothing when it was the controller."""
    last = next((d for d in reversed(decisions) if d.event in {Event.ROLLBACK, Event.HARM}), None)
    if last is None or last.event == Event.HARM:
        return {}
    reason = f"rolled back by {last.actor}: {last.reason or 'no reason was given'}"
    return {"kind": "rollback", "reasons": [reason]}


def place_of(rollout: Rollout) -> dict[str, Any]:
    """Where the rollout stands: the part of the status that needs no further look."""
    return {
        "name": rollout.name,
        "stage": rollout.stage,
        "stage_index": rollout.stage_index,
        "weight": rollout.weight,
        "state": rollout.state.value,
        "safe_arm": rollout.safe_arm.value,
        "since": rollout.since,
    }


def _verdict(verdict: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "verdict": {"kind": verdict["kind"], "reasons": list(verdict["reasons"])},
        "metrics": verdict["metrics"],
    }


def _leases(counts: Mapping[Arm, Counter[LeaseState]]) -> dict[str, Any]:
    return {arm.value: {"open": counts[arm][LeaseState.OPEN], "total": counts[arm].total()} for arm in Arm}


def _counted(counters: Counter[str], differences: int, spent: Decimal) -> dict[str, Any]:
    shadow: dict[str, Any] = {key: counters[name] for key, name in _SHADOW_COUNTERS.items()}
    hazards = {
        name.removeprefix(COUNTER): n for name, n in sorted(counters.items()) if name.startswith(COUNTER)
    }
    return {"shadow": shadow | {"differences": differences, "spent": amount(spent)}, "hazards": hazards}


def _webhooks(store: Store, name: str) -> dict[str, int]:
    counters = store.counters(name)
    told = {key: counters[counter] for key, counter in _WEBHOOK_COUNTERS.items()}
    return told | {"waiting": store.outbox(name).waiting().n}


def _money(books: Books) -> dict[str, Any]:
    return {
        "spent": amount(books.money.spent),
        "refunded": amount(books.refunded),
        "outstanding": amount(books.outstanding),
        "per_success": amount(books.money.per_success),
    }


def amount(exact: Decimal | None) -> float | None:
    """Money as JSON writes it: sums are exact until here, and here they become text for people and charts."""
    return None if exact is None else float(exact)
