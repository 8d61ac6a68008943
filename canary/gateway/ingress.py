"""What every ingress shares: who answers, what is said when that fails, what it takes, and how it ends."""

import asyncio
import os
import resource
import socket
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus

from canary.core.model import Request, Response

type Handler = Callable[[Request], Awaitable[Response]]

BROKEN = Response(
    200, (("content-type", "text/html; charset=UTF-8"), ("x-canary-error", "internal")), b"ERROR_SQL"
)
"""The answer when the gateway itself cannot be reached from the ingress."""

MAX_REQUEST_BODY = 8 * 1024 * 1024
"""Bytes of a request's body that are taken; a longer one is refused with 413."""

BACKLOG = 1024
"""Connections that wait to be accepted: as many come at once when clients call after each other's example."""

BODILESS = frozenset({204, 304})
"""Statuses whose response has neither body nor length."""

REASONS = {status.value: status.phrase for status in HTTPStatus}

_LAST_BYTES = 0.05
"""Seconds for the last answers to get from the gateway to their sockets."""


class IngressError(Exception):
    """The ingress could not be started; the message says why and what to do."""


def most_connections() -> int:
    """Client connections at most: half of the files that this process may open; arms and store need some too."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2


def cannot_listen(host: str, port: int, why: OSError) -> IngressError:
    """The error for an address that cannot be listened on."""
    return IngressError(
        f"cannot listen on {host}:{port}: {words_of(why)}; choose another address with --listen"
    )


def words_of(error: Exception) -> str:
    """What the system says of an error, without the advice of libraries."""
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


async def drained(
    in_flight: Callable[[], int], sockets: Collection[asyncio.WriteTransport], deadline: float
) -> bool:
    """Wait, at most ``deadline`` seconds, until every answer is on the wire; ``False`` when some are not.

    Args:
        in_flight: how many calls are being answered.
        sockets: the clients' connections.
    """
    try:
        async with asyncio.timeout(deadline):
            await _reached(lambda: not in_flight())
            await asyncio.sleep(_LAST_BYTES)
            await _reached(lambda: not any(socket.get_write_buffer_size() for socket in sockets))
    except TimeoutError:
        return False
    return True


async def _reached(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  it is a count, not an event
        await asyncio.sleep(0.01)
