"""The plain counts of a look: differences, unmapped actions, refunds that never came; and what the policy allows."""

from collections.abc import Iterator, Sequence

from canary.core.accounts import Promises
from canary.core.actions import lookup
from canary.core.check import Check
from canary.core.compare.acks import Findings, place_of
from canary.core.model import Arm, Rollout
from canary.core.policy.gates import ContractGate, CoverageGate, RefundsGate
from canary.core.policy.model import Policy
from canary.core.route import READS
from canary.core.stage import Step
from canary.store.store import Store

FEWEST = 3
"""Replies in which a difference can be found at all (``canary.core.compare.rules.FIRM``)."""

FEWEST_OVERDUE = 10
"""Overdue refunds that are enough to call it harm; as many would show a dead arm."""

NAMED = 3
"""Findings that are named in a reason; the rest is counted."""


def checks_of(store: Store, policy: Policy, rollout: Rollout, since: float) -> tuple[Check, ...]:
    """The checks of the stage that a rollout is in; none without such gates.

    Args:
        since: the era's beginning, in seconds since the epoch; refunds of earlier attempts are no news.

    Raises:
        StoreError: the store cannot be read.
    """
    contract, coverage, refunds = policy.gates.contract, policy.gates.coverage, policy.gates.refunds
    checks: list[Check] = []
    if contract is not None or coverage is not None:
        findings = store.findings(rollout.name)
        if contract is not None:
            checks.append(_contract(contract, findings, _needed(store, policy, rollout, findings)))
        if coverage is not None:
            checks.append(_coverage(coverage, findings, _next(policy.steps, rollout)))
    if refunds is not None:
        checks.append(_refunds(refunds, store.promises(rollout.name, Arm.NEW, since)))
    return tuple(checks)


def _contract(gate: ContractGate, findings: Findings, needed: int) -> Check:
    """Differences keep every stage: whoever advances widens the circle of clients that would meet them."""
    found = findings.open_differences
    places = (" ".join(filter(None, place_of(one))) for one in found)
    return Check(
        "contract",
        len(found),
        gate.max_differences,
        findings.looked_at,
        needed,
        detail=_named(places, len(found), "canary differences"),
    )


def _needed(store: Store, policy: Policy, rollout: Rollout, findings: Findings) -> int:
    """How many replies must have been compared before a stage that only shadows is left.

    Clients that make no call which could be shadowed have nothing to wait for: what they do is learned from the
    first leases on new.
    """
    stage = policy.stages[rollout.stage_index]
    if stage.weight or not stage.shadow or findings.looked_at >= FEWEST:
        return 0
    seen = store.actions_seen(rollout.name, rollout.attempt, rollout.stage_index)
    return FEWEST if any((known := lookup(name)) and known.effect in READS for name in seen) else 0


def _coverage(gate: CoverageGate, findings: Findings, following: Step | None) -> Check:
    """Up to the cutover old serves what new cannot; from then on nobody does."""
    found = findings.open_unmapped
    blocks = gate.unmapped_actions == "block" and following is not None and following.is_cutover
    names = (one.action for one in found)
    detail = _named(names, len(found), "canary differences")
    return Check("coverage", len(found), seen=findings.actions, blocks=blocks, detail=detail)


def _refunds(gate: RefundsGate, promises: Promises) -> Check:
    """Counted by balances, not estimated: it needs no control arm, and holds at any weight."""
    detail = f"{promises.money:f} is in no balance of new; see canary ledger" if promises.overdue else ""
    return Check(
        "refunds",
        promises.overdue,
        max(int(gate.max_overdue * promises.due), FEWEST_OVERDUE - 1),
        promises.due,
        blocks=gate.enforce,
        rolls_back=gate.enforce,
        detail=detail,
    )


def _next(steps: Sequence[Step], rollout: Rollout) -> Step | None:
    following = rollout.stage_index + 1
    return steps[following] if following < len(steps) else None


def _named(names: Iterator[str], n: int, command: str) -> str:
    if not n:
        return ""
    shown = ", ".join(name for name, _ in zip(names, range(NAMED), strict=False))
    more = f" and {n - NAMED} more" if n > NAMED else ""
    return f"{shown}{more}; see {command}, and acknowledge with canary ack"
