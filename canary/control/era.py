"""Eras: stretches of judging under one error rate. A restart, or an edit of what is judged, begins another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from canary.core.model import Decision
from canary.core.policy.terms import JUDGED_BY
from canary.core.stage import Event

EDIT = "policy"
"""The event of a decision that took over an edited policy."""


@dataclass(frozen=True, slots=True)
class Era:
    """The present era.

    ``number`` counts from 1. ``since``: bets begin here, in seconds since the epoch. ``spent``: how many eras
    before this one could have rolled back by mistake.
    """

    number: int
    since: float
    spent: int


def era_of(decisions: Sequence[Decision]) -> Era:
    """The era that a rollout with this log is in."""
    beginnings = [decision.at for decision in decisions if _begins(decision)]
    return Era(len(beginnings) + 1, beginnings[-1] if beginnings else -inf, len(beginnings))


def begins_anew(changed: Iterable[str]) -> bool:
    """Whether an edit of these dotted policy keys begins another era."""
    return any(path.partition(".")[0] in JUDGED_BY for path in changed)


def _begins(decision: Decision) -> bool:
    if decision.event == Event.RESTART:
        return True
    changed = decision.evidence.get("changed", ())
    return decision.event == EDIT and isinstance(changed, list) and begins_anew(changed)
