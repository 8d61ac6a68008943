"""Starts ``canary`` as its user would, and lets go of it gently or not."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

from tests.factories import NEW_KEY, OLD_KEY

READY = re.compile(
    r"ready proxy=(?P<proxy>\S+) admin=(?P<admin>\S+) stage=(?P<stage>\S+) weight=(?P<weight>\S+)"
)
TOKEN = "token-of-the-admin-server"
PATH = "/stubs/handler_api.php"
KEYS = {"OLD_SMS_KEY": OLD_KEY, "NEW_SMS_KEY": NEW_KEY}


def policy(old: str, new: str, /, **changes: Any) -> dict[str, Any]:
    """A policy between two endpoints: one stage at 20 %, nothing shadowed, a fast tick."""
    arms = {
        "old": {"url": old, "api_key": {"env": "OLD_SMS_KEY"}, "timeout": "5s"},
        "new": {"url": new, "api_key": {"env": "NEW_SMS_KEY"}, "timeout": "5s"},
    }
    for name in ("old", "new"):
        arms[name] |= changes.pop(name, {})
    return {
        "name": "e2e",
        "arms": arms,
        "stages": [{"name": "canary", "weight": "20%", "hold": "24h"}],
        "judging": {"tick": "500ms"},
        **changes,
    }


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with ``more``, and without an admin token that a developer may have set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CANARY_")}
    return {**kept, **more}


@dataclass(frozen=True)
class Ended:
    """A command that has come to its end."""

    code: int
    out: str
    err: str


async def canary(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> Ended:
    """Run one command in ``folder`` to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "canary", *arguments),
        cwd=folder,
        env=environment(KEYS if environ is None else environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@dataclass
class Harness:
    """One ``canary run`` or ``canary proxy`` process.

    Attributes:
        policy: as a mapping or as the file's text.
        state: the SQLite file.
        output: everything that it printed, stderr included.
        pid: of the process.
    """

    folder: Path
    policy: Mapping[str, Any] | str
    arguments: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=lambda: KEYS)
    token: str = TOKEN
    port: int = 0
    command: str = "run"
    output: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = self.folder / "state.db"
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.stop()

    async def start(self) -> None:
        """Start it and wait until it says that it is ready. A second start finds the same port and state."""
        file = self.folder / "policy.yaml"
        file.write_text(self.policy if isinstance(self.policy, str) else yaml.safe_dump(dict(self.policy)))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "canary", self.command, str(file), "--listen", f"127.0.0.1:{self.port}"),
            *("--admin", "127.0.0.1:0", "--state", str(self.state), *self.arguments),
            cwd=self.folder,
            env=environment({**self.environ, "CANARY_ADMIN_TOKEN": self.token}),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            ready = await asyncio.wait_for(self._ready(), 30)
        except BaseException:
            if self._process.returncode is None:
                self._process.kill()
            raise
        self.proxy, self.admin = ready["proxy"], ready["admin"]
        self.port = int(self.proxy.rpartition(":")[2])
        self._reading = asyncio.create_task(self._read())

    async def _ready(self) -> dict[str, str]:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.output.append(line.decode())
            if found := READY.match(self.output[-1]):
                return found.groupdict()
        raise AssertionError("canary run ended before it was ready: " + "".join(self.output))

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.output.append(line.decode())

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """Where clients go."""
        return self.proxy + PATH

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """kill -9."""
        return await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        code = await asyncio.wait_for(self._process.wait(), 60)
        if self._reading is not None:
            await self._reading
        return code

    async def status(self) -> dict[str, Any]:
        """The status JSON."""
        return await self._json("GET", "/api/v1/status")

    async def act(self, event: str, reason: str = "") -> dict[str, Any]:
        """An operator event through the admin API; the status after it."""
        return await self._json("POST", f"/api/v1/{event}", json={"reason": reason})

    async def decisions(self) -> list[dict[str, Any]]:
        """The decision log."""
        found: Any = await self._json("GET", "/api/v1/decisions")
        decisions: list[dict[str, Any]] = found["decisions"] if isinstance(found, dict) else found
        return decisions

    async def metrics(self) -> str:
        """What Prometheus would scrape."""
        async with aiohttp.ClientSession() as session, session.get(self.admin + "/metrics") as answer:
            return await answer.text()

    async def samples(self) -> dict[str, float]:
        """The metrics by name and labels."""
        lines = (await self.metrics()).splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    async def _json(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, self.admin + path, **arguments) as answer,
        ):
            text = await answer.text()
            assert answer.status == 200, f"{method} {path}: {answer.status} {text}"
            found: dict[str, Any] = json.loads(text)
            return found

    async def until(self, condition: str, holds: Any, within: float = 60.0) -> dict[str, Any]:
        """Wait until the status JSON's ``condition`` key has the value ``holds``, or is one of a set of values."""
        wanted = holds if isinstance(holds, set) else {holds}
        try:
            async with asyncio.timeout(within):
                while (status := await self.status())[condition] not in wanted:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{condition} did not become {holds}: {json.dumps(status)}") from None
        return status
