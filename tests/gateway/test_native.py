"""Calls carried out in another dialect, on real sockets: what is sent how often, and what failures are called."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from canary.core.dialects.fivesim import FIVESIM
from canary.core.dialects.model import Settings
from canary.core.dialects.textverified import TEXTVERIFIED
from canary.core.model import Failure, Headers
from canary.gateway.native import AGENT, Carried, Native
from canary.gateway.tokens import Tokens
from canary.gateway.upstream import Upstream
from tests.factories import NEW_KEY, NOW, tcall
from tests.upstreams import (
    Heard,
    Play,
    ScriptedUpstream,
    Wire,
    hangs,
    nobody,
    resets,
    response,
    says,
    url_of,
    waits_for,
)

ORDER = '{"id": 7, "phone": "+7123456789", "status": "RECEIVED", "sms": [], "price": 0.5}'
CREATED = says('{"method": "GET", "href": "/v2/verifications/lr_1"}', 201)
VERIFICATION = '{"id": "lr_1", "number": "2125550123", "state": "verificationPending", "totalCost": 1}'
LONG = 20.0


def token(number: int, seconds: float = 3600) -> Play:
    return says(json.dumps({"token": f"token-{number}", "expiresIn": seconds}))


class Line:
    """A line to a scripted provider."""

    def __init__(self, provider: ScriptedUpstream, native: Native, pool: Upstream) -> None:
        self.provider = provider
        self.native = native
        self.pool = pool

    async def call(
        self, action: str, *plays: Play, key: str | None = NEW_KEY, headers: Headers = (), **params: str
    ) -> Carried:
        self.provider.next.extend(plays)
        call = tcall(action, **params)
        return await self.native.carry_out(self.pool, key, call, call.ids, headers, NOW)

    @property
    def heard(self) -> list[str]:
        return [f"{one.method} {one.target}" for one in self.provider.heard]


@asynccontextmanager
async def opened(
    native: Native, url: str | None = None, timeout: float = LONG, headers: Headers = ()
) -> AsyncIterator[Line]:
    async with ScriptedUpstream() as provider:
        pool = Upstream(url or provider.url, headers, timeout, 8)
        await pool.start()
        try:
            yield Line(provider, native, pool)
        finally:
            await pool.close()


PLAIN = Native(FIVESIM, Settings(services={"tg": "telegram"}), "/v1", LONG, Tokens())


def logged_in() -> Native:
    """A provider that exchanges its key for a token."""
    return Native(TEXTVERIFIED, Settings(countries={"187": "US"}), "/v2", LONG, Tokens())


# --- what is sent -----------------------------------------------------------------------------------------------------


async def test_a_request_has_the_arm_s_key_and_little_of_the_client() -> None:
    """The name that the client gives itself, nothing else of its headers; the policy's are added."""
    mine: Headers = (
        ("User-Agent", "me/1"),
        ("Cookie", "a=b"),
        ("X-ApiKey", "client"),
        ("X-Sandbox-Mode", "1"),
    )
    native = replace(PLAIN, forwarded=frozenset({"user-agent", "x-sandbox-mode"}))
    async with opened(native, headers=(("X-Extra", "e"),)) as line:
        found = await line.call("getNumber", says(ORDER), headers=mine, service="tg", country="russia")
        [heard] = line.provider.heard
    assert found.spoken is not None
    assert found.spoken.body == "ACCESS_NUMBER:7:7123456789"
    assert (heard.line, heard.body) == ("GET /v1/user/buy/activation/russia/any/telegram HTTP/1.1", b"")
    names = {name.lower(): value for name, value in heard.headers}
    assert names["authorization"] == f"Bearer {NEW_KEY}"
    assert (names["user-agent"], names["x-sandbox-mode"], names["x-extra"]) == ("me/1", "1", "e")
    assert names["accept"] == "application/json"
    assert names.keys().isdisjoint({"cookie", "x-apikey", "content-type"})


async def test_a_client_without_a_name_has_ours_and_one_without_a_key_gets_no_further() -> None:
    """Providers refuse requests without a User-Agent; a request without a key is none."""
    async with opened(PLAIN) as line:
        await line.call("getBalance", says('{"balance": 1}'))
        assert line.provider.heard[0].header("user-agent") == [AGENT]
        found = await line.call("getBalance", key=None)
        assert found.spoken is not None
        assert found.spoken.body == "NO_KEY"
        assert len(line.heard) == 1


async def test_answers_may_be_coded_and_keep_some_headers() -> None:
    """A price in a header is kept, as is how long to wait; other headers are the provider's own business."""
    native = replace(PLAIN, kept=frozenset({"retry-after", "x-cost"}))
    async with opened(native) as line:
        found = await line.call("getBalance", says("", 429, Retry_After="7", X_Cost="1", Server="x"))
        assert found.spoken is not None
        assert (found.spoken.body, found.spoken.status) == ("RATE_LIMITED", 429)
        assert found.headers == (("Retry-After", "7"), ("X-Cost", "1"))
        broken = await line.call("getBalance", says(b"no gzip", Content_Encoding="gzip"))
        assert (broken.spoken, broken.failure, broken.status) == (None, None, 200)


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["getBalance", "getNumber"])
async def test_nobody_listens(action: str) -> None:
    """Nothing was sent, of a read as of a purchase."""
    with nobody() as sock:
        async with opened(PLAIN, url_of(sock)) as line:
            found = await line.call(action, service="tg", country="russia")
    assert (found.spoken, found.failure) == (None, Failure.CONNECT)
    assert found.latency == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("play", "failure"), [(hangs, Failure.TIMEOUT), (resets(), Failure.RESET)])
async def test_a_purchase_without_an_answer(play: Play, failure: Failure) -> None:
    """It may have been made, and is sent once."""
    async with opened(PLAIN, timeout=0.3) as line:
        found = await line.call("getNumber", play, says(ORDER), service="tg", country="russia")
        assert (found.spoken, found.failure) == (None, failure)
        assert len(line.heard) == 1


async def test_a_purchase_that_is_not_understood() -> None:
    """Its status is kept, from which the harness tells whether it may have been made."""
    async with opened(PLAIN) as line:
        found = await line.call("getNumber", says("<html>", 502), service="tg", country="russia")
        assert (found.spoken, found.failure, found.status) == (None, None, 502)


async def test_a_call_has_the_arm_s_time_for_all_its_requests() -> None:
    """Two requests of half of it each are too many."""
    released = asyncio.Event()
    native = replace(logged_in(), patience=0.3)
    async with opened(native) as line:
        plays = (token(1), CREATED, waits_for(released, says(VERIFICATION)))
        found = await line.call("getNumber", *plays, service="telegram", country="187")
        assert (found.spoken, found.failure) == (None, Failure.TIMEOUT)
        assert len(line.heard) == 3


async def test_nothing_sent_after_a_purchase_is_not_nothing_sent() -> None:
    """The reading that found nobody follows a purchase that was made: its number may be lost."""
    async with opened(logged_in()) as line:

        async def vanishes(wire: Wire, _heard: Heard) -> None:
            line.provider._server.close()
            await wire.send(response('{"href": "/v2/verifications/lr_1"}', 201, (("Connection", "close"),)))
            wire.close()

        found = await line.call("getNumber", token(1), vanishes, service="telegram", country="187")
        assert (found.spoken, found.failure) == (None, Failure.RESET)
        assert line.heard == ["POST /v2/auth", "POST /v2/verifications"]


# --- tokens -----------------------------------------------------------------------------------------------------------


async def test_a_token_is_fetched_once_and_carried_by_all_else() -> None:
    """With the key in its own header, and no key in what follows."""
    async with opened(logged_in(), headers=(("X-API-USERNAME", "me"),)) as line:
        balance = says('{"currentBalance": 1}')
        first = await line.call("getBalance", token(1), balance)
        second = await line.call("getBalance", balance)
        login, *calls = line.provider.heard
    assert (login.line, login.header("x-api-key")) == ("POST /v2/auth HTTP/1.1", [NEW_KEY])
    assert login.header("x-api-username") == ["me"]
    assert [one.header("authorization") for one in calls] == [["Bearer token-1"]] * 2
    assert all(not one.header("x-api-key") for one in calls)
    assert first.connect > second.connect, "waiting for a token is no latency"


async def test_many_calls_log_in_once() -> None:
    """The others wait for the token."""
    released = asyncio.Event()
    async with opened(logged_in()) as line:
        line.provider.otherwise = says('{"currentBalance": 1}')
        line.provider.next.append(waits_for(released, token(1)))
        calls = [asyncio.create_task(line.call("getBalance")) for _ in range(5)]
        await line.provider.has_heard(1)
        released.set()
        found = await asyncio.gather(*calls)
        assert {one.spoken.body for one in found if one.spoken} == {"ACCESS_BALANCE:1.00"}
        assert line.heard.count("POST /v2/auth") == 1


async def test_a_refused_token_is_fetched_anew_for_a_read() -> None:
    """The read is sent again with the new one; a second refusal is the key's."""
    refused = says("", 401)
    async with opened(logged_in()) as line:
        found = await line.call("getBalance", token(1), refused, token(2), says('{"currentBalance": 1}'))
        assert found.spoken is not None
        assert found.spoken.body == "ACCESS_BALANCE:1.00"
        assert line.provider.heard[-1].header("authorization") == ["Bearer token-2"]
        again = await line.call("getBalance", refused, token(3), refused)
        assert again.spoken is not None
        assert again.spoken.body == "BAD_KEY"


async def test_a_refused_token_never_buys_twice() -> None:
    """The purchase is not repeated; the next one has a new token."""
    async with opened(logged_in()) as line:
        params = {"service": "telegram", "country": "187"}
        found = await line.call("getNumber", token(1), says("", 401), **params)
        assert (found.spoken, found.failure, found.status) == (None, None, 401)
        assert line.heard == ["POST /v2/auth", "POST /v2/verifications"]
        bought = await line.call("getNumber", token(2), CREATED, says(VERIFICATION), **params)
        assert bought.spoken is not None
        assert bought.spoken.body == "ACCESS_NUMBER:lr_1:12125550123"


@pytest.mark.parametrize("play", [says("", 503), hangs, resets(), says("{}")])
async def test_without_a_token_nothing_is_bought(play: Play) -> None:
    """A purchase that had to wait for one never left; a wrong key is told as such."""
    async with opened(logged_in(), timeout=0.3) as line:
        line.provider.otherwise = play
        found = await line.call("getNumber", service="telegram", country="187")
        assert (found.spoken, found.failure) == (None, Failure.CONNECT)
        assert set(line.heard) == {"POST /v2/auth"}
        line.provider.otherwise = says("", 401)
        refused = await line.call("getNumber", service="telegram", country="187")
        assert refused.spoken is not None
        assert refused.spoken.body == "BAD_KEY"
