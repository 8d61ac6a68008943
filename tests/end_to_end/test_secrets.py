"""No key is anywhere but on the wire to its arm: not in the state, the output, the metrics or the admin's answers."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

import aiohttp
import pytest

from canary.core.protocol.rewrite import fingerprint
from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, policy
from tests.upstreams import Heard, Play, ScriptedUpstream, Wire, closes, hangs, raw, resets, response, says

pytestmark = pytest.mark.end_to_end

# each is written differently in a query, a header and a log
CLIENTS = "cli+ent/0123456789abcdef=="
OLDS = "old+arm/fedcba9876543210=="
NEWS = "new+arm/a1b2c3d4e5f60718=="
HALF = [{"name": "half", "weight": "50%", "shadow": "100%", "hold": "24h"}]
PAGES = (
    "/metrics",
    "/readyz",
    "/",
    *(f"/api/v1/{name}" for name in ("status", "verdict", "decisions", "differences")),
)


async def echo(wire: Wire, heard: Heard) -> None:
    """An arm that repeats the whole request, its key decoded, as no provider should."""
    told = {
        "status": "error",
        "message": heard.params.get("api_key", ""),
        "request": heard.head.decode("latin-1"),
    }
    await wire.send(response(json.dumps(told), headers=(("Content-Type", "application/json"),)))


FAILURES = (
    says("BAD_KEY"),
    says(f"BAD_KEY:{OLDS} {NEWS}"),
    says(f"<html>api_key={quote(OLDS)} {NEWS}</html>", 502),
    says("ERROR_SQL", 500, X_Request=f"/stubs/handler_api.php?api_key={NEWS}"),
    echo,
    says(""),
    says('{"status": '),
    raw(b"api_key=" + OLDS.encode() + b"\r\n\r\n"),
    closes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nACCESS"),
    resets(),
    hangs,
)


async def test_no_key_is_anywhere(tmp_path: Path) -> None:
    """Traffic with the keys of client, old and new, through successes, every failure and odd requests, at log level
    debug: afterwards no byte of the state folder, the output or the admin's answers has a key in any spelling."""
    environ = {"OLD_SMS_KEY": OLDS, "NEW_SMS_KEY": NEWS}
    timeouts = {"timeout": "500ms"}
    async with (
        ScriptedUpstream() as old,
        ScriptedUpstream() as new,
        Harness(
            tmp_path,
            policy(old.url, new.url, stages=HALF, old=timeouts, new=timeouts),
            ("--log-level", "debug"),
            environ=environ,
        ) as harness,
        Client(harness.url, key=CLIENTS) as client,
    ):
        await _succeed(client, old, new)
        for play in FAILURES:
            old.plays, new.plays, old.otherwise, new.otherwise = {}, {}, play, play
            await _call_everything(client)
        await _be_odd(harness)
        assert {heard.params["api_key"] for heard in old.of("getNumber")} == {OLDS}
        assert {heard.params["api_key"] for heard in new.of("getNumber")} == {NEWS}
        await harness.act("rollback", "enough")
        _search({"client's headers": " ".join(answer.error for answer in client.answers).encode()})
        _search({page: body async for page, body in _pages(harness)})
        _search(_files(tmp_path))
        assert await harness.stop() == 0
    output, files = "".join(harness.output), _files(tmp_path)
    _search({**files, "output": output.encode()})
    assert "a purchase on" in output, "the failures were logged"
    assert any(fingerprint(CLIENTS).encode() in content for content in files.values()), "the leases are there"


async def test_no_token_is_anywhere(tmp_path: Path) -> None:
    """A provider's key is exchanged for tokens that expire and are refused: neither they nor the key are in the state,
    the recorded flows, the output or the admin's answers."""
    environ = {"OLD_SMS_KEY": OLDS, "NEW_SMS_KEY": NEWS, "NEW_SMS_USER": "somebody"}
    behaviour = Behaviour(dialect="textverified", token_lifetime=3600, keys_refused=False)
    side = {
        "provider": "textverified",
        "headers": {"X-API-USERNAME": {"env": "NEW_SMS_USER"}},
        "timeout": "500ms",
    }
    async with (
        ScriptedUpstream(otherwise=says("ACCESS_NUMBER:1:7123456789")) as old,
        Provider(behaviour, seed="new", keys=[NEWS]) as new,
        Harness(
            tmp_path,
            policy(old.url, new.url, stages=HALF, new=side),
            ("--log-level", "debug", "--record", str(tmp_path / "flows")),
            environ=environ,
        ) as harness,
        Client(harness.url, key=CLIENTS) as client,
    ):
        tokens = new._desk._shop.tokens
        for knobs in ({}, {"keys_refused": True}, {"hang": 1.0}, {"html_error": 1.0}, {"reset": 1.0}, {}):
            await new.change({"keys_refused": None, "hang": None, "html_error": None, "reset": None, **knobs})
            for _ in range(4):
                await client.call("getNumber", service="tg", country="187")
            for token in [*tokens][-1:]:
                tokens[token] = ("", 0.0)  # refused from now on
        assert len(tokens) > 1
        assert any(lease.key == fingerprint(NEWS) for lease in new.books.leases)
        secrets = (*tokens, NEWS, "somebody")
        _search({page: body async for page, body in _pages(harness)}, secrets)
        assert await harness.stop() == 0
    _search({**_files(tmp_path), "output": "".join(harness.output).encode()}, secrets)


async def _succeed(client: Client, old: ScriptedUpstream, new: ScriptedUpstream) -> None:
    for arm, first in ((old, 1000), (new, 2000)):
        arm.answers(
            getNumber=_numbers(iter(range(first, first + 1000))),
            getStatus="STATUS_OK:1234",
            setStatus="ACCESS_ACTIVATION",
            getBalance="ACCESS_BALANCE:1",
        )
    for lease in (await client.buy_from("old", "new")).values():
        await client.status_of(lease)
        await client.call("setStatus", id=lease.id, status="6")
    await client.call("getBalance")


def _numbers(numbers: Iterator[int]) -> Play:
    async def play(wire: Wire, heard: Heard) -> None:
        number = next(numbers)
        await wire.send(response(f"ACCESS_NUMBER:{number}:7{number}"))

    return play


async def _call_everything(client: Client) -> None:
    """Every kind of call, several purchases among them so that both arms have their turn."""
    calls = [client.buy() for _ in range(8)]
    calls += [
        client.call(action, id="1000") for action in ("getStatus", "setStatus", "getPrices", "getBalance")
    ]
    calls += [client.call(action) for action in ("getActiveActivations", "getNumbersStatus", "noSuchAction")]
    await asyncio.gather(*calls)


async def _be_odd(harness: Harness) -> None:
    """Keys where few clients have them."""
    json_body = json.dumps({"api_key": CLIENTS, "action": "getBalance"})
    async with aiohttp.ClientSession() as session:
        for method, url, more in (
            ("GET", "?action=getBalance", {"headers": {"X-ApiKey": CLIENTS}}),
            ("GET", "?action=getBalance", {"headers": {"Authorization": f"ApiKey {CLIENTS}"}}),
            ("GET", "?action=getBalance", {"headers": {"Cookie": f"sid={CLIENTS}"}}),
            (
                "GET",
                f"?action=getBalance&api_key={CLIENTS}",
                {"headers": {"Referer": f"http://a/?api_key={CLIENTS}"}},
            ),
            ("POST", "", {"data": {"action": "getNumber", "service": "tg", "api_key": CLIENTS}}),
            ("POST", "?action=getBalance", {"data": json_body}),
            ("GET", f"?api_key={quote(CLIENTS)}&api_key={CLIENTS}&action=getNumber&action=getBalance", {}),
            ("GET", f"?API_KEY={quote(CLIENTS)}&apikey={quote(CLIENTS)}&action=getBalance", {}),
            ("GET", f"?action=getBalance%00&api_key={quote(CLIENTS)}", {}),
        ):
            async with session.request(method, harness.url + url, **more) as answer:
                await answer.read()
        async with session.get(f"{harness.proxy}/api/other.php?api_key={quote(CLIENTS)}") as answer:
            await answer.read()
    await _no_http(harness.proxy)


async def _no_http(proxy: str) -> None:
    reader, writer = await asyncio.open_connection(urlsplit(proxy).hostname, urlsplit(proxy).port)
    writer.write(
        f"GET /stubs/handler_api.php?api_key={CLIENTS} nonsense\r\nX-ApiKey {CLIENTS}\r\n\r\n".encode()
    )
    await reader.read()
    writer.close()


async def _pages(harness: Harness) -> AsyncIterator[tuple[str, bytes]]:
    headers = {"Authorization": f"Bearer {harness.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for page in PAGES:
            async with session.get(harness.admin + page) as answer:
                yield page, await answer.read()


def _files(folder: Path) -> dict[str, bytes]:
    """Everything below the folder that the harness ran in: policy, state and what SQLite keeps beside it."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _search(places: dict[str, bytes], secrets: Iterable[str] = (CLIENTS, OLDS, NEWS)) -> None:
    assert places
    for name, content in places.items():
        for key in secrets:
            for spelling in _spellings(key):
                at = content.find(spelling)
                assert at < 0, f"{name}: {content[max(0, at - 200) : at + 60]!r}"


def _spellings(key: str) -> set[bytes]:
    escaped = {quote(key, safe=""), quote(key), quote_plus(key)}
    plain = {key, *escaped, *(one.lower() for one in escaped), json.dumps(key)[1:-1].replace("/", "\\/")}
    return {one.encode() for one in plain} | {b64encode(key.encode())}
