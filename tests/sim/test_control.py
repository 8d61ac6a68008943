import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.control import PREFIX
from canary.sim.provider import Provider
from tests.factories import CLIENT_KEY


@pytest.fixture
async def provider():
    async with Provider(Behaviour(success=1, code_delay=0), seed=1) as provider:
        yield provider


async def buy(client, provider) -> None:
    async with client.get(
        provider.url, params={"api_key": CLIENT_KEY, "action": "getNumber", "service": "tg"}
    ) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("door", ["own", "provider"])
async def test_the_behaviour_is_read_and_changed_through_either_door(client, provider, door):
    """GET shows every knob; PATCH merges and shows the result; it is in force at once."""
    base = provider.control if door == "own" else provider.url.replace("/stubs/handler_api.php", PREFIX)
    async with client.get(f"{base}behaviour") as answer:
        assert (await answer.json())["success"] == 1
    async with client.patch(f"{base}behaviour", json={"success": "50%", "prices": {"wa": "$1"}}) as answer:
        shown = await answer.json()
    assert (shown["success"], shown["prices"]) == (0.5, {"wa": "1"})
    assert provider.behaviour.success == 0.5


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ('{"sucess": 1}', 422, "did you mean success?"),
        ('{"success": 7}', 422, "success: expected a share"),
        ("success=1", 400, "the body is not JSON"),
        ("[1]", 400, "expected an object of knobs"),
    ],
)
async def test_a_bad_patch_is_answered_with_a_sentence_and_changes_nothing(
    client, provider, body, status, said
):
    """The error names what is wrong."""
    before = provider.behaviour
    async with client.patch(f"{provider.control}behaviour", data=body) as answer:
        assert answer.status == status
        assert said in (await answer.json())["error"]
    assert provider.behaviour == before


async def test_the_books_are_shown(client, provider):
    """Counts with every lease, or without when they are not wanted."""
    await buy(client, provider)
    async with client.get(f"{provider.control}books") as answer:
        books = await answer.json()
    assert (books["spent"], books["sold"], books["leases"][0]["state"]) == ("0.20", 1, "code")
    async with client.get(f"{provider.control}books?leases=0") as answer:
        assert "leases" not in await answer.json()


async def test_requests_are_shown_without_the_key(client, provider):
    """The log has a fingerprint in place of the key, and can be narrowed."""
    for _ in range(3):
        await buy(client, provider)
    async with client.get(f"{provider.control}requests?action=getNumber&limit=2") as answer:
        text = await answer.text()
        assert len(await answer.json()) == 2
    assert CLIENT_KEY not in text
    async with client.get(f"{provider.control}requests?limit=all") as answer:
        assert (answer.status, "limit=all is no number" in await answer.text()) == (400, True)


async def test_the_index_lists_what_can_be_asked_and_set(client, provider):
    """Endpoints, knobs, profiles and drifts are all there; anything else is 404."""
    async with client.get(provider.control) as answer:
        index = await answer.json()
    assert "PATCH /_sim/behaviour" in index["endpoints"]
    assert {"success", "drifts"} <= set(index["knobs"])
    assert index["drifts"]["phone_plus"] == "phones begin with a plus"
    async with client.get(f"{provider.control}nothing") as answer:
        assert answer.status == 404


async def test_control_survives_the_refusal_that_it_asks_for(client, provider):
    """PATCH refuse through the provider's own door is answered before that door closes."""
    base = provider.url.replace("/stubs/handler_api.php", PREFIX)
    async with client.patch(f"{base}behaviour", json={"refuse": True}) as answer:
        assert (await answer.json())["refuse"] is True


async def test_control_calls_are_not_in_the_books(client, provider):
    """Only handler_api calls count."""
    async with client.get(f"{provider.control}books") as answer:
        assert (await answer.json())["calls"] == 0
