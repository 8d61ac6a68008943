"""Where a call goes, as data: one pure function from a call and what is known to a Plan."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum

from canary.core.actions import Grammar, lookup
from canary.core.assign import assign
from canary.core.model import Arm, Assignment, Call, Effect, Lease, Rollout

READS = frozenset({Effect.GLOBAL_READ, Effect.ACCOUNT_READ})
"""What may be shadowed: actions that neither cost, nor change, nor concern a single lease."""


class Reason(StrEnum):
    ASSIGNED = "assigned"  # drawn by weight
    STICKY = "sticky"  # its lease lives there
    SAFE = "safe"  # not split: account calls, global reads, unknown and malformed calls
    FAIL_SAFE = "fail_safe"  # the rollout is stale or the store is lost
    UNKNOWN_LEASE = "unknown_lease"  # bought before the harness was put in


class Combine(StrEnum):
    """What to do with a second arm's reply to the same call."""

    MERGE = "merge"  # join both arms' lists
    SUM = "sum"  # add both balances
    DISCOVER = "discover"  # ask the second arm only when the first does not know the lease
    PARTS = "parts"  # each arm is asked for its own ids of one call, then join


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with one call. ``ids`` maps the client's ids to each arm's own."""

    arm: Arm
    reason: Reason
    ids: Mapping[str, str] = field(default_factory=dict)
    assignment: Assignment | None = None
    spill: Arm | None = None  # who may serve a purchase when the connection to ``arm`` cannot be opened
    second: Arm | None = None
    combine: Combine | None = None
    shadow: Arm | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy's say in routing."""

    spillover: bool = True
    sum_balance: bool = False


def plan(
    call: Call,
    leases: Mapping[str, Lease],
    rollout: Rollout,
    rules: Rules,
    *,
    unit: str,
    fresh: bool = True,
    shadow: bool = False,
    used: Set[Arm] = frozenset(Arm),
    ordered: Arm | None = None,
) -> Plan:
    """Decide one call.

    Args:
        leases: the known ones among the call's ids, by the id that the client uses.
        unit: what is assigned to an arm if the call is a purchase.
        fresh: whether the rollout is known to be current; if not, new leases go to the safe arm.
        shadow: whether this call is in the shadowed share.
        used: the arms that ever issued a lease; nothing is merged from an arm that has none.
        ordered: the arm to which an earlier purchase under the same order went.
    """
    if call.malformed or call.effect is Effect.UNKNOWN:
        return Plan(rollout.safe_arm, Reason.SAFE)
    if call.ids:
        return _of_lease(call, leases, rollout)
    if ordered is not None:
        return Plan(ordered, Reason.STICKY)
    if call.effect is Effect.PURCHASE:
        return _purchase(rollout, rules, unit, fresh)
    if call.effect in READS:
        return _read(call, rollout, rules, shadow, used)
    return Plan(rollout.safe_arm, Reason.SAFE)


def _of_lease(call: Call, leases: Mapping[str, Lease], rollout: Rollout) -> Plan:
    safe = rollout.safe_arm
    ids = {visible: lease.id for visible, lease in leases.items()}
    arms = {lease.arm for lease in leases.values()}
    if arms and any(one not in leases for one in call.ids):
        arms.add(safe)  # a stranger among known leases is asked for where strangers are
    if len(arms) > 1:
        return Plan(safe, Reason.STICKY, ids, second=safe.other, combine=Combine.PARTS)
    if arms:
        return Plan(arms.pop(), Reason.STICKY, ids)
    if call.effect is Effect.LEASE_READ:
        return Plan(safe, Reason.UNKNOWN_LEASE, second=safe.other, combine=Combine.DISCOVER)
    return Plan(safe, Reason.UNKNOWN_LEASE)


def _purchase(rollout: Rollout, rules: Rules, unit: str, fresh: bool) -> Plan:
    if not fresh:
        return Plan(rollout.safe_arm, Reason.FAIL_SAFE)
    assignment = assign(rollout, unit)
    may_spill = rules.spillover and assignment.arm is Arm.NEW and rollout.safe_arm is Arm.OLD
    return Plan(assignment.arm, Reason.ASSIGNED, assignment=assignment, spill=Arm.OLD if may_spill else None)


def _read(call: Call, rollout: Rollout, rules: Rules, shadow: bool, used: Set[Arm]) -> Plan:
    safe = rollout.safe_arm
    action = lookup(call.action)
    if action is not None and action.merge and safe.other in used:
        return Plan(safe, Reason.SAFE, second=safe.other, combine=Combine.MERGE)
    if action is not None and action.grammar is Grammar.BALANCE and rules.sum_balance:
        return Plan(safe, Reason.SAFE, second=safe.other, combine=Combine.SUM)
    return Plan(safe, Reason.SAFE, shadow=safe.other if shadow else None)
