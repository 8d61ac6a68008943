"""The alert rules, checked and played through by Prometheus' own tool."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from canary.core.policy.model import Policy
from canary.gateway.config import load
from canary.toolkit.alerts import Alert, Series, alert_rules, alerts

ROOT = Path(__file__).parents[2]
LIFETIME = 1200.0

HOUR = "0+0x60"
"""An hour of samples, one a minute, at 0."""


def promtool() -> str:
    """Prometheus' tool on this machine."""
    found = shutil.which("promtool")
    if found is None:
        pytest.fail(
            "the alert tests need promtool; install it with: apt-get install prometheus", pytrace=False
        )
    return found


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The shipped policy of the main job."""
    return load(ROOT / "policies" / "canary-5pct.yaml").policy


@pytest.fixture(scope="module")
def every(policy: Policy) -> list[Alert]:
    """All its alerts."""
    return alerts(policy, LIFETIME, Series())


def steady(value: float) -> str:
    """The value for an hour."""
    return f"{float(value):g}+0x60"


def growing(by: float) -> str:
    """A counter that grows by so much a minute."""
    return f"0+{by:g}x60"


def gate(metric: str, old: float, new: float, n: int = 400) -> dict[str, str]:
    """What a verdict measured."""
    series = {
        f'canary_gate_value{{arm="{arm}",metric="{metric}"}}': steady(v)
        for arm, v in (("old", old), ("new", new))
    }
    return series | {
        f'canary_gate_count{{arm="{arm}",metric="{metric}"}}': steady(n) for arm in ("old", "new")
    }


def calls(arm: str, good: float, bad: float) -> dict[str, str]:
    """Calls to an arm, per minute."""
    return {
        f'canary_calls_total{{action="getStatus",arm="{arm}",outcome="ok"}}': growing(good),
        f'canary_calls_total{{action="getStatus",arm="{arm}",outcome="provider"}}': growing(bad),
    }


STATES = ("running", "paused", "awaiting_approval", "rolled_back", "complete")
STILL = (
    *("spillovers", "lost_purchases", "unbound_purchases", "misrouted", "unknown_actions", "internal_errors"),
    *("flush_failures", "shadow_dropped"),
)
"""Counters that do not move while all is well."""

HEALTHY: dict[str, str] = {
    'canary_build_info{version="1"}': steady(1),
    "canary_store_up": steady(1),
    "canary_store_lag_seconds": steady(0.4),
    "canary_controller_heartbeat_age_seconds": steady(3),
    **{f'canary_state{{state="{state}"}}': steady(state == "running") for state in STATES},
    'canary_stage_info{rollout="r",stage="canary"}': steady(1),
    "canary_stage_entered_timestamp_seconds": HOUR,
    **gate("lease_success", 0.85, 0.84),
    **gate("early_success", 0.7, 0.65),
    **gate("acquire", 0.99, 0.99),
    **gate("call_success", 0.99, 0.985),
    **gate("latency_p95", 0.5, 0.6),
    **gate("refund_ratio", 0.1, 0.12),
    **gate("cost_per_success", 0.2, 0.21),
    **calls("old", 600, 3),
    **calls("new", 30, 0),
    **{f"canary_{name}_total": HOUR for name in STILL},
    "canary_shadow_sent_total": growing(60),
    "canary_webhook_age_seconds": steady(30),
    'canary_hazards_total{hazard="repeated_purchase"}': HOUR,
    **{f'canary_balance_explained{{arm="{arm}"}}': steady(1) for arm in ("old", "new")},
    "canary_contract_differences": HOUR,
    "canary_unmapped_actions": HOUR,
}
"""An hour in the canary stage in which all is well."""


def now_in(state: str) -> dict[str, str]:
    """The rollout is in this state."""
    return {'canary_state{state="running"}': HOUR, f'canary_state{{state="{state}"}}': steady(1)}


FIRES: dict[str, dict[str, str]] = {
    "CanaryRolledBack": now_in("rolled_back"),
    "CanaryAwaitingApproval": now_in("awaiting_approval"),
    "CanaryPaused": now_in("paused"),
    "CanaryStageOverdue": {"canary_stage_entered_timestamp_seconds": steady(-3 * 86400)},
    "CanaryLeaseSuccessLow": gate("lease_success", 0.85, 0.82),
    "CanaryEarlySuccessLow": gate("early_success", 0.7, 0.59),
    "CanaryAcquireLow": gate("acquire", 0.99, 0.96),
    "CanaryCallSuccessLow": gate("call_success", 0.99, 0.97),
    "CanaryLatencyHigh": gate("latency_p95", 0.5, 0.7),
    "CanaryRefundRatioHigh": gate("refund_ratio", 0.1, 0.14),
    "CanaryCostPerSuccessHigh": gate("cost_per_success", 0.2, 0.23),
    "CanaryOldFailing": calls("old", 600, 200),
    "CanaryNewFailing": calls("new", 0, 30),
    "CanarySpillover": {"canary_spillovers_total": growing(1)},
    "CanaryLostPurchases": {"canary_lost_purchases_total": growing(0.1)},
    "CanaryUnboundPurchases": {"canary_unbound_purchases_total": growing(0.1)},
    "CanaryBalanceDrift": {'canary_balance_explained{arm="new"}': HOUR},
    "CanaryMisrouted": {"canary_misrouted_total": growing(0.2)},
    "CanaryWebhooksWaiting": {"canary_webhook_age_seconds": steady(300)},
    "CanaryUnknownActions": {"canary_unknown_actions_total": growing(1)},
    "CanaryHazards": {'canary_hazards_total{hazard="repeated_purchase"}': growing(1)},
    "CanaryShadowDrops": {"canary_shadow_dropped_total": growing(10)},
    "CanaryContractDifferences": {"canary_contract_differences": steady(1)},
    "CanaryUnmappedActions": {"canary_unmapped_actions": steady(2)},
    "CanaryDown": {'canary_build_info{version="1"}': "stale"},
    "CanaryControllerStale": {"canary_controller_heartbeat_age_seconds": steady(90)},
    "CanaryStoreDown": {"canary_store_up": HOUR},
    "CanaryStoreLag": {"canary_store_lag_seconds": steady(30)},
    "CanaryWritesFailing": {"canary_flush_failures_total": growing(1)},
    "CanaryInternalErrors": {"canary_internal_errors_total": growing(0.2)},
}


LABELS = {"CanaryHazards": {"hazard": "repeated_purchase"}, "CanaryBalanceDrift": {"arm": "new"}}
"""What an alert of several says of which."""


def fires(name: str, policy: Policy) -> list[dict[str, Any]]:
    """The alerts that Prometheus should see, by label."""
    if name == "CanaryStageOverdue":
        return [{"severity": "warning", "stage": "canary"}]
    labels = LABELS.get(name, {})
    found = next(alert for alert in alerts(policy, LIFETIME, Series()) if alert.name == name)
    return [{"severity": found.severity, **labels}]


def play(folder: Path, policy: Policy, series: dict[str, str], firing: str | None) -> None:
    """Let an hour pass; exactly the alert ``firing`` must be up at its end.

    Raises:
        AssertionError: another alert is up, or it is not.
    """
    rules = alert_rules(policy, LIFETIME, runbooks="runbooks")
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("annotations")  # the tool would compare them too
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    inputs = [{"series": name, "values": values} for name, values in series.items() if values != "stale"]
    expected = [
        {
            "eval_time": "1h",
            "alertname": name,
            "exp_alerts": [{"exp_labels": labels} for labels in fires(name, policy)]
            if name == firing
            else [],
        }
        for name in FIRES
    ]
    case = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": inputs, "alert_rule_test": expected}],
    }
    (folder / "case.yaml").write_text(yaml.safe_dump(case))
    done = subprocess.run(
        [promtool(), "test", "rules", "case.yaml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_scene(every: list[Alert]) -> None:
    """What is exported is what is played through below."""
    assert {alert.name for alert in every} == set(FIRES)


def test_nothing_fires_while_all_is_well(tmp_path: Path, policy: Policy) -> None:
    """A healthy hour in the canary stage is a quiet one."""
    play(tmp_path, policy, HEALTHY, None)


@pytest.mark.parametrize("name", FIRES)
def test_each_trouble_fires_its_own_alert(tmp_path: Path, policy: Policy, name: str) -> None:
    """And no other: one trouble, one page."""
    play(tmp_path, policy, HEALTHY | FIRES[name], name)


def test_few_leases_raise_no_alert(tmp_path: Path, policy: Policy) -> None:
    """A value over a handful of leases is worth nothing."""
    play(tmp_path, policy, HEALTHY | gate("lease_success", 0.85, 0.5, n=20), None)


def test_a_dead_controller_matters_only_while_there_is_something_to_judge(
    tmp_path: Path, policy: Policy
) -> None:
    """After a rollback nobody needs to watch."""
    series = HEALTHY | FIRES["CanaryControllerStale"] | now_in("rolled_back")
    play(tmp_path, policy, series, "CanaryRolledBack")


@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*.yaml")), ids=lambda path: path.name)
@pytest.mark.parametrize("job", [None, "canary-eu"])
def test_the_rules_of_every_shipped_policy_are_sound(tmp_path: Path, path: Path, job: str | None) -> None:
    """Prometheus itself accepts them, for one harness and for one among several."""
    rules = alert_rules(load(path).policy, LIFETIME, job=job, runbooks="https://docs.example/runbooks/")
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules))
    done = subprocess.run(
        [promtool(), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["runbook_url"] == f"https://docs.example/runbooks/{rule['alert']}.md"
            assert ('job="canary-eu"' in rule["expr"]) is (job is not None)


def test_thresholds_are_the_policy_s() -> None:
    """Margins, holds and limits move the rules with them."""
    arms = {arm: {"url": f"https://{arm}.example/stubs/handler_api.php"} for arm in ("old", "new")}
    gates = {"lease_success": {"rollback_margin": "7pp"}, "contract": {"max_differences": 3}}
    stages = [{"name": "half", "weight": "50%", "hold": "2h", "max_hold": "5h"}]
    changed = {"stages": stages, "gates": gates, "judging": {"tick": "1m"}}
    policy = Policy.model_validate({"name": "t", "arms": arms, **changed})
    found = {alert.name: alert.expr for alert in alerts(policy, LIFETIME, Series())}
    assert found["CanaryLeaseSuccessLow"].startswith(
        'max(canary_gate_value{metric="lease_success",arm="new"}) < '
        'max(canary_gate_value{metric="lease_success",arm="old"}) - 0.07 '
    )
    assert found["CanaryContractDifferences"].endswith("> 3")
    assert "> 18000 " in found["CanaryStageOverdue"]
    assert "> 360 " in found["CanaryControllerStale"]
    assert "CanaryLatencyHigh" not in found
    assert "CanaryUnmappedActions" not in found


def test_only_metrics_that_exist_are_asked_for(every: list[Alert]) -> None:
    """docs/metrics.md names every metric of the rules, with every label that they select by."""
    documented = dict(
        re.findall(
            r"^\| `(canary_\w+)` \| \w+ \| ([^|]*) \|",
            (ROOT / "docs" / "metrics.md").read_text(),
            re.MULTILINE,
        )
    )
    for alert in every:
        for name, _, matchers in re.findall(r"(canary_\w+)(\{([^}]*)\})?", alert.expr):
            assert name in documented, name
            labels = set(re.findall(r"(\w+)=", matchers))
            assert labels <= set(re.findall(r"\w+", documented[name])), (alert.name, name)
