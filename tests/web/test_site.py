"""An address that an application answers at."""

import aiohttp
import pytest
from aiohttp import web

from canary.web.site import Site


async def _hello(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="hello")


def site(port: int = 0, *, reuse_port: bool = False) -> Site:
    """An application at a port of the loopback."""
    application = web.Application()
    application.router.add_get("/", _hello)
    return Site(application, "127.0.0.1", port, reuse_port=reuse_port)


async def test_it_answers_where_it_says() -> None:
    """Port 0 is a free one; after its end nobody answers there."""
    one = site()
    await one.start()
    url = "http://{}:{}/".format(*one.address)
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert await answer.text() == "hello"
        await one.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_a_taken_address_is_said_in_a_few_words() -> None:
    """The system's words alone; whoever shares the port on purpose may."""
    one = site(reuse_port=True)
    await one.start()
    port = one.address[1]
    taken, shared = site(port), site(port, reuse_port=True)
    with pytest.raises(OSError, match=r"\[Errno \d+\] address already in use$"):
        await taken.start()
    await shared.start()
    assert str(taken) == f"127.0.0.1:{port}"
    for each in (one, taken, shared):
        await each.stop()


async def test_a_stop_without_a_start_is_harmless() -> None:
    """As after a start that failed elsewhere."""
    await site().stop()
