"""The thin ingress as a server: bounds, and a socket that it was given."""

import resource
import socket

import pytest

from canary.thin.ingress import ThinIngress, most_connections
from tests.clients import connected, request
from tests.waiting import until
from tests.wire.handlers import Handler


async def test_clients_above_the_bound_are_turned_away(caplog: pytest.LogCaptureFixture) -> None:
    """Before a request of theirs is read; as soon as another has left there is room again."""
    ingress = ThinIngress("127.0.0.1", 0, Handler(), most=1)
    await ingress.start()
    async with connected(ingress.address) as first:
        assert (await first.ask(request())).status == 200
        async with connected(ingress.address) as second:
            with pytest.raises((EOFError, ConnectionResetError)):
                await second.ask(request())
        assert "1 connections are open" in caplog.text
    await until(lambda: ingress.connections == 0)
    async with connected(ingress.address) as third:
        assert (await third.ask(request())).status == 200
    await ingress.stop()


def test_half_of_the_files_are_for_clients() -> None:
    """The arms' connections and the store need files as well."""
    assert most_connections() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2


async def test_a_socket_that_listens_already_is_served() -> None:
    """Several processes may share one."""
    with socket.create_server(("127.0.0.1", 0)) as shared:
        ingress = ThinIngress("", 0, Handler(), shared)
        await ingress.start()
        assert ingress.address == shared.getsockname()
        async with connected(ingress.address) as client:
            assert (await client.ask(request())).status == 200
        await ingress.stop()
