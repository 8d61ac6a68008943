"""Acknowledging findings: an operator answers for a difference or an unmapped action, on the record."""

from collections.abc import Callable

from canary.control.operator import decision
from canary.core.compare.acks import Ack, Found, Which, place_of, shown_by
from canary.store.errors import StoreError
from canary.store.store import Store

ACK = "ack"
"""The event of a decision that acknowledged findings."""


def acknowledge(
    store: Store, name: str, which: Which, *, reason: str, actor: str, clock: Callable[[], float]
) -> list[Found]:
    """Acknowledge the open findings that are meant, and append one decision; which they were.

    None fits: nothing is written.

    Raises:
        StoreError: the store cannot be read or written, or holds no such rollout.
    """
    rollout, policy = store.rollout(name), store.policy(name)
    if rollout is None or policy is None:
        raise StoreError(f"{store.name} holds no rollout named {name!r}; it holds {', '.join(store.names())}")
    meant = [one for one in store.findings(name).open if which.fits(one)]
    if not meant:
        return []
    now = clock()
    acks = [Ack(place_of(one), shown_by(one), reason, actor, now) for one in meant]
    row = decision(
        ACK,
        actor,
        reason,
        rollout,
        rollout,
        at=now,
        policy_hash=policy.hash,
        evidence={"acknowledged": [ack.place._asdict() | {"shown": ack.shown} for ack in acks]},
    )
    store.acknowledge(name, acks, row)
    return meant
