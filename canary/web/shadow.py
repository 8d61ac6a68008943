"""Shadow leases as one JSON object: how many, what they cost, and whether they are stopped."""

from collections.abc import Mapping
from typing import Any

from canary.store.errors import StoreError
from canary.store.shadow_leases import LEFT_OUT
from canary.store.store import Store
from canary.web.status import amount


def shadow_of(store: Store, name: str, now: float) -> dict[str, Any]:
    """The shadow leases of the rollout ``name``. Money in new's unit, times seconds.

    Raises:
        StoreError: the store cannot be read, or holds no such rollout.
    """
    if store.rollout(name) is None:
        raise StoreError(f"{store.name} holds no rollout named {name!r}; it holds {', '.join(store.names())}")
    book = store.shadow_book(name)
    spent, switch = book.spent(now), book.switch()
    return {
        "name": name,
        "stopped": switch.stopped,
        "by": {"actor": switch.actor, "reason": switch.reason, "at": switch.at} if switch.at else None,
        "leases": {state.value: n for state, n in book.counts().items()},
        "spent": {
            "run": amount(spent.run),
            "day": amount(spent.day),
            "outstanding": amount(spent.outstanding),
        },
        "left_out": _left_out(store.counters(name)),
    }


def _left_out(counters: Mapping[str, int]) -> dict[str, int]:
    """Purchases of kinds that are not repeated, by action."""
    found = ((name.removeprefix(LEFT_OUT), n) for name, n in counters.items() if name.startswith(LEFT_OUT))
    return dict(sorted(found))
