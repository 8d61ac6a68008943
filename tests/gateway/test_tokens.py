"""Bearer tokens: kept for their time, fetched by one at a time, forgotten when refused."""

import asyncio

import pytest

from canary.core.dialects.model import Token
from canary.gateway import tokens as module
from canary.gateway.tokens import Tokens
from tests.factories import FakeClock


class Desk:
    """Gives out numbered tokens, once it is let."""

    def __init__(self, seconds: float = 3600.0) -> None:
        self.given = 0
        self.at_once = 0
        self.most = 0
        self.open = asyncio.Event()
        self.open.set()
        self._seconds = seconds

    async def fetch(self) -> Token:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.open.wait()
        self.at_once -= 1
        self.given += 1
        return Token(f"token-{self.given}", self._seconds)


async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    """A minute early, or a tenth of a short life."""
    for seconds, margin in ((3600.0, 60.0), (100.0, 10.0)):
        clock, desk = FakeClock(), Desk(seconds)
        tokens = Tokens(clock)
        assert await tokens.get("key", desk.fetch) == "token-1"
        clock.advance(seconds - margin - 1)
        assert await tokens.get("key", desk.fetch) == "token-1"
        clock.advance(1)
        assert await tokens.get("key", desk.fetch) == "token-2"


async def test_many_callers_make_one_fetch() -> None:
    """The others wait for it."""
    desk, tokens = Desk(), Tokens()
    desk.open.clear()
    callers = [asyncio.create_task(tokens.get("key", desk.fetch)) for _ in range(20)]
    await asyncio.sleep(0)
    desk.open.set()
    assert set(await asyncio.gather(*callers)) == {"token-1"}
    assert (desk.given, desk.most) == (1, 1)


async def test_a_refused_token_is_forgotten_once() -> None:
    """Whoever was refused with an old one does not throw away the new one."""
    desk, tokens = Desk(), Tokens()
    old = await tokens.get("key", desk.fetch)
    tokens.drop("key", old)
    assert await tokens.get("key", desk.fetch) == "token-2"
    tokens.drop("key", old)
    assert await tokens.get("key", desk.fetch) == "token-2"
    tokens.drop("nobody", "nothing")


async def test_a_fetch_that_fails_is_tried_again_by_the_next() -> None:
    """Its error is the caller's alone."""
    tokens = Tokens()

    async def fails() -> Token:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await tokens.get("key", fails)
    assert await tokens.get("key", Desk().fetch) == "token-1"


async def test_keys_have_their_own_tokens_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients may bring a key each; those longest known go first."""
    monkeypatch.setattr(module, "MOST", 2)
    desk, tokens = Desk(), Tokens()
    assert [await tokens.get(key, desk.fetch) for key in "abc"] == ["token-1", "token-2", "token-3"]
    assert await tokens.get("c", desk.fetch) == "token-3"
    assert await tokens.get("a", desk.fetch) == "token-4"
