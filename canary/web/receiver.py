"""The webhook receiver: a server of its own, because providers reach it from the internet and the rest they must not.

    POST /webhooks/ARM/TOKEN   200 once the message is safe on disk; 503 when it is not, so that the provider repeats it
    GET  /healthz              200 while the process answers

A wrong token, an arm that takes no webhooks and an address that may not send all look alike: 404, as if nothing were
there. Nothing is read of such a request, and neither body nor path is ever written to a log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from canary.core.model import Arm
from canary.core.policy.webhooks import Network
from canary.core.webhook import MOST
from canary.store.errors import StoreError
from canary.web.site import Site

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds that a provider may take to send its body."""

type Take = Callable[[Arm, str, str, bytes], Awaitable[None]]
"""Takes in one webhook: arm, source address, content type, body. It may raise ``StoreError``."""


class ReceiverError(Exception):
    """The receiver cannot listen where it was told to; the message names the remedy."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who may send webhooks of one arm; without ``sources`` every address may that has the token."""

    token: str = field(repr=False)
    sources: Sequence[Network] | None = None

    def admits(self, token: str, source: str) -> bool:
        """Whether a message with that token from that address is taken."""
        known = compare_digest(token.encode("utf-8", "replace"), self.token.encode())
        return known and (self.sources is None or is_within(source, self.sources))


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of the blocks; IPv4 written as IPv6 is IPv4."""
    try:
        found = ip_address(address.strip())
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in networks)


def source_of(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """Where a request came from: the last address that none of our own proxies vouches for.

    Args:
        peer: who opened the connection.
        forwarded: the values of ``X-Forwarded-For``; anybody may write them, so only what our proxies added counts.
    """
    source = peer
    for hop in reversed([hop.strip() for value in forwarded for hop in value.split(",")]):
        if not is_within(source, proxies):
            break
        source = hop
    return source


class Receiver:
    """The server.

    Args:
        senders: one for each arm whose webhooks are taken.
        proxies: reverse proxies before it, whose word is taken for where a request came from.
        count: adds one to a named counter.
        reuse_port: whether several processes listen on the same port.
    """

    def __init__(
        self,
        host: str,
        port: int,
        senders: Mapping[Arm, Sender],
        proxies: Sequence[Network],
        *,
        take: Take,
        count: Callable[[str], None],
        reuse_port: bool = False,
    ) -> None:
        self._senders = {arm.value: (arm, sender) for arm, sender in senders.items()}
        self._proxies = proxies
        self._take = take
        self._count = count
        application = web.Application(client_max_size=MOST)
        application.router.add_post("/webhooks/{arm}/{token}", self._webhook)
        application.router.add_get("/healthz", _alive)
        self._site = Site(application, host, port, reuse_port=reuse_port)

    async def start(self) -> None:
        """Listen.

        Raises:
            ReceiverError: the address cannot be listened on.
        """
        try:
            await self._site.start()
        except OSError as failure:
            raise ReceiverError(
                f"webhooks cannot be received on {self._site} ({failure.strerror}); "
                "free that address, or choose another in webhooks.listen"
            ) from failure

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._site.address

    async def stop(self) -> None:
        """Finish what is in flight and close the address; harmless when it never listened."""
        await self._site.stop()

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        source = source_of(request.remote or "", request.headers.getall("X-Forwarded-For", []), self._proxies)
        arm = self._admitted(request, source)
        if arm is None:
            self._count("webhooks_refused")
            raise web.HTTPNotFound
        try:
            body = await asyncio.wait_for(request.read(), PATIENCE)
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        try:
            await self._take(arm, source, request.headers.get("Content-Type", ""), body)
        except StoreError as error:
            log.warning(
                "a webhook of %s could not be kept, its provider is asked to repeat it: %s", arm, error
            )
            raise web.HTTPServiceUnavailable from None
        return web.Response(text="OK")

    def _admitted(self, request: web.Request, source: str) -> Arm | None:
        arm, sender = self._senders.get(request.match_info["arm"], (None, None))
        if sender is None or not sender.admits(request.match_info["token"], source):
            return None
        return arm


async def _alive(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="OK")
