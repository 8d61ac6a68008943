"""What a policy judges by."""

from typing import Any

import pytest

from canary.core.policy.model import Policy
from canary.core.policy.terms import terms_of

ARMS = {arm: {"url": f"https://{arm}.example/stubs/handler_api.php"} for arm in ("old", "new")}


def policy(**changes: Any) -> Policy:
    """A policy with defaults but for these keys."""
    return Policy.model_validate({"name": "t", "arms": ARMS, **changes})


@pytest.mark.parametrize(
    "changes", [{"shadow": {"exceptions": [{"kind": "phone"}]}}, {"name": "u"}, {"recover_lost": True}, {}]
)
def test_what_is_not_judged_by_changes_nothing(changes: dict[str, Any]) -> None:
    """An exception that is declared later leaves the evidence as good as it was."""
    assert terms_of(policy(**changes)) == terms_of(policy())


@pytest.mark.parametrize(
    "changes",
    [
        {"gates": {"call_success": {"margin": "2pp"}}},
        {"arms": {**ARMS, "new": {"url": "https://mended.example/stubs/handler_api.php"}}},
        {"error_rates": {"false_rollback": "2%"}},
        {"maturity": "10m"},
    ],
)
def test_what_is_judged_by_makes_other_terms(changes: dict[str, Any]) -> None:
    """Another margin or another endpoint: what was seen before says nothing of it."""
    assert terms_of(policy(**changes)) != terms_of(policy())
