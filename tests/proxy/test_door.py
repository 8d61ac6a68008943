"""Clients in bounds: how many, and how slow."""

import asyncio
import contextlib

import pytest

from canary.core.model import Request, Response
from canary.proxy import door as module
from canary.proxy.ingress import Ingress, Listen
from tests.clients import Client, connected, request
from tests.proxy.conftest import Opening
from tests.waiting import until

ANSWER = Response(200, (), b"ACCESS_BALANCE:1")


async def quick(_request: Request) -> Response:
    """Answers at once."""
    return ANSWER


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients have a third of a second."""
    monkeypatch.setattr(module, "SLOW", 0.3)
    monkeypatch.setattr(module, "SWEEP", 0.05)


async def is_cut(client: Client) -> None:
    """Wait until the connection is closed from the other side."""
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(client.reader.read(), 20) == b""


async def test_clients_above_the_bound_are_turned_away(caplog: pytest.LogCaptureFixture) -> None:
    """Those that are connected are answered; when one of them leaves, the next one is let in."""
    ingress = Ingress(Listen(port=0), quick, most=1)
    await ingress.start()
    try:
        async with connected(ingress.address) as first:
            assert (await first.ask(request())).status == 200
            async with connected(ingress.address) as second:
                await is_cut(second)
            assert (await first.ask(request())).status == 200
        await until(lambda: not ingress.connections)
        async with connected(ingress.address) as third:
            assert (await third.ask(request())).status == 200
    finally:
        await ingress.stop()
    assert "a client was turned away: 1 connections are open" in caplog.text


@pytest.mark.usefixtures("impatient")
async def test_a_request_that_dribbles_in_is_not_waited_for(opened: Opening) -> None:
    """A header line now and then keeps no connection alive; others are answered meanwhile."""
    async with opened(quick) as ingress, connected(ingress.address) as slow:
        await slow.send(b"GET / HTTP/1.1\r\n")
        cut = asyncio.create_task(is_cut(slow))
        with contextlib.suppress(ConnectionError):
            while not cut.done():
                await slow.send(b"x-more: 1\r\n")
                async with connected(ingress.address) as other:
                    assert (await other.ask(request())).status == 200
                await asyncio.sleep(0.02)
        await cut


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_says_nothing_at_all_is_not_waited_for(opened: Opening) -> None:
    """A connection without a request is closed as well."""
    async with opened(quick) as ingress, connected(ingress.address) as silent:
        await is_cut(silent)


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_waits_for_its_answer_is_waited_with(opened: Opening) -> None:
    """However long the arm takes; and a connection that rests between two requests is not slow."""
    release = asyncio.Event()

    async def slowly(_request: Request) -> Response:
        await release.wait()
        return ANSWER

    async with opened(slowly) as ingress, connected(ingress.address) as client:
        await client.send(request())
        await asyncio.sleep(0.6)
        release.set()
        assert (await client.get()).status == 200
        await asyncio.sleep(0.6)
        assert (await client.ask(request())).status == 200


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_does_not_read_its_answer_is_cut(opened: Opening) -> None:
    """What it does not take is not kept for it for ever."""

    async def much(_request: Request) -> Response:
        return Response(200, (), b"x" * 8_000_000)

    async with opened(much) as ingress, connected(ingress.address) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(request())
        await until(lambda: ingress.connections)
        await until(lambda: not ingress.connections)
