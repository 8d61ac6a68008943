import asyncio
from collections import Counter
from decimal import Decimal

import aiohttp
import pytest
from aiohttp import web

from canary.sim.behaviour import Behaviour
from canary.sim.knobs import changed
from canary.sim.provider import Provider
from canary.sim.tls import Authority
from canary.sim.traffic import Recorder, TrafficPlan, run_traffic

QUICK = {"rate": 200, "duration": 0.4, "clients": 8, "poll_interval": 0.01, "patience": 0.1, "seed": 1}
LIVELY = {
    "success": 0.7,
    "code_delay": {"median": "10ms", "p95": "60ms"},
    "minimum_hold": "50ms",
    "stock_out": 0.1,
    "price": "0.333",
    "latency": "1ms",
}


def a_plan(**knobs) -> TrafficPlan:
    return changed(TrafficPlan(), {**QUICK, **knobs})


def a_provider(*, seed: int = 1, authority=None, **knobs) -> Provider:
    return Provider(changed(Behaviour(), {**LIVELY, **knobs}), seed=seed, authority=authority)


async def test_the_clients_story_is_the_providers_story():
    """Every lease, code, end and cent that clients saw is in the provider's books, and nothing else."""
    async with a_provider() as provider:
        report = await run_traffic(a_plan(another_code=0.3, global_reads=0.3), provider.url)
        books = provider.books
    seen = {life.id: life for life in report.leases if life.id}
    assert len(seen) > 30
    assert report.consistent
    assert {lease.id for lease in books.leases} == set(seen)
    assert books.spent == Decimal("0.333") * len(seen)
    assert books.refunded == Decimal("0.333") * report.outcomes["cancelled"]
    for lease in books.leases:
        life = seen[lease.id]
        assert life.codes == lease.codes[: len(life.codes)]
        assert {"succeeded": "finished", "cancelled": "cancelled"}[life.outcome] == lease.state
    assert (books.foreign, books.repeated, books.lost) == (0, Counter(), 0)
    assert dict(books.by_action) == report.calls
    assert sum(report.replies.values()) == books.calls == report.latency["all"].count


async def test_a_run_under_faults_sends_nothing_twice():
    """Whatever breaks, the provider saw exactly the calls that clients sent, each once."""
    faults = {"reset": 0.1, "empty": 0.05, "html_error": 0.05, "call_error": 0.05}
    async with a_provider(**faults) as provider:
        report = await run_traffic(a_plan(style="mixed"), provider.url)
        assert dict(provider.books.by_action) == report.calls
        assert not provider.books.repeated
        assert provider.books.foreign == 0
    assert report.failures["reset"] > 0
    assert report.unknown_leases == report.foreign_codes == report.duplicate_ids == 0


@pytest.mark.parametrize("style", ["polite", "forgetful", "legacy", "mixed"])
async def test_every_style_runs_and_ends_by_itself(style):
    """Leases end as the style has it."""
    async with a_provider() as provider:
        report = await run_traffic(a_plan(style=style), provider.url)
    assert report.outcomes["succeeded"] > 0
    assert "cut" not in report.outcomes
    assert ("forgotten" in report.outcomes) == (style in {"forgetful", "mixed"})
    methods = {entry.method for entry in provider.books.requests}
    assert methods == ({"GET"} if style in {"forgetful", "legacy"} else {"GET", "POST"})


async def test_an_open_loop_leaves_out_what_would_be_too_many():
    """Leases begin at their rate however slow the provider is; beyond the bound they are counted as skipped."""
    async with a_provider(hang=1) as provider:
        report = await run_traffic(a_plan(max_open=5, drain=0, timeout=60), provider.url)
    assert len(report.leases) == 5
    assert report.skipped > 20
    assert report.outcomes == {"cut": 5}


async def test_a_run_can_be_stopped():
    """No lease is begun any more, and open ones are let go."""
    stop, recorder = asyncio.Event(), Recorder()
    async with a_provider(code_delay="1h") as provider:
        plan = a_plan(duration="1h", patience="1h", poll_interval="1h", rate=1000)
        running = asyncio.create_task(run_traffic(plan, provider.url, recorder=recorder, stop=stop))
        while not provider.books.leases:  # noqa: ASYNC110  the books tell nobody
            await asyncio.sleep(0.001)
        stop.set()
        report = await running
    assert recorder.open == 0
    assert "cut" in report.outcomes


async def test_clients_come_from_several_addresses():
    """Each client keeps its own."""
    async with a_provider() as provider:
        await run_traffic(a_plan(sources=3), provider.url)
        assert {entry.source for entry in provider.books.requests} == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}


async def test_https_with_the_providers_authority(tmp_path):
    """Clients trust the file that they are given."""
    async with a_provider(authority=Authority.kept(tmp_path / "ca.pem")) as provider:
        report = await run_traffic(a_plan(duration=0.1), provider.url, ca_file=provider.ca_file)
        assert report.failures == {}
        assert report.outcomes["succeeded"] > 0


async def test_the_same_seed_makes_the_same_leases():
    """Clients choose service, country and action alike."""
    async with a_provider() as provider:
        runs = [await run_traffic(a_plan(duration=0.1), provider.url) for _ in range(2)]
    chosen = [[(life.client, life.service, life.country, life.action) for life in run.leases] for run in runs]
    assert chosen[0] == chosen[1]


class Misrouter:
    """A harness that sells everything with one provider and sends everything else to another."""

    def __init__(self, sells: Provider, answers: Provider) -> None:
        self._sells = sells
        self._answers = answers

    async def __aenter__(self) -> str:
        self._client = aiohttp.ClientSession()
        self._server = web.Server(self._serve)
        self._door = await asyncio.get_running_loop().create_server(self._server, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._door.sockets[0].getsockname()[1]}/handler_api.php"

    async def __aexit__(self, *_error: object) -> None:
        self._door.close()
        self._server.pre_shutdown()
        await self._server.shutdown(0.1)
        await self._client.close()

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        sells = "action=getNumber&" in request.query_string
        provider, arm = (self._sells, "old") if sells else (self._answers, "new")
        async with self._client.get(f"{provider.url}?{request.query_string}") as answer:
            return web.Response(body=await answer.read(), headers={"x-canary-arm": arm})


async def sell_some(provider: Provider, number: int) -> None:
    """Somebody else's leases."""
    async with aiohttp.ClientSession() as client:
        for _ in range(number):
            async with client.get(f"{provider.url}?api_key=other&action=getNumber&service=tg") as answer:
                await answer.read()


async def test_calls_that_go_astray_are_noticed_even_when_ids_collide():
    """Polling the other provider under the same id brings codes of other numbers, and another arm's name."""
    knobs = {"success": 1, "code_delay": 0, "stock_out": 0, "id_start": 500}
    async with a_provider(seed=1, **knobs) as one, a_provider(seed=2, **knobs) as other:
        await sell_some(other, 100)
        async with Misrouter(one, other) as url:
            report = await run_traffic(a_plan(style="legacy", duration=0.1), url)
    assert not report.consistent
    assert report.foreign_codes > 0
    assert report.unknown_leases == 0
    assert report.arm_switches > 0
    assert report.arms.keys() == {"old"}


async def test_calls_for_ids_that_the_other_provider_never_issued_are_foreign():
    """Without a collision the provider itself says that it does not know the lease, in its books too."""
    knobs = {"success": 1, "code_delay": 0, "stock_out": 0}
    async with (
        a_provider(seed=1, id_start=500, **knobs) as one,
        a_provider(seed=2, id_start=900, **knobs) as other,
    ):
        async with Misrouter(one, other) as url:
            report = await run_traffic(a_plan(style="legacy", duration=0.1), url)
        assert (one.books.foreign, other.books.foreign > 0) == (0, True)
    assert report.unknown_leases > 0
    assert report.outcomes["lost"] > 0
