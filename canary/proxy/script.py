"""The harness as a mitmproxy script: ``mitmdump -s addons/split.py --set canary_policy=FILE``."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mitmproxy import addonmanager, ctx, exceptions, http

from canary.core.model import Request, Response
from canary.core.protocol.rewrite import REDACTED, redact
from canary.proxy.addon import GatewayAddon


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

    Args:
        open_backstage: from the policy's path and the state (``None`` for the default).
        readable: errors that are the user's to mend, said without a traceback.
    """

    def __init__(
        self,
        open_backstage: Callable[[Path, str | None], Backstage],
        readable: tuple[type[Exception], ...],
    ) -> None:
        self._open = open_backstage
        self._readable = readable
        self._backstage: Backstage | None = None
        self._addon: GatewayAddon | None = None

    def load(self, loader: addonmanager.Loader) -> None:
        """Declare the script's options."""
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
            raise exceptions.OptionsError(str(error)) from error
        self._addon = GatewayAddon(self._backstage.handle, self._backstage.intercept)

    async def running(self) -> None:
        """Begin the work behind the gateway."""
        if self._backstage is not None:
            await self._backstage.start()

    async def request(self, flow: http.HTTPFlow) -> None:
        """Answer the flow, and leave no key in it: mitmproxy prints and records flows."""
        if self._addon is None:
            return
        await self._addon.request(flow)
        hide_key(flow.request)

    async def done(self) -> None:
        """End the work behind the gateway."""
        if self._backstage is not None:
            await self._backstage.stop()


def hide_key(request: http.Request) -> None:
    """Take the client's key out of a request that has been answered."""
    request.path = redact(request.path)
    for name in ("x-apikey", "authorization", "cookie"):
        if name in request.headers:
            request.headers[name] = REDACTED
    if request.raw_content:
        request.raw_content = redact(request.raw_content.decode("latin-1")).encode("latin-1")
