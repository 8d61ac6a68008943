"""The ingress that a user chose: mitmproxy, or the thin one where nothing has to be intercepted."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop

from canary.cli.errors import UsageError
from canary.gateway.ingress import Handler
from canary.proxy.ingress import Ingress, Listen
from canary.thin.ingress import ThinIngress

INGRESSES = ("mitmproxy", "asgi")
"""Names of ``--ingress``."""

LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop] | None] = {
    "mitmproxy": None,
    "asgi": uvloop.new_event_loop,
}
"""The event loop that each is served by. uvloop carries a tenth more calls, but not under mitmproxy."""


def ingress_of(name: str, listen: Listen, handle: Handler) -> Ingress | ThinIngress:
    """The ingress of that name before a handler.

    Raises:
        UsageError: it cannot do what is asked of it.
    """
    if name == "mitmproxy":
        return Ingress(listen, handle)
    if listen.intercept:
        raise UsageError(
            f"--ingress asgi cannot intercept {', '.join(listen.intercept)}: it answers clients that call its own "
            "address (mode: reverse); use --ingress mitmproxy for mode: regular"
        )
    if listen.confdir is not None:
        raise UsageError(
            f"--ingress asgi has no use for --confdir {listen.confdir}: it speaks plain HTTP; put TLS in front of it, "
            "or use --ingress mitmproxy"
        )
    return ThinIngress(listen.host, listen.port, handle, listen.inherited)
