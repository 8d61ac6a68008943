"""The harness as a mitmproxy script: ``mitmdump -s addons/split.py --set canary_policy=FILE``."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mitmproxy import addonmanager, ctx, exceptions, http

from canary.core.model import Request, Response
from canary.proxy.addon import GatewayAddon
from canary.proxy.secrets import Redaction, hide_key

log = logging.getLogger(__name__)


class Backstage(Protocol):
    """What stands behind the script: started with mitmproxy, stopped with it."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def handle(self, request: Request) -> Response: ...

    @property
    def intercept(self) -> tuple[str, ...]:
        """Hosts to answer for; empty: all."""


class GatewayScript:
    """Reads a policy from mitmproxy's options and answers all flows by it.

    An error that is the user's to mend is logged as a sentence: mitmdump ends when one is logged at its start, and
    would put a traceback around one that is raised.

    Args:
        open_backstage: from the policy's path and the state (``None`` for the default).
        readable: such errors.
    """

    def __init__(
        self,
        open_backstage: Callable[[Path, str | None], Backstage],
        readable: tuple[type[Exception], ...],
    ) -> None:
        self._open = open_backstage
        self._readable: tuple[type[Exception], ...] = (*readable, OSError)
        self._backstage: Backstage | None = None
        self._addon: GatewayAddon | None = None
        self._started: asyncio.Task[None] | None = None
        self._redaction = Redaction()

    def load(self, loader: addonmanager.Loader) -> None:
        """Declare the script's options, and keep keys out of mitmproxy's log."""
        self._redaction.install(*logging.getLogger().handlers)
        loader.add_option("canary_policy", str, "", "The policy file.")
        loader.add_option(
            "canary_state", str, "", "SQLite file or postgresql:// URL; default: .canary/NAME.db"
        )

    def configure(self, updated: set[str]) -> None:
        """Open the policy as soon as it is named; a bad one stops the start."""
        if "canary_policy" not in updated or not ctx.options.canary_policy:
            return
        if self._backstage is not None:
            raise exceptions.OptionsError(
                "canary_policy cannot be changed while running; start mitmdump anew"
            )
        try:
            self._backstage = self._open(Path(ctx.options.canary_policy), ctx.options.canary_state or None)
        except self._readable as error:
            log.error("%s", error)
            return
        self._addon = GatewayAddon(self._backstage.handle, self._backstage.intercept)

    # Not coroutines but tasks: mitmproxy calls the two of a reloaded script from code that awaits nothing.

    def running(self) -> asyncio.Task[None]:
        """Begin the work behind the gateway."""
        return self._start()

    def done(self) -> asyncio.Task[None]:
        """End the work behind the gateway."""
        return asyncio.ensure_future(self._stop())

    async def request(self, flow: http.HTTPFlow) -> None:
        """Answer the flow, and leave no key in it: mitmproxy prints and records flows."""
        if self._addon is None:
            return
        await asyncio.shield(self._start())  # clients may come before the word that mitmproxy is running
        await self._addon.request(flow)
        hide_key(flow.request)

    def error(self, flow: http.HTTPFlow) -> None:
        """Leave no key in a flow that broke off before it was answered."""
        hide_key(flow.request)

    def _start(self) -> asyncio.Task[None]:
        if self._started is None:
            self._started = asyncio.ensure_future(self._begin())
        return self._started

    async def _begin(self) -> None:
        if self._backstage is None:
            if not ctx.options.canary_policy:
                log.error("no policy: name its file with --set canary_policy=FILE")
            return
        try:
            await self._backstage.start()
        except self._readable as error:
            log.error("%s", error)

    async def _stop(self) -> None:
        if self._backstage is not None:
            await self._backstage.stop()
        self._redaction.uninstall()
