"""Published client libraries behind one small interface; each is used as its users would."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pysmshub
from pysmshub.exceptions import SmsHubApiException
from smsactivate.api import SMSActivateAPI

from tests.factories import CLIENT_KEY

NODE = Path(__file__).parent / "node"
"""Where npm's client is installed."""


class Trouble(Exception):
    """The library's own error: what it makes of the provider's word."""


class Library(Protocol):
    """What all of them can do."""

    async def balance(self) -> float: ...

    async def buy(self, service: str, country: int = 6) -> tuple[str, str]:
        """Id and digits of a new number.

        Raises:
            Trouble: there is none.
        """

    async def code(self, lease: str) -> str | None:
        """The code, or ``None`` while there is none."""

    async def end(self, lease: str, status: int) -> str:
        """Finish (6) or cancel (8) a number; the provider's word."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How the harness is reached: at another base URL, or as a proxy."""

    url: str = ""
    proxy: str | None = None


class _SmsActivate:
    """PyPI's smsactivate: requests, and an address that no setting changes."""

    def __init__(self, reach: Reach) -> None:
        self._api = SMSActivateAPI(CLIENT_KEY)
        if reach.url:
            self._api._SMSActivateAPI__api_url = reach.url

    async def balance(self) -> float:
        return float((await self._call("getBalance"))["balance"])

    async def buy(self, service: str, country: int = 6) -> tuple[str, str]:
        sold = await self._call("getNumber", service=service, country=country)
        return str(sold["activation_id"]), str(sold["phone"])

    async def code(self, lease: str) -> str | None:
        word, _, code = str(await self._call("getStatus", id=lease)).partition(":")
        return code if word == "STATUS_OK" else None

    async def end(self, lease: str, status: int) -> str:
        return str(await self._call("setStatus", id=lease, status=status))

    async def _call(self, method: str, **arguments: Any) -> Any:
        said = await asyncio.to_thread(getattr(self._api, method), **arguments)
        if isinstance(said, dict) and "error" in said:
            raise Trouble(said["error"])
        return said


class _SmsHub:
    """PyPI's pysmshub with requests."""

    api: Any = pysmshub.SyncSmsHubApi

    def __init__(self, reach: Reach) -> None:
        self._api = self.api(CLIENT_KEY, proxy=reach.proxy)
        if reach.url:
            self._api.base_url = reach.url

    async def balance(self) -> float:
        return float(await self._call("get_balance"))

    async def buy(self, service: str, country: int = 6) -> tuple[str, str]:
        lease, phone = await self._call("get_number", service=service, country=country)
        return lease, phone.lstrip("+")

    async def code(self, lease: str) -> str | None:
        _, code = await self._call("get_status", lease)
        return None if code is None else str(code)

    async def end(self, lease: str, status: int) -> str:
        return str(await self._call("set_status", lease, status))

    async def _call(self, method: str, *arguments: Any, **named: Any) -> Any:
        try:
            return await self._carry_out(getattr(self._api, method), *arguments, **named)
        except SmsHubApiException as error:
            raise Trouble(error.response) from error

    async def _carry_out(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return await asyncio.to_thread(method, *arguments, **named)


class _AsyncSmsHub(_SmsHub):
    """PyPI's pysmshub with aiohttp."""

    api = pysmshub.AsyncSmsHubApi

    async def _carry_out(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return await method(*arguments, **named)


class _NpmSmsActivate:
    """npm's sms-activate: axios, and POST with everything in the query."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def balance(self) -> float:
        return float(await self._call("getBalance"))

    async def buy(self, service: str, country: int = 6) -> tuple[str, str]:
        sold = await self._call("getNumber", service, country)
        return str(sold["id"]), str(sold["number"])

    async def code(self, lease: str) -> str | None:
        code: str | None = await self._call("getCode", lease)
        return code

    async def end(self, lease: str, status: int) -> str:
        return str(await self._call("setStatus", lease, status))

    async def _call(self, *method: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(method).encode() + b"\n")
        said = json.loads(await self._process.stdout.readline())
        if "error" in said:
            raise Trouble(said["error"])
        return said["value"]


@asynccontextmanager
async def _npm(reach: Reach) -> AsyncIterator[Library]:
    node = shutil.which("node")
    assert node is not None, "npm's sms-activate is tested too; install Node.js (the command node) first"
    assert (NODE / "node_modules").is_dir(), (
        f"npm's sms-activate is not installed; run make client, or npm install --no-package-lock in {NODE}"
    )
    process = await asyncio.create_subprocess_exec(
        *(node, "client.js"),
        cwd=NODE,
        env={**os.environ, "CLIENT_KEY": CLIENT_KEY, "BASE_URL": reach.url, "http_proxy": reach.proxy or ""},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield _NpmSmsActivate(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def _python(library: Callable[[Reach], Library]) -> Callable[[Reach], AbstractAsyncContextManager[Library]]:
    @asynccontextmanager
    async def opened(reach: Reach) -> AsyncIterator[Library]:
        yield library(reach)

    return opened


OPEN: dict[str, Callable[[Reach], AbstractAsyncContextManager[Library]]] = {
    "smsactivate": _python(_SmsActivate),
    "pysmshub": _python(_SmsHub),
    "pysmshub-aiohttp": _python(_AsyncSmsHub),
    "npm-sms-activate": _npm,
}
"""Every library by name: ``async with OPEN[name](Reach(url=...)) as library``."""

HOSTS = {
    "smsactivate": "api.sms-activate.org",
    "pysmshub": "smshub.org",
    "pysmshub-aiohttp": "smshub.org",
    "npm-sms-activate": "sms-activate.ru",
}
"""The host that each library calls when it is left alone; smsactivate's is reached by HTTPS, the others by HTTP."""
