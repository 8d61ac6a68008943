"""One rollout of the demo: two simulated providers, a real ``canary run`` between them, and customers."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import yaml

from canary.cli.errors import UsageError
from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from canary.sim.traffic import Recorder, TrafficPlan, TrafficReport, run_traffic

TOKEN = "demo"  # noqa: S105  the demo's admin server, on loopback, for a minute
KEYS = {"OLD_SMS_KEY": "demo-key-of-old", "NEW_SMS_KEY": "demo-key-of-new"}
START = 30.0
"""Seconds that ``canary run`` may take to say that it is ready."""

HEALTHY: Mapping[str, Any] = {
    "success": 0.85,
    "code_delay": {"median": "400ms", "p95": "1200ms"},
    "latency": {"median": "8ms", "p95": "25ms"},
    "minimum_hold": 0,
    "lifetime": "30s",
    "deposit": 1000000,
    "cost_header": "X-VerifySMS-Cost",
}

HURRIED: Mapping[str, Any] = {
    "name": "hurried",
    "title": "A provider of the demo, where minutes pass in seconds",
    "poll_interval": "200ms",
    "minimum_hold": 0,
    "cost_headers": ["X-VerifySMS-Cost"],
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What is played.

    ``harm`` befalls new ``after`` seconds into its canary stage. ``ends`` is the state that it must end in.
    """

    name: str
    title: str
    ends: str
    harm: Mapping[str, Any] = field(default_factory=dict)
    after: float = 3.0


@dataclass(slots=True)
class Playing:
    """A scene under way.

    Attributes:
        status: the last status JSON; empty before the first.
        harmed_at, ended_at: seconds on a monotonic clock.
    """

    scene: Scene
    proxy: str
    admin: str
    began_at: float
    recorder: Recorder = field(default_factory=Recorder)
    status: Mapping[str, Any] = field(default_factory=dict)
    harmed_at: float | None = None
    ended_at: float | None = None

    @property
    def as_expected(self) -> bool:
        """Whether it ended as it should, with every call at the arm that sold its number."""
        return self.status.get("state") == self.scene.ends and self.report.consistent

    @property
    def report(self) -> TrafficReport:
        """What the customers saw."""
        return self.recorder.report((self.ended_at or monotonic()) - self.began_at)


@asynccontextmanager
async def playing(scene: Scene, policy: Mapping[str, Any], folder: Path, seed: int) -> AsyncIterator[Playing]:
    """A scene with everything running, ended when the block is left.

    Raises:
        UsageError: ``canary run`` did not start.
    """
    behaviour = Behaviour.model_validate(HEALTHY)
    async with Provider(behaviour, seed=f"old {seed}") as old, Provider(behaviour, seed=f"new {seed}") as new:
        file = _written(policy, folder, old.url, new.url, scene.name)
        async with _harness(file, folder) as ready:
            play = Playing(scene, ready["proxy"], ready["admin"], monotonic())
            tasks = [
                asyncio.create_task(_customers(play, seed), name=f"customers of {scene.name}"),
                asyncio.create_task(_direct(play, new), name=f"direction of {scene.name}"),
            ]
            try:
                yield play
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def _written(policy: Mapping[str, Any], folder: Path, old: str, new: str, name: str) -> Path:
    arms = {
        "old": {"url": old, "provider": "./hurried.yaml", "api_key": {"env": "OLD_SMS_KEY"}, "timeout": "3s"},
        "new": {"url": new, "provider": "./hurried.yaml", "api_key": {"env": "NEW_SMS_KEY"}, "timeout": "3s"},
    }
    (folder / "hurried.yaml").write_text(yaml.safe_dump(HURRIED, sort_keys=False))
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump({"name": name, "arms": arms, **policy}, sort_keys=False))
    return file


@asynccontextmanager
async def _harness(policy: Path, folder: Path) -> AsyncIterator[dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "canary", "run", str(policy), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"),
        *("--state", str(policy.with_suffix(".db")), "--log-level", "error"),
        env={**os.environ, **KEYS, "CANARY_ADMIN_TOKEN": TOKEN},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), START)).decode()
        if not line.startswith("ready "):
            raise UsageError(f"canary run {policy} did not start; run it by itself to see why")
        yield dict(part.split("=", 1) for part in line.split()[1:])
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


async def _customers(play: Playing, seed: int) -> None:
    plan = TrafficPlan(
        rate=40,
        duration=600,
        clients=24,
        style="polite",
        poll_interval=0.3,
        patience=1.7,
        drain=0,
        seed=seed,
    )
    await run_traffic(plan, f"{play.proxy}/stubs/handler_api.php", recorder=play.recorder)


async def _direct(play: Playing, new: Provider) -> None:
    """Watch the rollout, let the harm befall, and give the approval that is asked for."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(play.admin, headers=headers) as session:
        entered: float | None = None
        while True:
            await asyncio.sleep(0.25)
            async with session.get("/api/v1/status") as answer:
                if not answer.ok:
                    continue
                play.status = await answer.json()
            now = monotonic()
            if play.status["stage"] == "canary" and entered is None:
                entered = now
            if play.scene.harm and play.harmed_at is None and entered and now - entered >= play.scene.after:
                await new.change(play.scene.harm)
                play.harmed_at = monotonic()
            if play.status["state"] == "awaiting_approval":
                await session.post("/api/v1/approve", json={"reason": "the demo approves", "actor": "demo"})
            if play.ended_at is None and play.status["state"] == play.scene.ends:
                play.ended_at = now
