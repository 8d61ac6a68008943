"""Operator events: a change of the rollout by hand, applied to the store alone, so that it works with all else dead."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from canary.core.model import Decision, Rollout
from canary.core.stage import Event, IllegalEvent, Step, apply
from canary.store.errors import StoreError
from canary.store.store import Store

ATTEMPTS = 20
"""Times that a change is tried anew when somebody else changed the rollout in between."""


class UnknownRollout(LookupError):
    """The store holds no such rollout."""


class Operator:
    """Applies events to one rollout and appends each as a decision.

    Args:
        steps: the policy's stages.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        steps: Sequence[Step],
        *,
        policy_hash: str,
        version: str,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._name = name
        self._steps = steps
        self._policy_hash = policy_hash
        self._version = version
        self._clock = clock

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
                raise UnknownRollout(
                    f"the store holds no rollout named {self._name!r}; start it with canary run"
                )
            now = self._clock()
            after = apply(before, event, self._steps, now)
            if self._store.save(
                self._name, before, after, self.decision(event, actor, reason, before, after, evidence)
            ):
                return after
        raise StoreError(f"{event} lost {ATTEMPTS} races against other changes of {self._name!r}; try again")

    def try_act(
        self, before: Rollout, event: Event, actor: str, reason: str, evidence: Mapping[str, Any]
    ) -> Rollout | None:
        """Apply ``event`` to exactly ``before``; ``None`` when it has changed since or does not allow the event."""
        try:
            after = apply(before, event, self._steps, self._clock())
        except IllegalEvent:
            return None
        decision = self.decision(event, actor, reason, before, after, evidence)
        return after if self._store.save(self._name, before, after, decision) else None

    def decision(
        self,
        event: Event | str,
        actor: str,
        reason: str,
        before: Rollout,
        after: Rollout,
        evidence: Mapping[str, Any] | None = None,
    ) -> Decision:
        """The row of evidence for a change from ``before`` to ``after``."""
        return Decision(
            at=self._clock(),
            actor=actor,
            event=str(event),
            reason=reason,
            before=before.state,
            after=after.state,
            stage=after.stage,
            weight=after.weight,
            attempt=after.attempt,
            policy_hash=self._policy_hash,
            version=self._version,
            evidence=evidence or {},
        )
