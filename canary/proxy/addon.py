"""The mitmproxy addon: every handler_api call is answered by the gateway."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from mitmproxy import http

from canary.gateway.ingress import BROKEN, Handler
from canary.proxy.flows import answer, to_request

log = logging.getLogger(__name__)


class GatewayAddon:
    """Hands each intercepted request to ``handle`` and answers the flow with what it returns.

    Args:
        handle: the gateway; it does not raise, but a hook that did would let the flow go on upstream.
        intercept: host names to answer for, with their subdomains (regular mode); empty: all.
        turn: surrounds each answer, with the client's address; by default nothing does.
    """

    def __init__(
        self,
        handle: Handler,
        intercept: Sequence[str] = (),
        turn: Callable[[tuple[str, int] | None], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        self._handle = handle
        self._turn = turn
        self.closing = False  # each answer then asks its client to come back on another connection
        self._hosts = tuple(host.lower() for host in intercept)

    async def request(self, flow: http.HTTPFlow) -> None:
        """Answer the flow. mitmproxy holds up only this flow meanwhile, also when the client goes away."""
        # An answer given at once may close the connection just while its reader waits to report the client's end;
        # mitmproxy then cuts the reader short and never closes the socket. A pause lets it report first.
        await asyncio.sleep(0)
        answered = flow.response is not None or flow.error is not None
        if answered or not self._is_ours(flow):
            return
        try:
            with self._turn(flow.client_conn.peername):
                answer(flow, await self._handle(to_request(flow)), close=self.closing)
        except Exception:
            log.exception("the gateway failed")
            # without an answer mitmproxy would go on to the reverse target with the client's own key
            answer(flow, BROKEN, close=self.closing)

    def _is_ours(self, flow: http.HTTPFlow) -> bool:
        return not self._hosts or matches(flow.request.pretty_host, self._hosts)


def matches(host: str, hosts: Sequence[str]) -> bool:
    """Whether ``host`` is one of ``hosts`` or below one of them."""
    host = host.lower().rstrip(".")
    return any(host == own or host.endswith(f".{own}") for own in hosts)
