"""A decision as a message."""

import pytest

from canary.core.model import RolloutState
from canary.notify.message import message
from tests.factories import tdecision


def test_it_says_what_happened_why_and_by_whom() -> None:
    """The state in the title, the reason first, then who did it and what is in force now."""
    told = message(
        "r", tdecision(event="rollback", actor="ada", reason="late", after=RolloutState.ROLLED_BACK, weight=0)
    )
    assert told.title == "canary r: rolled back"
    assert told.body == "late\nrollback by ada; stage canary, 0% of new leases go to new"


def test_without_a_reason_that_is_said() -> None:
    """An empty first line would look like a defect."""
    assert message("r", tdecision(reason="")).body.startswith("no reason was given\n")


@pytest.mark.parametrize(
    ("event", "after", "urgency"),
    [
        ("harm", RolloutState.ROLLED_BACK, "failure"),
        ("rollback", RolloutState.ROLLED_BACK, "failure"),
        ("pause", RolloutState.PAUSED, "warning"),
        ("advance", RolloutState.AWAITING_APPROVAL, "warning"),
        ("advance", RolloutState.RUNNING, "success"),
        ("advance", RolloutState.COMPLETE, "success"),
        ("resume", RolloutState.RUNNING, "info"),
    ],
)
def test_bad_news_are_told_apart(event: str, after: RolloutState, urgency: str) -> None:
    """What needs somebody looks different from what does not."""
    assert message("r", tdecision(event=event, after=after)).urgency == urgency
