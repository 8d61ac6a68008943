import pytest

from canary.core.model import Failure, Outcome
from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from canary.sim.traffic.caller import Caller
from canary.sim.traffic.report import Recorder
from tests.factories import CLIENT_KEY


@pytest.fixture
async def provider():
    async with Provider(Behaviour(success=1, code_delay=0), seed=1) as provider:
        yield provider


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def call(provider, recorder):
    """A function that calls the provider through a new client."""
    callers = []

    def caller(**changes) -> Caller:
        defaults = {"name": "c", "post": False, "keep_alive": True, "timeout": 5.0}
        callers.append(Caller(provider.url, CLIENT_KEY, recorder, **{**defaults, **changes}))
        return callers[-1]

    yield caller
    for one in callers:
        await one.close()


@pytest.mark.parametrize("post", [False, True])
async def test_a_call_tells_what_came_back(provider, call, post):
    """The reply is read whatever its shape; GET and POST with a query do the same."""
    client = call(post=post)
    bought = await client.call("getNumberV2", service="tg", country="6")
    (lease,) = provider.books.leases
    assert bought.reply.issued[0].id == lease.id
    told = await client.call("getStatus", id=lease.id)
    assert (told.well, told.word, told.reply.sms) == (True, "STATUS_OK", lease.code)
    assert provider.books.requests[0].method == ("POST" if post else "GET")


async def test_every_call_has_a_mark_of_its_own(provider, call):
    """No two calls of a client look like one that was repeated."""
    client = call()
    for _ in range(5):
        await client.call("getBalance")
    assert not provider.books.repeated


async def test_a_broken_call_is_not_sent_again(provider, call, recorder):
    """The HTTP library repeats a GET on a kept connection that broke; a client that buys must not."""
    client = call()
    assert (await client.call("getBalance")).well
    await provider.change(reset=1, carried_out=1)
    told = await client.call("getNumber", service="tg")
    assert (told.reply, told.failure, told.word) == (None, Failure.RESET, "reset")
    assert (provider.books.by_action["getNumber"], len(provider.books.leases)) == (1, 1)
    assert recorder.failures == 1


async def test_a_hanging_call_times_out(provider, call):
    """After the client's own timeout."""
    await provider.change(hang=1)
    assert (await call(timeout=0.05).call("getBalance")).failure is Failure.TIMEOUT


async def test_a_refusing_provider_is_a_connect_failure(provider, call):
    """Nothing was sent."""
    await provider.change(refuse=True)
    assert (await call().call("getBalance")).failure is Failure.CONNECT


async def test_a_provider_that_answers_badly_is_read_all_the_same(provider, call):
    """Empty bodies and error pages have an outcome."""
    await provider.change(empty=1)
    told = await call().call("getNumber", service="tg")
    assert (told.word, told.reply.outcome, told.well) == ("EMPTY", Outcome.PROVIDER, False)
    await provider.change(empty=0, html_error=1)
    assert (await call().call("getNumber", service="tg")).status == 502


async def test_a_client_may_come_from_another_address(provider, call):
    """Its source is what the provider sees."""
    await call(source="127.0.0.3").call("getBalance")
    assert provider.books.requests[0].source == "127.0.0.3"


async def test_the_key_is_sent_and_not_shown(provider, call):
    """It is in no representation."""
    client = call()
    await client.call("getBalance")
    assert CLIENT_KEY not in repr(client) + repr(vars(client).keys())
