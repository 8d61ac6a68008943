"""The controller: read what matured, judge, move, and write all of it, tick after tick."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from canary.control.checks import checks_of
from canary.control.era import Era, era_of
from canary.control.notebook import Notebook
from canary.control.operator import decision
from canary.core.basis import Basis, Ground, event_of
from canary.core.model import Arm, Rollout, RolloutState
from canary.core.pairs import Pairs
from canary.core.policy.load import policy_hash
from canary.core.policy.model import Policy, Profile
from canary.core.policy.terms import terms_of
from canary.core.stage import Event, IllegalEvent, apply, legal_events
from canary.core.verdict import Verdict, stage_facts
from canary.store.errors import StoreError
from canary.store.rollouts import Look
from canary.store.store import Store
from canary.store.ticks import Change, Tick

log = logging.getLogger(__name__)

ACTOR = "controller"

STANDBY = 1.0
"""Seconds between two tries of a controller that stands by to lead."""

_OVER = frozenset({RolloutState.ROLLED_BACK, RolloutState.COMPLETE})
"""States in which nothing is left to judge; the last verdict stands."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read at some revision of the rollout."""

    revision: int
    era: Era


class Controller:
    """Judges one rollout, alone or beside others: of two that tick at once, one has no effect.

    Args:
        clock: wall-clock seconds.
    """

    def __init__(
        self, store: Store, policy: Policy, profiles: Mapping[Arm, Profile], clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._leadership = store.leadership(policy.name)
        self._standing: bool | None = None
        self._policy = policy
        self._hash = policy_hash(policy)
        self._terms = terms_of(policy)
        self._lifetime = max(profile.lifetime for profile in profiles.values())
        self._clock = clock
        self._known: _Known | None = None
        self._notebook: Notebook | None = None

    def tick(self) -> Verdict | None:
        """One look at the rollout: what it found, or ``None`` when there is nothing to judge.

        Raises:
            StoreError: the store cannot be read or written; nothing was decided.
        """
        look, now = self._look(), self._clock()
        if look.rollout.state in _OVER:
            self._store.beat(self._policy.name, now)
            return None
        notebook = self._open(look.rollout)
        notebook.take_in(self._store, now)
        facts = stage_facts(self._policy, look.rollout, now)
        checks = checks_of(self._store, self._policy, look.rollout, notebook.ground.since)
        basis = notebook.basis(facts, checks, self._pairs(look.rollout))
        verdict = basis.judge(notebook.evidence, self._policy)
        event = _event(verdict, already_down=notebook.down)
        change = self._change(look.rollout, event, verdict, basis, now)
        self._write(notebook, verdict, change, look.rollout.revision, now)
        return verdict

    def lead(self) -> None:
        """Tick, if it is this controller that leads.

        Raises:
            StoreError: the store cannot be read or written; nothing was decided.
        """
        try:
            leads = self._leadership.held()
        except StoreError:
            self._stand(leading=False)
            raise
        self._stand(leading=leads)
        if leads:
            self.tick()

    @property
    def leads(self) -> bool:
        """Whether it ticks; another one does so while it stands by."""
        return bool(self._standing)

    def _stand(self, *, leading: bool) -> None:
        if leading == self._standing:
            return
        self._standing, self._notebook = leading, None  # what another one has found since is in the store
        log.info("this controller leads" if leading else "this controller stands by: another one leads")

    async def run(self) -> None:
        """Lead or stand by until cancelled; a tick that failed is made anew, and leaves no sign of life meanwhile."""
        while True:
            try:
                await asyncio.to_thread(self.lead)
            except StoreError as error:
                self._notebook = None  # what of it was written is not known
                log.warning("a tick was skipped: %s", error)
            except Exception:
                self._notebook = None
                log.exception("a tick failed; proxies take the safe arm until one succeeds")
            tick = self._policy.judging.tick
            await asyncio.sleep(tick if self.leads else min(tick, STANDBY))

    def resign(self) -> None:
        """Let another controller lead."""
        self._leadership.give_up()
        self._standing = False

    def _pairs(self, rollout: Rollout) -> Mapping[str, Pairs]:
        """Calls that both arms answered, in a stage that has nothing else to compare."""
        if rollout.weight:
            return {}
        return self._store.pairs(rollout.name, self._terms, rollout.attempt, rollout.stage_index)

    def _look(self) -> Look:
        look = self._store.look(self._policy.name)
        if look is None:
            raise StoreError(f"{self._store.name} holds no rollout named {self._policy.name!r} any more")
        return look

    def _open(self, rollout: Rollout) -> Notebook:
        """The notebook of the rollout's era, read anew when it is another than the one in memory."""
        if self._known is None or self._known.revision != rollout.revision:
            self._check_policy()
            self._known = _Known(rollout.revision, era_of(self._store.decisions(rollout.name)))
        era = self._known.era
        ground = Ground(rollout.attempt, era.since, self._lifetime)
        if self._notebook is None or (self._notebook.era, self._notebook.ground) != (era, ground):
            stored = self._store.evidence(rollout.name, era.number)
            self._notebook = Notebook(self._policy, ground, era, stored)
        return self._notebook

    def _check_policy(self) -> None:
        """A controller left over from before an edit would judge by margins that no longer hold."""
        stored = self._store.policy(self._policy.name)
        if stored is not None and stored.hash != self._hash:
            raise StoreError(
                f"the rollout {self._policy.name!r} runs under policy {stored.hash} now and this controller knows "
                f"{self._hash}; start it again with the edited file"
            )

    def _change(
        self, rollout: Rollout, event: Event | None, verdict: Verdict, basis: Basis, now: float
    ) -> Change | None:
        if event is None or event not in legal_events(rollout.state):
            return None
        try:
            after = apply(rollout, event, self._policy.steps, now)
        except IllegalEvent:
            return None  # the last stage of a policy without a cutover: cleared, and nowhere to go
        row = decision(
            event,
            ACTOR,
            "; ".join(verdict.reasons),
            rollout,
            after,
            at=now,
            policy_hash=self._hash,
            evidence=verdict.as_json() | {"basis": basis.as_json()},
        )
        return Change(rollout, after, row)

    def _write(
        self, notebook: Notebook, verdict: Verdict, change: Change | None, revision: int, now: float
    ) -> None:
        parts = notebook.changed(verdict)
        tick = Tick(notebook.ticks, now, notebook.era.number, verdict.as_json(), parts, change, revision)
        if not self._store.tick(self._policy.name, tick):
            self._notebook = None
            log.info("another controller or an operator was faster; this tick is made anew")
            return
        notebook.written(verdict)
        if change is not None:
            log.warning("%s: %s", change.decision.event, change.decision.reason)


def _event(verdict: Verdict, *, already_down: bool) -> Event | None:
    """What the verdict asks for. A common outage pauses when it begins: whoever resumes during it has seen it."""
    return None if verdict.pause and already_down else event_of(verdict)
