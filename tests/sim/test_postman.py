"""A simulated provider tells an account's webhook of its messages."""

import json

import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end.client import Client
from tests.hooks import hook
from tests.waiting import until

SOON = {"success": 1, "code_delay": 0.05, "webhook_retry": 0.05}


async def test_a_message_is_posted_although_nobody_polls() -> None:
    """In SMS-Activate's shape, with the code that a poll would have shown."""
    async with hook() as client, Provider(Behaviour(**SOON, webhook=client.url)) as provider:
        async with Client(provider.url) as buyer:
            bought = await buyer.buy()
        told = json.loads(await client.next())
        lease = provider.books.lease(bought.id)
        assert told | {"receivedAt": ""} == {
            "activationId": int(bought.id),
            "service": "tg",
            "text": f"Your code is {lease.code}",
            "code": lease.code,
            "country": 6,
            "receivedAt": "",
        }


async def test_a_message_is_repeated_until_it_is_taken() -> None:
    """Anything but 200 is an answer to repeat, with the same body."""
    async with (
        hook(answer=lambda n: (503, 204, 200)[n - 1]) as client,
        Provider(Behaviour(**SOON, webhook=client.url)) as provider,
    ):
        async with Client(provider.url) as buyer:
            await buyer.buy()
        assert await client.next() == await client.next() == await client.next()
        await until(lambda: provider.books.webhooks["taken"])
        assert provider.books.webhooks == {"sent": 3, "taken": 1}


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "nonsense"])
async def test_a_receiver_that_is_not_there_is_given_up(url: str) -> None:
    """After eight tries, and the provider goes on."""
    behaviour = Behaviour(**SOON | {"webhook_retry": 0}, webhook=url)
    async with Provider(behaviour) as provider, Client(provider.url) as buyer:
        await buyer.buy()
        await until(lambda: provider.books.webhooks["given_up"])
        assert provider.books.webhooks["sent"] == 8
        assert (await buyer.buy()).bought


async def test_a_rent_is_told_in_its_own_shape() -> None:
    """With rentId and the message below sms."""
    async with hook() as client, Provider(Behaviour(**SOON, webhook=client.url)) as provider:
        async with Client(provider.url) as buyer:
            await buyer.call("getRentNumber", service="tg", country="6", rent_time="4")
        told = json.loads(await client.next())
        assert told["rentId"] == 1049
        assert told["sms"].keys() == {"phoneFrom", "text", "date"}
