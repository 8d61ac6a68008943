"""Whole rollouts, minutes compressed to seconds by the policy: harm rolls back by itself, equality walks through."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from canary.sim.traffic.plan import TrafficPlan
from canary.sim.traffic.run import run_traffic
from tests.end_to_end.rig import Harness, canary, policy
from tests.factories import CLIENT_KEY

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]

HEALTHY = {
    "success": 0.85,
    "code_delay": {"median": "300ms", "p95": "900ms"},
    "latency": {"median": "5ms", "p95": "15ms"},
    "minimum_hold": 0,
    "lifetime": "20s",
    "deposit": 1000000,
}
JUDGING = {"tick": "200ms", "epoch": "5s", "warmup_leases": 40}
WINDOWS = {
    "lease_success": {"rollback_margin": "2pp", "promote_margin": "15pp", "window": "2s"},
    "early_success": {"margin": "10pp", "window": "1500ms"},
    "acquire": {"rollback_margin": "2pp", "promote_margin": "8pp", "window": "1s"},
    "call_success": {"rollback_margin": "1pp", "promote_margin": "8pp", "window": "2s"},
    "latency_p95": {"rollback_margin": "1.25x", "promote_margin": "2x", "window": "2s"},
    "refund_ratio": {"rollback_margin": "3pp", "promote_margin": "15pp", "window": "3s"},
}
LOSING = """CREATE TRIGGER losing AFTER INSERT ON purchases WHEN NEW.assigned_arm = 'new' AND NEW.serial % 10
BEGIN DELETE FROM purchases WHERE serial = NEW.serial; END"""
"""A fault that loses what one arm was given."""

MISTRUST = "no comparison can be trusted before it is found"
CANARY = [
    {"name": "shadow", "weight": "0%", "hold": "1s"},
    {"name": "canary", "weight": "30%", "hold": "1h"},
]
RAMP = [
    {"name": "shadow", "weight": "0%", "hold": "1s"},
    {"name": "canary", "weight": "20%", "hold": "2s", "min_leases": 20},
    {"name": "half", "weight": "50%", "hold": "2s", "min_leases": 20},
    {"name": "cutover", "weight": "100%", "approval": "required"},
]


@dataclass
class Scene:
    """Two providers, a harness between them and a client, and the traffic of customers."""

    old: Provider
    new: Provider
    harness: Harness


@asynccontextmanager
async def scene(
    folder: Path, *, rate: float = 25, provider: str = "generic", **changes: Any
) -> AsyncIterator[Scene]:
    """Running traffic through a running harness."""
    arm = {"timeout": "4s", "provider": provider}
    async with (
        Provider(Behaviour.model_validate(HEALTHY), seed="old") as old,
        Provider(Behaviour.model_validate(HEALTHY), seed="new") as new,
        Harness(
            folder,
            policy(
                old.url,
                new.url,
                old=arm,
                new=arm,
                **{"judging": JUDGING, "gates": WINDOWS, "maturity": "2s", "stages": CANARY, **changes},
            ),
        ) as harness,
    ):
        plan = TrafficPlan(
            rate=rate,
            duration="170s",
            clients=20,
            poll_interval="250ms",
            patience="1800ms",
            drain="1s",
            seed=1,
        )
        traffic = asyncio.create_task(run_traffic(plan, harness.url, key=CLIENT_KEY))
        try:
            yield Scene(old, new, harness)
        finally:
            traffic.cancel()
            await asyncio.gather(traffic, return_exceptions=True)


@pytest.mark.parametrize(
    ("harm", "metrics"),
    [
        ({"refuse": True}, {"acquire", "lease_success", "call_success", "early_success"}),
        ({"silent_outage": True}, {"lease_success", "early_success", "refund_ratio"}),
        ({"latency": {"median": "60ms", "p95": "200ms"}}, {"latency_p95"}),
        ({"call_error": 0.3, "faults_on": "getStatus"}, {"call_success"}),
        ({"success": 0.4}, {"lease_success", "early_success", "refund_ratio"}),
    ],
    ids=["dead endpoint", "silent outage", "slower", "call errors", "fewer codes"],
)
async def test_harm_on_new_rolls_back_by_itself(
    tmp_path: Path, harm: dict[str, Any], metrics: set[str]
) -> None:
    """Each kind of harm ends in a rollback by the controller that names a metric it hurts, and only old is used."""
    async with scene(tmp_path) as stage:
        await stage.harness.until("stage", "canary")
        await stage.new.change(harm)
        status = await stage.harness.until("state", "rolled_back", within=120)
        assert status["verdict"]["kind"] == "rollback"
        blamed = {name for name, m in status["metrics"].items() if m["verdict"] == "harm"}
        assert blamed & metrics, f"blamed {blamed}"
        assert (status["weight"], status["safe_arm"]) == (0.0, "old")
        [decision] = [d for d in await stage.harness.decisions() if d["event"] == "harm"]
        assert decision["actor"] == "controller"
        assert decision["evidence"]["metrics"]


async def test_refunds_that_are_promised_and_never_paid_roll_back(tmp_path: Path) -> None:
    """New accepts every cancel and pays nothing: no reply tells, its balance does, and the verdict names refunds."""
    (tmp_path / "prompt.yaml").write_text(
        "name: prompt\ntitle: Pays at once\nlifetime: 20s\nrefund_within: 2s\n"
    )
    gates = {**WINDOWS, "refunds": {"max_overdue": "20%"}}
    async with scene(tmp_path, gates=gates, reconcile={"poll": "10s"}, provider="prompt.yaml") as stage:
        await stage.harness.until("stage", "canary")
        await stage.new.change(refund_delay={"median": "24h"})
        status = await stage.harness.until("state", "rolled_back", within=120)
        blamed = {name for name, m in status["metrics"].items() if m["verdict"] == "harm"}
        assert blamed == {"refunds"}
        assert status["verdict"]["reasons"][0].startswith("refunds: ")
        ledger = await canary(tmp_path, "ledger", "--admin", stage.harness.admin, "--json")
        overdue = json.loads(ledger.out)["overdue"]
        assert {one["arm"] for one in overdue} == {"new"}
        unpaid = {one.id for one in stage.new.books.leases if one.refund_due and not one.refunded_at}
        assert {one["id"] for one in overdue} <= unpaid


async def test_equal_arms_walk_to_the_cutover(tmp_path: Path) -> None:
    """A canary that is as good as old advances stage by stage, waits for approval, and completes."""
    async with scene(tmp_path, stages=RAMP) as stage:
        status = await stage.harness.until("state", "awaiting_approval", within=150)
        assert (status["stage"], status["weight"]) == ("half", 0.5)
        await stage.harness.act("approve", "the gates cleared it")
        status = await stage.harness.until("state", "complete")
        assert (status["stage"], status["weight"], status["safe_arm"]) == ("cutover", 1.0, "new")
        events = [d["event"] for d in await stage.harness.decisions()]
        assert events == ["advance", "advance", "advance", "approve", "advance"]


async def test_a_dip_of_both_arms_rolls_nothing_back(tmp_path: Path) -> None:
    """When both arms fail at once the rollout stops where it is, and says that the trouble is common to them."""
    async with scene(tmp_path) as stage:
        await stage.harness.until("stage", "canary")
        for provider in (stage.old, stage.new):
            await provider.change(silent_outage=True)
        status = await stage.harness.until("state", {"paused", "rolled_back"}, within=120)
        assert status["state"] == "paused"
        assert "both arms" in status["verdict"]["reasons"][0]


async def test_a_lopsided_sample_decides_nothing(tmp_path: Path) -> None:
    """When most of what new was given never reaches the store, no comparison is believed, and the verdict says why."""
    gates = {"lease_success": {"rollback_margin": "50pp", "promote_margin": "60pp", "window": "2s"}}
    async with scene(tmp_path, gates=gates) as stage:
        await stage.harness.until("stage", "canary")
        with closing(sqlite3.connect(stage.harness.state)) as connection:
            connection.execute(LOSING)
        async with asyncio.timeout(120):
            while not (status := await stage.harness.status())["verdict"]["reasons"][0].endswith(MISTRUST):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await stage.new.change(success=0)
        await asyncio.sleep(5)  # more than the window of a gate: time for harm to be seen
        status = await stage.harness.status()
        assert (status["state"], status["verdict"]["kind"]) == ("running", "hold")
        assert "is below 1 in 1000" in status["verdict"]["reasons"][0]
        assert [d["event"] for d in await stage.harness.decisions()] == ["advance"]


async def test_no_traffic_decides_nothing(tmp_path: Path) -> None:
    """Without leases a stage is not left, however long it has held."""
    stages = [{"name": "canary", "weight": "30%", "hold": "1s"}, *RAMP[2:]]
    async with scene(tmp_path, stages=stages, rate=0.01) as stage:
        async with asyncio.timeout(60):
            while not (status := await stage.harness.status())["verdict"]["reasons"]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(3)  # three times the hold
        status = await stage.harness.status()
        assert (status["stage"], status["verdict"]["kind"]) == ("canary", "hold")
        assert status["metrics"]["lease_success"]["verdict"] == "no_data"
