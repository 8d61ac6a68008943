"""Between rows and facts."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from canary.core.model import (
    Arm,
    Assignment,
    Decision,
    Failure,
    Kind,
    Lease,
    LeaseState,
    Outcome,
    Purchase,
    Rollout,
    RolloutState,
)
from canary.core.money import refund_due, result_of

MAX_UNIT = 200
"""Characters of a unit that are kept."""

type Row = Mapping[Any, Any]


def lease_row(rollout: str, lease: Lease) -> dict[str, Any]:
    """A lease as a row."""
    due = refund_due(lease)
    row: dict[str, Any] = {name: getattr(lease, name) for name in _LEASE_FIELDS}
    return row | {
        "rollout": rollout,
        "result": result_of(lease),
        "due_at": due.at if due else None,
        "basis": due.basis if due else None,
    }


def lease_of(row: Row) -> Lease:
    """The lease in a row."""
    values = {name: row[name] for name in _LEASE_FIELDS}
    values |= {"arm": Arm(row["arm"]), "kind": Kind(row["kind"]), "state": LeaseState(row["state"])}
    return Lease(**values)


def purchase_row(rollout: str, purchase: Purchase) -> dict[str, Any]:
    """A purchase as a row."""
    drawn = purchase.assignment
    row: dict[str, Any] = {name: getattr(purchase, name) for name in _PURCHASE_FIELDS}
    return row | {
        "rollout": rollout,
        "code": purchase.code[:60],
        "unit": drawn.unit[:MAX_UNIT] if drawn else None,
        "assigned_arm": drawn.arm if drawn else None,
        "probability": drawn.probability if drawn else None,
        "attempt": drawn.attempt if drawn else None,
        "stage": drawn.stage if drawn else None,
    }


def purchase_of(row: Row) -> Purchase:
    """The purchase in a row."""
    values = {name: row[name] for name in _PURCHASE_FIELDS}
    values |= {
        "arm": Arm(row["arm"]),
        "outcome": Outcome(row["outcome"]),
        "failure": Failure(row["failure"]) if row["failure"] else None,
    }
    drawn = None
    if row["assigned_arm"] is not None:
        drawn = Assignment(
            row["unit"], Arm(row["assigned_arm"]), row["probability"], row["attempt"], row["stage"]
        )
    return Purchase(**values, assignment=drawn)


def rollout_row(rollout: Rollout) -> dict[str, Any]:
    """A rollout as a row."""
    return asdict(rollout)


def rollout_of(row: Row) -> Rollout:
    """The rollout in a row."""
    values = {field.name: row[field.name] for field in fields(Rollout)}
    return Rollout(**values | {"state": RolloutState(row["state"]), "safe_arm": Arm(row["safe_arm"])})


def decision_row(rollout: str, decision: Decision) -> dict[str, Any]:
    """A decision as a row."""
    return asdict(decision) | {"rollout": rollout, "evidence": dict(decision.evidence)}


def decision_of(row: Row) -> Decision:
    """The decision in a row."""
    values = {field.name: row[field.name] for field in fields(Decision)}
    return Decision(**values | {"before": RolloutState(row["before"]), "after": RolloutState(row["after"])})


_LEASE_FIELDS = tuple(field.name for field in fields(Lease))
_PURCHASE_FIELDS = tuple(field.name for field in fields(Purchase) if field.name != "assignment")
