"""Eras: stretches of judging under one error rate. A restart, or an edit of what is judged, begins another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from canary.core.model import Decision
from canary.core.policy.terms import JUDGED_BY
from canary.core.stage import Event

EDIT = "policy"
"""The event of a decision that took over an edited policy."""

RISKED = "risked"
"""In the evidence of a decision that ends an era: the false-rollback probability which that era was allowed."""


@dataclass(frozen=True, slots=True)
class Era:
    """The present era.

    ``number`` counts from 1. ``since``: bets begin here, in seconds since the epoch. ``spent``: the chance that any
    era before this one rolled back by mistake, each at the error rate of its time.
    """

    number: int
    since: float
    spent: float


def era_of(decisions: Sequence[Decision]) -> Era:
    """The era that a rollout with this log is in."""
    beginnings = [decision for decision in decisions if _begins(decision)]
    spent = sum(_risked(decision) for decision in beginnings)
    return Era(len(beginnings) + 1, beginnings[-1].at if beginnings else -inf, spent)


def begins_anew(changed: Iterable[str]) -> bool:
    """Whether an edit of these dotted policy keys begins another era."""
    return any(path.partition(".")[0] in JUDGED_BY for path in changed)


def _begins(decision: Decision) -> bool:
    if decision.event == Event.RESTART:
        return True
    changed = decision.evidence.get("changed", ())
    return decision.event == EDIT and isinstance(changed, list) and begins_anew(changed)


def _risked(decision: Decision) -> float:
    risked = decision.evidence.get(RISKED, 0.0)
    return risked if isinstance(risked, float) else 0.0
