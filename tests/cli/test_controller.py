"""``canary controller`` and ``canary proxy``: the halves apart, on one state."""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from canary.cli.backstage import Backstage
from canary.cli.controller import Watch
from canary.cli.run import proxy, run
from canary.gateway.config import load, resolve
from canary.store.store import Store
from tests.cli.night import canary
from tests.factories import treq
from tests.rig import ENVIRON, policy, written
from tests.upstreams import ScriptedUpstream, says
from tests.waiting import until

URL = "http://127.0.0.1:9/stubs/handler_api.php"  # nobody listens, and a controller asks nobody
STAGES = [{"name": "nearly", "weight": "90%", "hold": "24h"}]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, with no key in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ENVIRON:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def beat(store: Store, name: str = "rig") -> float | None:
    """The controller's last sign of life."""
    look = store.look(name)
    return look.heartbeat if look else None


async def test_a_controller_needs_no_keys(folder: Path) -> None:
    """It begins the rollout, ticks, says where it stands, and stops; the keys of the policy are never asked for."""
    path = written(folder, policy(URL, URL, stages=STAGES, judging={"tick": "10ms"}))
    watch = Watch(load(path), folder / "state.db")
    await watch.start()
    assert watch.ready_line == (
        f"ready controller=rig state={folder}/state.db stage=nearly weight=90% role=leading"
    )
    store = Store(folder / "state.db")
    first = beat(store)
    assert first is not None
    await until(lambda: beat(store) != first)
    await watch.stop()
    last = beat(store)
    await asyncio.sleep(0.05)  # several ticks' worth
    assert beat(store) == last
    store.close()


async def test_the_command_runs_until_sigterm(folder: Path) -> None:
    """As a process: one ready line once the first tick is made, exit code 0 on SIGTERM, and the state remains."""
    written(folder, policy(URL, URL, stages=STAGES))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "canary", "controller", "policy.yaml"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    assert line == b"ready controller=rig state=.canary/rig.db stage=nearly weight=90% role=leading\n"
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out) == (0, b"")
    assert b"Traceback" not in err
    store = Store(folder / ".canary" / "rig.db")
    assert beat(store) is not None
    store.close()


async def test_a_proxy_alone_takes_the_safe_arm(folder: Path) -> None:
    """Without a controller elsewhere every new lease goes to old; with one, as the rollout's weight says."""
    arms: Counter[str] = Counter()
    async with ScriptedUpstream() as old, ScriptedUpstream() as new:
        path = written(folder, policy(old.url, new.url, stages=STAGES, judging={"tick": "50ms"}))
        loaded = load(path)
        for upstream in (old, new):
            upstream.answers(getNumber=says("NO_NUMBERS"))
        stage = Backstage(loaded, resolve(loaded, ENVIRON), folder / "state.db", actor="test", control=False)
        await stage.start()

        async def buy(n: int) -> Counter[str]:
            answers = [await stage.service.gateway.handle(treq("getNumber", service="tg")) for _ in range(n)]
            return Counter(answer.header("x-canary-arm") for answer in answers)

        assert await buy(30) == {"old": 30}
        watch = Watch(loaded, folder / "state.db")
        await watch.start()
        await until(lambda: stage.service.view.fresh)
        arms = await buy(60)
        await watch.stop()
        await stage.stop()
    assert arms["new"] > 40
    assert arms.total() == 60


def test_run_and_proxy_take_the_same_options() -> None:
    """The halves are called alike."""
    names = [[option.name for option in command.params] for command in (run, proxy)]
    assert names[0] == names[1]


def refused(*words: str) -> str:
    said = canary(*words)
    assert said.code == 2
    return said.err


def test_a_proxy_without_its_keys_does_not_start(folder: Path) -> None:
    """It talks to the arms, so it needs what the controller does not."""
    written(folder, policy(URL, URL))
    assert "OLD_SMS_KEY is not set" in refused("proxy", "policy.yaml")


def test_a_controller_takes_over_an_edited_policy_only_when_told(folder: Path) -> None:
    """An edit stops the start of this half too, in a sentence."""
    written(folder, policy(URL, URL, stages=STAGES))
    loaded = load(folder / "policy.yaml")
    Watch(loaded, folder / "state.db")
    content: dict[str, Any] = yaml.safe_load((folder / "policy.yaml").read_text())
    written(folder, content | {"gates": {"acquire": {}}})
    assert "accept it on the record with --accept-changes" in refused(
        "controller", "policy.yaml", "--state", "state.db"
    )
    Watch(load(folder / "policy.yaml"), folder / "state.db", accept_changes=True)
    store = Store(folder / "state.db")
    [decision] = store.decisions("rig")
    assert (decision.event, decision.actor.endswith("(canary controller)")) == ("policy", True)
    store.close()
