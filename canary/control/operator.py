"""Operator events: a change of the rollout by hand, applied to the store alone, so that it works with all else dead."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from canary import __version__
from canary.control.checks import checks_of
from canary.control.era import RISKED, era_of
from canary.core.model import Decision, Rollout
from canary.core.policy.model import Policy
from canary.core.stage import Event, IllegalEvent, Step, apply
from canary.store.errors import StoreError
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store

ATTEMPTS = 20
"""Times that a change is tried anew when somebody else changed the rollout in between."""


class UnknownRollout(StoreError):
    """The store holds no such rollout."""


class Operator:
    """Applies events to one rollout and appends each as a decision.

    Args:
        policy: what the rollout runs under; ``None`` when it cannot be read here.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        policy: Policy | None,
        *,
        policy_hash: str,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._name = name
        self._policy = policy
        self._policy_hash = policy_hash
        self._clock = clock

    @property
    def _steps(self) -> Sequence[Step]:
        return self._policy.steps if self._policy else ()

    @classmethod
    def of_store(cls, store: Store, name: str, clock: Callable[[], float]) -> "Operator":
        """An operator for a rollout under the policy that the store has for it.

        Raises:
            UnknownRollout: there is no such rollout.
            StoreError: the store cannot be read.
        """
        stored = store.policy(name)
        if stored is None:
            raise UnknownRollout(_unknown(store, name))
        return cls(store, name, _readable(stored), policy_hash=stored.hash, clock=clock)

    def act(
        self, event: Event, actor: str, reason: str = "", evidence: Mapping[str, Any] | None = None
    ) -> Rollout:
        """Apply ``event`` and return the rollout after it.

        Raises:
            IllegalEvent: the rollout's state does not allow it.
            UnknownRollout: there is no such rollout.
            StoreError: the store cannot be read or written, or the change lost every race.
        """
        for _ in range(ATTEMPTS):
            before = self._store.rollout(self._name)
            if before is None:
                raise UnknownRollout(_unknown(self._store, self._name))
            after = self._try(before, event, actor, reason, evidence)
            if after is not None:
                return after
        raise StoreError(f"{event} lost {ATTEMPTS} races against other changes of {self._name!r}; try again")

    def try_act(
        self, before: Rollout, event: Event, actor: str, reason: str, evidence: Mapping[str, Any]
    ) -> Rollout | None:
        """Apply ``event`` to exactly ``before``; ``None`` when it has changed since or does not allow the event."""
        try:
            return self._try(before, event, actor, reason, evidence)
        except IllegalEvent:
            return None

    def _try(
        self, before: Rollout, event: Event, actor: str, reason: str, evidence: Mapping[str, Any] | None
    ) -> Rollout | None:
        now = self._clock()
        after = apply(before, event, self._steps, now)
        if event is Event.APPROVE:
            self._check(before)
        if event is Event.RESTART and self._policy is not None:
            evidence = {**(evidence or {}), RISKED: self._policy.error_rates.false_rollback}
        row = decision(
            event, actor, reason, before, after, at=now, policy_hash=self._policy_hash, evidence=evidence
        )
        return after if self._store.save(before, after, row) else None

    def _check(self, before: Rollout) -> None:
        """What has come up while a stage waited for its approval holds it up as it would have before."""
        if self._policy is None:
            return
        since = era_of(self._store.decisions(before.name)).since
        checks = checks_of(self._store, self._policy, before, since)
        objections = [said for check in checks if (said := check.objection)]
        if objections:
            raise IllegalEvent(f"approve is held up: {'; '.join(objections)}; promote moves on all the same")


def decision(
    event: Event | str,
    actor: str,
    reason: str,
    before: Rollout,
    after: Rollout,
    *,
    at: float,
    policy_hash: str,
    evidence: Mapping[str, Any] | None = None,
) -> Decision:
    """The row of evidence for a change from ``before`` to ``after``."""
    return Decision(
        at=at,
        actor=actor,
        event=str(event),
        reason=reason,
        before=before.state,
        after=after.state,
        stage=after.stage,
        weight=after.weight,
        attempt=after.attempt,
        policy_hash=policy_hash,
        version=__version__,
        evidence=evidence or {},
    )


def _readable(stored: StoredPolicy) -> Policy | None:
    """The policy; ``None`` when another version wrote it: a rollback must work all the same."""
    try:
        return Policy.model_validate(json.loads(stored.json))
    except ValueError:
        return None


def _unknown(store: Store, name: str) -> str:
    known = ", ".join(store.names())
    return f"{store.name} holds no rollout named {name!r}; " + (
        f"it holds {known}" if known else "start one with canary run"
    )
