"""Eras: when judging begins anew, and what was risked before."""

from math import inf
from typing import Any

import pytest

from canary.control.era import EDIT, JUDGED_BY, Era, begins_anew, era_of
from canary.core.policy.model import Policy
from tests.factories import NOW, tdecision


def edited(at: float, *changed: str, risked: float = 0.01) -> Any:
    """The row of an accepted edit."""
    return tdecision(event=EDIT, at=at, evidence={"changed": list(changed), "risked": risked})


def restarted(at: float, risked: float = 0.01) -> Any:
    """The row of a restart."""
    return tdecision(event="restart", at=at, evidence={"risked": risked})


def test_a_rollout_begins_in_its_first_era() -> None:
    """Before any restart or edit everything counts, and nothing has been spent."""
    assert era_of([]) == Era(1, -inf, 0)
    assert era_of([tdecision(event=event) for event in ("advance", "pause", "harm")]) == Era(1, -inf, 0)


def test_a_restart_begins_another() -> None:
    """Bets count from the restart on, and one error probability has been spent."""
    rows = [tdecision(event="harm", at=NOW), restarted(NOW + 5)]
    assert era_of(rows) == Era(2, NOW + 5, 0.01)
    assert era_of([*rows, tdecision(event="advance", at=NOW + 9)]) == Era(2, NOW + 5, 0.01)


def test_restarts_and_edits_add_up() -> None:
    """Each era counts with the error rate of its time; the last beginning says since when."""
    rows = [
        edited(NOW, "gates.acquire.margin", risked=0.01),
        restarted(NOW + 5, risked=0.01),
        edited(NOW + 8, "error_rates.false_rollback", risked=0.05),
    ]
    assert era_of(rows) == Era(4, NOW + 8, pytest.approx(0.07))


@pytest.mark.parametrize(
    ("changed", "anew"),
    [
        (["gates.lease_success.margin"], True),
        (["gates"], True),
        (["arms.new.url"], True),
        (["error_rates.false_promote"], True),
        (["judging.epoch"], True),
        (["maturity"], True),
        (["unit"], True),
        (["stages", "gates.acquire"], True),
        (["stages"], False),
        (["shadow.queue", "balance", "on_undecided"], False),
        ([], False),
    ],
)
def test_an_edit_of_what_is_judged_by_begins_another(changed: list[str], anew: bool) -> None:
    """Margins, windows, arms and units make the evidence worthless; stages and the rest do not."""
    assert begins_anew(changed) is anew
    assert era_of([edited(NOW, *changed)]).number == 1 + anew


@pytest.mark.parametrize("evidence", [{}, {"changed": "gates"}, {"changed": None}])
def test_an_unreadable_row_begins_nothing(evidence: dict[str, Any]) -> None:
    """A row that another version wrote differently is no reason to throw evidence away."""
    assert era_of([tdecision(event=EDIT, evidence=evidence)]).number == 1


def test_the_keys_are_keys_of_a_policy() -> None:
    """What an edit is compared with is spelled as in the policy."""
    assert set(Policy.model_fields) >= JUDGED_BY
