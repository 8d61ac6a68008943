import asyncio
import gzip
import json
import socket
import ssl
import subprocess
import sys
from decimal import Decimal
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.knobs import KnobError, changed
from canary.sim.provider import Provider
from canary.sim.tls import Authority
from tests.factories import CLIENT_KEY


def a_provider(*, seed: int = 1, keys=(), authority=None, **knobs) -> Provider:
    return Provider(changed(Behaviour(), knobs), seed=seed, keys=keys, authority=authority)


def params(action: str, **more) -> dict[str, str]:
    return {"api_key": CLIENT_KEY, "action": action, **{name: str(value) for name, value in more.items()}}


async def ask(client: aiohttp.ClientSession, provider: Provider, action: str, **more) -> str:
    async with client.get(provider.url, params=params(action, **more)) as answer:
        return await answer.text()


async def raw(
    provider: Provider, action: str, *headers: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which the call was just sent."""
    parts = urlsplit(provider.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    lines = (f"GET {parts.path}?{urlencode(params(action))} HTTP/1.1", "Host: localhost", *headers, "", "")
    writer.write("\r\n".join(lines).encode())
    return reader, writer


async def arrived(provider: Provider, calls: int) -> None:
    """Wait until so many calls have come."""
    while provider.books.calls < calls:  # noqa: ASYNC110  the books tell nobody
        await asyncio.sleep(0.001)


async def test_it_answers_on_a_free_port_of_loopback(client):
    """A provider listens while its block runs, and no longer."""
    async with a_provider() as provider:
        assert provider.url == f"http://127.0.0.1:{provider.port}/stubs/handler_api.php"
        assert await ask(client, provider, "getBalance") == "ACCESS_BALANCE:10000.00"
        assert provider.books.calls == 1
    with pytest.raises(aiohttp.ClientConnectorError):
        await ask(client, provider, "getBalance")


async def test_any_path_that_ends_in_the_endpoint_is_served(client):
    """Clones have other prefixes; what is no endpoint is 404."""
    async with a_provider() as provider:
        base = provider.url.removesuffix("/stubs/handler_api.php")
        async with client.get(f"{base}/compat/handler_api.php", params=params("getBalance")) as answer:
            assert await answer.text() == "ACCESS_BALANCE:10000.00"
        async with client.get(f"{base}/index.html") as answer:
            assert answer.status == 404


@pytest.mark.parametrize("style", ["get", "post_query", "post_form"])
async def test_calls_come_as_get_as_post_with_a_query_and_as_a_form(client, style):
    """All three are the same call."""
    async with a_provider() as provider:
        sent = {
            "get": lambda: client.get(provider.url, params=params("getBalance")),
            "post_query": lambda: client.post(provider.url, params=params("getBalance"), data=b""),
            "post_form": lambda: client.post(provider.url, data=params("getBalance")),
        }[style]
        async with sent() as answer:
            assert await answer.text() == "ACCESS_BALANCE:10000.00"


async def test_a_post_may_be_read_from_its_body_alone(client):
    """With the drift body_only, a POST with everything in its query has no key."""
    async with a_provider(drifts="body_only") as provider:
        async with client.post(provider.url, params=params("getBalance")) as answer:
            assert await answer.text() == "NO_KEY"
        async with client.post(provider.url, data=params("getBalance")) as answer:
            assert await answer.text() == "ACCESS_BALANCE:10000.00"


async def test_headers_of_an_answer(client):
    """Content types differ between text and data, and the cost header is there."""
    async with a_provider(cost_header="X-VerifySMS-Cost") as provider:
        async with client.get(provider.url, params=params("getNumber", service="tg")) as answer:
            assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
            assert answer.headers["X-VerifySMS-Cost"] == "0.20"
        async with client.get(provider.url, params=params("getPrices")) as answer:
            assert answer.content_type == "application/json"


async def test_gzip_for_clients_that_accept_it(client):
    """The body is coded only when the client said so."""
    async with a_provider(gzip=True) as provider:
        headers = {"Accept-Encoding": "gzip, deflate"}
        async with client.get(provider.url, params=params("getBalance"), headers=headers) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(await answer.read()) == b"ACCESS_BALANCE:10000.00"
        plain = {"Accept-Encoding": "identity"}
        async with client.get(provider.url, params=params("getBalance"), headers=plain) as answer:
            assert await answer.read() == b"ACCESS_BALANCE:10000.00"


async def test_chunked_bodies():
    """The answer comes in chunks instead of with a length."""
    async with a_provider(chunked=True) as provider:
        reader, writer = await raw(provider, "getBalance")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head.lower()
        assert b"content-length" not in head.lower()
        assert await reader.readuntil(b"0\r\n\r\n") == b"17\r\nACCESS_BALANCE:10000.00\r\n0\r\n\r\n"
        writer.close()


async def test_a_204_has_no_body():
    """The connection goes on after an answer without content."""
    async with a_provider(drifts="set_status_204") as provider:
        reader, writer = await raw(provider, "finishActivation")
        assert b"200 OK" in await reader.readuntil(b"NO_ACTIVATION")
        async with aiohttp.ClientSession() as client:
            lease = (await ask(client, provider, "getNumber", service="tg")).split(":")[1]
            async with client.get(provider.url, params=params("setStatus", id=lease, status=1)) as answer:
                assert (answer.status, await answer.read()) == (204, b"")
            assert (await ask(client, provider, "getBalance")).startswith("ACCESS_BALANCE")
        writer.close()


async def test_keep_alive_and_close():
    """A connection carries many calls, unless the client asks to close it."""
    async with a_provider() as provider:
        reader, writer = await raw(provider, "getBalance")
        await reader.readuntil(b"ACCESS_BALANCE:10000.00")
        writer.write(
            f"GET /handler_api.php?{urlencode(params('getBalance'))} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        await reader.readuntil(b"ACCESS_BALANCE:10000.00")
        writer.close()
        reader, writer = await raw(provider, "getBalance", "Connection: close")
        assert (await reader.read()).endswith(b"ACCESS_BALANCE:10000.00")
        writer.close()


async def test_a_reset_is_a_real_reset():
    """The client sees the connection reset, not closed, and no byte of an answer."""
    async with a_provider(reset=1) as provider:
        reader, writer = await raw(provider, "getBalance")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        assert dict(provider.books.by_word) == {"RESET": 1}


async def test_a_reset_under_tls_is_a_real_reset(tmp_path):
    """HTTPS connections break the same way."""
    async with a_provider(reset=1, authority=Authority.kept(tmp_path / "ca.pem")) as provider:
        context = ssl.create_default_context(cafile=provider.ca_file)
        reader, writer = await asyncio.open_connection("127.0.0.1", provider.port, ssl=context)
        writer.write(
            f"GET /handler_api.php?{urlencode(params('getBalance'))} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.transport.abort()


async def test_a_hang_keeps_the_connection_open_without_an_answer(client):
    """Nothing comes on that connection while others are served; when the client leaves, the call is over."""
    async with a_provider(hang=1, faults_on="getPrices") as provider:
        reader, writer = await raw(provider, "getPrices")
        waiting = asyncio.create_task(reader.read())
        await arrived(provider, 1)
        assert await ask(client, provider, "getBalance") == "ACCESS_BALANCE:10000.00"
        assert not waiting.done()
        assert provider.books.by_word["HANG"] == 1
        waiting.cancel()
        writer.close()


async def test_closing_does_not_wait_for_hanging_calls():
    """A hanging connection is broken when the provider closes."""
    async with a_provider(hang=1) as provider:
        reader, writer = await raw(provider, "getBalance")
        waiting = asyncio.create_task(reader.read())
        await arrived(provider, 1)
    with pytest.raises(ConnectionResetError):
        await waiting
    writer.close()


async def test_a_refusing_provider_cannot_be_reached_and_comes_back_on_its_port(client):
    """refuse closes the door and breaks open connections; control works on its own port; the port stays."""
    async with a_provider() as provider:
        url = provider.url
        assert await ask(client, provider, "getBalance") == "ACCESS_BALANCE:10000.00"
        reader, writer = await raw(provider, "getBalance")
        await reader.readuntil(b"ACCESS_BALANCE:10000.00")
        await provider.change(refuse=True)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", provider.port)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", provider.port))
        async with client.patch(f"{provider.control}behaviour", json={"refuse": False}) as answer:
            assert answer.status == 200
        assert provider.url == url
        assert await ask(client, provider, "getBalance") == "ACCESS_BALANCE:10000.00"


async def test_a_provider_may_begin_refusing(client):
    """Its port is known before anybody can connect."""
    async with a_provider(refuse=True) as provider:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", provider.port)
        await provider.change(refuse=False)
        assert await ask(client, provider, "getBalance") == "ACCESS_BALANCE:10000.00"


async def test_html_and_empty_answers_reach_the_client(client):
    """A 502 page, and a 200 without a body."""
    async with a_provider(html_error=1) as provider:
        async with client.get(provider.url, params=params("getBalance")) as answer:
            assert (answer.status, answer.content_type) == (502, "text/html")
        await provider.change(html_error=0, empty=1)
        async with client.get(provider.url, params=params("getBalance")) as answer:
            assert (answer.status, await answer.read()) == (200, b"")


async def test_latency_delays_an_answer_and_no_other_connection(client):
    """A slow action does not hold up a fast one."""
    async with a_provider(latencies={"getPrices": "1h"}) as provider:
        slow = asyncio.create_task(ask(client, provider, "getPrices"))
        await arrived(provider, 1)
        assert await ask(client, provider, "getBalance") == "ACCESS_BALANCE:10000.00"
        assert not slow.done()
        slow.cancel()


async def test_latency_is_waited_for(client):
    """An answer takes at least its latency."""
    loop = asyncio.get_running_loop()
    async with a_provider(latency="50ms") as provider:
        started = loop.time()
        await ask(client, provider, "getBalance")
        assert loop.time() - started >= 0.05


async def test_a_limit_sees_source_addresses():
    """Two loopback addresses have a limit each."""
    limit = {"per_second": 0.001, "burst": 1, "scope": "key_and_source"}
    async with a_provider(rate_limit=limit) as provider:
        statuses = []
        for source in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
            connector = aiohttp.TCPConnector(local_addr=(source, 0))
            async with (
                aiohttp.ClientSession(connector=connector) as client,
                client.get(provider.url, params=params("getBalance")) as answer,
            ):
                statuses.append((answer.status, answer.headers.get("Retry-After")))
        assert statuses == [(200, None), (200, None), (429, "1000")]


async def test_https_with_its_own_authority(tmp_path):
    """Clients that trust the authority's file are served, others are not; one authority serves two providers."""
    authority = Authority.kept(tmp_path / "ca.pem")
    async with a_provider(authority=authority) as one, a_provider(authority=authority) as other:
        assert one.url.startswith("https://")
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=one.ca_file))
        async with aiohttp.ClientSession(connector=connector) as client:
            for provider in (one, other):
                assert await ask(client, provider, "getBalance") == "ACCESS_BALANCE:10000.00"
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await ask(client, one, "getBalance")


async def test_a_change_is_in_force_when_it_returns(client):
    """Knobs change while it runs; a bad one changes nothing."""
    async with a_provider() as provider:
        await provider.change({"price": "$0.50"}, success="10%")
        assert (provider.behaviour.price, provider.behaviour.success) == (Decimal("0.50"), 0.1)
        with pytest.raises(KnobError, match="did you mean success"):
            await provider.change(sucess=1)
        await ask(client, provider, "getNumber", service="tg")
        assert provider.books.spent == Decimal("0.50")


async def test_a_wrong_key_is_refused(client):
    """Configured keys are the only ones."""
    async with a_provider(keys={"another"}) as provider:
        assert await ask(client, provider, "getBalance") == "BAD_KEY"


async def test_two_providers_with_other_seeds_sell_other_numbers_under_the_same_ids(client):
    """Colliding ids can be told apart by phone and code."""
    async with a_provider(seed=1, id_start=500) as one, a_provider(seed=2, id_start=500) as other:
        first = (await ask(client, one, "getNumber", service="tg")).split(":")
        second = (await ask(client, other, "getNumber", service="tg")).split(":")
    assert first[1] == second[1] == "500"
    assert first[2] != second[2]


async def test_many_clients_at_once(client):
    """A thousand calls on a hundred connections are all answered, and the books know each."""
    async with a_provider() as provider:
        answers = await asyncio.gather(
            *(ask(client, provider, "getNumber", service="tg", ref=n) for n in range(1000))
        )
        assert len({answer.split(":")[1] for answer in answers}) == 1000
        assert provider.books.calls == len(provider.books.leases) == 1000
        assert not provider.books.repeated


def test_importing_the_provider_does_not_load_the_proxy():
    """The simulator needs core alone."""
    code = "import sys, canary.sim.provider, canary.sim.traffic; print(json.dumps([m for m in sys.modules]))"
    shown = subprocess.run(
        [sys.executable, "-c", f"import json; {code}"], capture_output=True, check=True, text=True
    )
    rooms = {name.split(".")[1] for name in json.loads(shown.stdout) if name.startswith("canary.")}
    assert rooms == {"core", "sim"}
