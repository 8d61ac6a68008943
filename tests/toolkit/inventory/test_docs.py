"""The documentation names what there is."""

from pathlib import Path

import pytest

from canary.toolkit.inventory.hazards import RULES
from canary.toolkit.inventory.model import Rule, SiteKind

DOCS = (Path(__file__).parents[3] / "docs" / "inventory.md").read_text("utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_is_documented(rule: Rule) -> None:
    """With its level."""
    assert f"| `{rule.id}` | {rule.level} |" in DOCS


@pytest.mark.parametrize("kind", list(SiteKind))
def test_every_kind_of_site_is_documented(kind: SiteKind) -> None:
    """In the table of kinds."""
    assert f"| `{kind}` |" in DOCS
