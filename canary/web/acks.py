"""What was acknowledged of the contract, and what is open, as one JSON object."""

from typing import Any

from canary.core.compare.acks import place_of
from canary.store.errors import StoreError
from canary.store.store import Store


def acks_of(store: Store, name: str) -> dict[str, Any]:
    """The acknowledgements of the rollout ``name`` in the order in which they were made; times in seconds.

    Raises:
        StoreError: the store cannot be read, or holds no such rollout.
    """
    if store.rollout(name) is None:
        raise StoreError(f"{store.name} holds no rollout named {name!r}; it holds {', '.join(store.names())}")
    findings = store.findings(name)
    return {
        "name": name,
        "acknowledged": [
            one.place._asdict() | {"shown": one.shown, "reason": one.reason, "actor": one.actor, "at": one.at}
            for one in findings.acks
        ],
        "open": [place_of(one)._asdict() for one in findings.open],
    }
