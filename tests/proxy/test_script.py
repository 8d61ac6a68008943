"""The harness as a mitmproxy script: under a real mitmdump, and its odd moments one by one."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, hooks, io
from mitmproxy.test import taddons, tflow

from canary.core.model import Request, Response
from canary.proxy.script import GatewayScript
from tests.clients import connected, request
from tests.factories import CLIENT_KEY, NEW_KEY, OLD_KEY
from tests.rig import ENVIRON, policy, written
from tests.upstreams import ScriptedUpstream, says
from tests.waiting import until

ADDONS = Path(__file__).parents[2] / "addons"
MITMDUMP = Path(sys.executable).with_name("mitmdump")


# --- under mitmdump -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def mitmdump(
    folder: Path, script: str, *options: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    """A running mitmdump and where it writes its output."""
    output = folder / "output"
    command = [MITMDUMP, "--mode", "reverse:http://127.0.0.1:9", "--set", "connection_strategy=lazy"]
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command,
            "-s",
            ADDONS / script,
            *options,
            cwd=folder,
            env=os.environ | ENVIRON,
            stdout=file,
            stderr=file,
        )
    try:
        yield process, output
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def _listening(output: Path) -> None:
    await until(lambda: "listening at" in output.read_text(), within=60)


async def test_split_under_mitmdump(tmp_path: Path) -> None:
    """Calls are answered by the policy; no key is printed or recorded, neither the client's nor an arm's."""
    port = _free_port()
    async with ScriptedUpstream() as old, ScriptedUpstream() as new:
        old.answers(getBalance="ACCESS_BALANCE:1")
        new.answers(getNumber="ACCESS_NUMBER:7:79")
        stages = [{"name": "all", "weight": "50%"}]
        path = written(tmp_path, policy(old.url, new.url, stages=stages))
        options = ("--set", f"canary_policy={path}", "--set", "flow_detail=4", "-w", "flows", "-p", str(port))
        async with mitmdump(tmp_path, "split.py", *options) as (process, output):
            await _listening(output)
            async with connected(("127.0.0.1", port)) as client:
                balance = await client.ask(request())
                bought = [await client.ask(request("getNumber")) for _ in range(20)]
                await client.ask(request("getBalance", f"X-ApiKey: {CLIENT_KEY}"))
            async with connected(("127.0.0.1", port)) as client:
                await client.send(f"GET /?api_key={CLIENT_KEY} nonsense\r\n\r\n".encode())
                await client.reader.read()
            async with connected(("127.0.0.1", port)) as client:
                await client.send(request("getNumber", method="POST", body=b"a=1")[:-1])
            await until(lambda: output.read_text().count("client disconnect") == 3)
            process.terminate()
            await process.wait()
    assert balance.body == b"ACCESS_BALANCE:1"
    assert {tuple(got.header("x-canary-arm")) for got in bought} == {("old",), ("new",)}
    assert old.heard[0].params["api_key"] == OLD_KEY
    recorded = (tmp_path / "flows").read_bytes()
    for key in (CLIENT_KEY, OLD_KEY, NEW_KEY):
        assert key not in output.read_text()
        assert key.encode() not in recorded
    assert len(_flows(tmp_path / "flows")) == 23
    assert "Traceback" not in output.read_text()


def _flows(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return list(io.FlowReader(file).stream())


async def test_shadow_under_mitmdump_never_splits(tmp_path: Path) -> None:
    """Whatever the policy's stages say, every purchase goes to old, and reads are repeated to new."""
    port = _free_port()
    async with ScriptedUpstream() as old, ScriptedUpstream() as new:
        old.otherwise = says("{}")
        path = written(tmp_path, policy(old.url, new.url, stages=[{"name": "all", "weight": "90%"}]))
        options = ("--set", f"canary_policy={path}", "-p", str(port))
        async with mitmdump(tmp_path, "shadow.py", *options) as (_, output):
            await _listening(output)
            async with connected(("127.0.0.1", port)) as client:
                for _ in range(20):
                    assert (await client.ask(request("getNumber"))).header("x-canary-arm") == ["old"]
                await client.ask(request("getPrices"))
            await new.has_heard(1)
    assert [one.action for one in new.heard] == ["getPrices"]


async def test_a_bad_policy_under_mitmdump_is_a_clear_message(tmp_path: Path) -> None:
    """File, line, key and what was expected; no traceback, and mitmdump ends."""
    path = written(tmp_path, policy("nonsense", "http://127.0.0.1:9/handler_api.php"))
    options = ("--set", f"canary_policy={path}", "-p", str(_free_port()))
    async with mitmdump(tmp_path, "split.py", *options) as (process, output):
        assert await process.wait() != 0
    said = output.read_text()
    assert f"{path}:" in said
    assert "arms.old.url: expected an http or https URL" in said
    assert "Traceback" not in said


# --- one by one -----------------------------------------------------------------------------------------------------


class Behind:
    """A backstage that answers OK."""

    intercept: tuple[str, ...] = ()

    def __init__(self, error: Exception | None = None) -> None:
        self.events: list[str] = []
        self.may_start = asyncio.Event()
        self._error = error

    async def start(self) -> None:
        await self.may_start.wait()
        if self._error:
            raise self._error
        self.events.append("start")

    async def stop(self) -> None:
        self.events.append("stop")

    async def handle(self, request: Request) -> Response:
        self.events.append(request.path)
        return Response(200, (), b"OK")


class Mistake(Exception):
    """Something for the user to mend."""


def _script(behind: Behind) -> GatewayScript:
    return GatewayScript(lambda path, state: behind, (Mistake,))


async def test_a_call_before_the_start_waits_for_it() -> None:
    """mitmproxy listens before it says that it is running; such a call is answered by a gateway that is ready."""
    behind = Behind()
    script = _script(behind)
    with taddons.context(script) as context:
        context.configure(script, canary_policy="p.yaml")
        flow = tflow.tflow()
        answering = asyncio.create_task(script.request(flow))
        await asyncio.sleep(0)
        assert flow.response is None
        behind.may_start.set()
        await script.running()
        await answering
        assert flow.response is not None
        await script.done()
    assert behind.events == ["start", "/path", "stop"]


async def test_a_reloaded_script_is_called_from_code_that_awaits_nothing() -> None:
    """mitmdump reloads a script whose file was touched, and then calls its beginning and end like plain functions."""
    behind = Behind()
    behind.may_start.set()
    script = _script(behind)
    with taddons.context(script) as context:
        context.configure(script, canary_policy="p.yaml")
        context.master.addons.invoke_addon_sync(script, _hook("running"))
        context.master.addons.invoke_addon_sync(script, _hook("done"))
        await until(lambda: behind.events == ["start", "stop"])


def _hook(name: str) -> Any:
    return hooks.all_hooks[name]()


async def test_a_policy_is_not_changed_while_running() -> None:
    """Another policy is another rollout: start anew."""
    script = _script(Behind())
    with taddons.context(script) as context:
        context.configure(script, canary_policy="p.yaml")
        with pytest.raises(exceptions.OptionsError, match="start mitmdump anew"):
            context.configure(script, canary_policy="q.yaml")


async def test_mistakes_are_sentences_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A start that fails, and no policy at all: what mitmdump ends on, without a traceback."""
    behind = Behind(Mistake("the state is taken"))
    behind.may_start.set()
    for named, expected in (("p.yaml", "the state is taken"), ("", "--set canary_policy=FILE")):
        caplog.clear()
        script = _script(behind)
        with taddons.context(script) as context:
            context.configure(script, canary_policy=named)
            await script.running()
            await script.done()
        [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
        assert expected in record.getMessage()
        assert record.exc_info is None
