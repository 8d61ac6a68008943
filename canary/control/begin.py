"""How a rollout meets its policy file: begun anew, taken up where it stood, or refused because the file changed."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

from canary.control.era import EDIT, RISKED, begins_anew
from canary.control.operator import decision
from canary.core.model import Rollout
from canary.core.policy.load import PolicyError, policy_hash, policy_json
from canary.core.policy.model import Policy
from canary.core.stage import IllegalEvent, adopt, start
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store


def begin(store: Store, policy: Policy, *, now: float, actor: str, accept_changes: bool = False) -> Rollout:
    """The policy's rollout in the store: its first stage when it is new, otherwise where it stood.

    A policy that was edited under a running rollout is taken over only when that is asked for, and the change
    is appended to the decisions: new margins spend the error rate anew.

    Raises:
        PolicyError: the policy differs from the one that the rollout runs under.
        StoreError: the store cannot be read or written.
    """
    written = StoredPolicy(policy_hash(policy), policy_json(policy))
    rollout = store.create(start(policy.name, secrets.token_hex(16), policy.steps, now), written)
    stored = store.policy(policy.name)
    assert stored is not None, "a rollout has a policy"
    if stored.hash == written.hash:
        return rollout
    changed = list(_changes(json.loads(stored.json), json.loads(written.json)))
    if not accept_changes:
        raise PolicyError(
            f"the policy of the running rollout {policy.name!r} was changed ({', '.join(changed)}); undo the change, "
            f"give it another name to begin a new rollout, or accept it on the record with --accept-changes"
        )
    evidence = {"changed": changed, RISKED: json.loads(stored.json)["error_rates"]["false_rollback"]}
    return _take_over(store, policy, rollout, written, evidence, now, actor)


def _take_over(
    store: Store,
    policy: Policy,
    rollout: Rollout,
    written: StoredPolicy,
    evidence: dict[str, Any],
    now: float,
    actor: str,
) -> Rollout:
    try:
        after = adopt(rollout, policy.steps, now)
    except IllegalEvent as error:
        raise PolicyError(f"{error}; keep that stage until the rollout has left it") from None
    changed = evidence["changed"]
    reason = f"policy changed: {', '.join(changed)}"
    if begins_anew(changed):
        reason += "; the evidence is gathered anew, and the error rates are spent once more"
    row = decision(
        EDIT,
        actor,
        reason,
        rollout,
        after,
        at=now,
        policy_hash=written.hash,
        evidence=evidence,
    )
    if not store.save(rollout, after, row, written):
        raise PolicyError(f"the rollout {policy.name!r} changed while its policy was taken over; start again")
    return after


def _changes(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The dotted paths that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _changes(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif before != after:
        yield path
