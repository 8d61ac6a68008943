"""Choosing an ingress."""

import asyncio
from pathlib import Path

import pytest

from canary.cli.doors import INGRESSES, LOOPS, ingress_of
from canary.cli.errors import UsageError
from canary.proxy.ingress import Listen
from tests.wire.handlers import Handler


@pytest.mark.parametrize("name", INGRESSES)
async def test_each_name_is_an_ingress_that_serves(name: str) -> None:
    """It listens where it is told and can be stopped."""
    ingress = ingress_of(name, Listen("127.0.0.1", 0), Handler())
    await ingress.start()
    assert ingress.address[0] == "127.0.0.1"
    assert await ingress.drain(lambda: 0, 1.0)
    await ingress.stop()


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        (Listen(intercept=("a.example", "b.example")), "cannot intercept a.example, b.example"),
        (Listen(confdir=Path("ca")), "no use for --confdir ca"),
    ],
)
def test_what_the_thin_ingress_cannot_do_is_said(listen: Listen, words: str) -> None:
    """A sentence that names what was asked for and the ingress that does it."""
    with pytest.raises(UsageError, match=rf"--ingress asgi .*{words}.*use --ingress mitmproxy"):
        ingress_of("asgi", listen, Handler())


@pytest.mark.parametrize("name", INGRESSES)
def test_each_name_has_a_loop_to_be_served_by(name: str) -> None:
    """asyncio's own, or one that can be made."""
    new_loop = LOOPS[name]
    if new_loop is not None:
        loop = new_loop()
        assert loop.run_until_complete(asyncio.sleep(0, "served")) == "served"
        loop.close()
