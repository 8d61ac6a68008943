"""The Grafana dashboard."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from canary.core.policy.gates import STATISTICAL
from canary.toolkit.grafana import WIDTH, grafana_dashboard

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    """The dashboard of a rollout."""
    return grafana_dashboard("smsactivate-to-verifysms")


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_it_asks_for_metrics_that_exist(dashboard: dict[str, Any]) -> None:
    """docs/metrics.md names every metric of every panel; a histogram's buckets are its own."""
    documented = set(
        re.findall(r"^\| `(canary_\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
    )
    asked = {
        name.removesuffix("_bucket")
        for expr in expressions(dashboard)
        for name in re.findall(r"canary_\w+", expr)
    }
    assert asked <= documented
    assert len(asked) > 20


def test_every_gate_has_its_values_and_its_evidence(dashboard: dict[str, Any]) -> None:
    """Old against new, and on a log scale what a decision needs."""
    for metric in STATISTICAL:
        assert f'max by (arm) (canary_gate_value{{metric="{metric}"}})' in expressions(dashboard)
    logs = [
        p
        for p in dashboard["panels"]
        if p["fieldConfig"]["defaults"]["custom"]["scaleDistribution"]["type"] == "log"
    ]
    assert len(logs) == len(STATISTICAL)


def test_panels_do_not_overlap(dashboard: dict[str, Any]) -> None:
    """Each cell of the grid belongs to one panel, and none sticks out."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= WIDTH
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_one_harness_among_several_is_told_by_its_job() -> None:
    """With a job every expression selects it; the uid fits Grafana's limit."""
    dashboard = grafana_dashboard("a-rollout-with-a-name-that-is-longer-than-most", job="eu")
    assert all('job="eu"' in expr for expr in expressions(dashboard))
    assert len(dashboard["uid"]) <= 40
    assert json.loads(json.dumps(dashboard)) == dashboard
