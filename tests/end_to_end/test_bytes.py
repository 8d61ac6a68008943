"""Replies through the whole process, byte for byte, beside the same replies fetched from the upstream itself."""

import asyncio
import gzip
import http.client
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.end_to_end.rig import Harness, policy
from tests.factories import CLIENT_KEY
from tests.upstreams import Pairs, Play, ScriptedUpstream, chunked, raw, response

pytestmark = pytest.mark.end_to_end

NONE = [{"name": "none", "weight": "0%"}]
STOCK = json.dumps({f"s{n}_0": n for n in range(5000)}, indent=1).encode()
HTML: Pairs = (("Content-Type", "text/html; charset=UTF-8"),)
JSON: Pairs = (("Content-Type", "application/json"),)
GZIP: Pairs = (("Content-Encoding", "gzip"),)
# a body is framed anew at every hop, and the last header says which arm it was
FRAMING = {"content-length", "transfer-encoding", "connection", "x-canary-arm"}

REPLIES: dict[str, tuple[str, Play]] = {
    "balance": ("getBalance", raw(response("ACCESS_BALANCE:17.154"))),
    "trailing newline": ("getBalance", raw(response("ACCESS_BALANCE:17.154\n"))),
    "bytes that are no text": ("getBalance", raw(response(bytes(range(256))))),
    "empty 200": ("getBalance", raw(response(b""))),
    "no content type": ("getBalance", raw(response("ACCESS_BALANCE:1", headers=()))),
    "headers": (
        "getBalance",
        raw(
            response(
                "NO_BALANCE", headers=(*HTML, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Odd", ""))
            )
        ),
    ),
    "JSON": ("getNumbersStatus", raw(response(STOCK, headers=JSON))),
    "gzip": ("getNumbersStatus", raw(response(gzip.compress(STOCK), headers=(*JSON, *GZIP)))),
    "deflate": (
        "getPrices",
        raw(response(zlib.compress(STOCK), headers=(*HTML, ("Content-Encoding", "deflate")))),
    ),
    "broken gzip": ("getPrices", raw(response(gzip.compress(STOCK)[:-9], headers=(*JSON, *GZIP)))),
    "chunked": ("getNumbersStatus", raw(chunked(STOCK, 1000))),
    "chunked gzip": ("getPrices", raw(chunked(gzip.compress(STOCK), 1000, headers=(*JSON, *GZIP)))),
    "a number": ("getNumber", raw(response("ACCESS_NUMBER:635468024:79584123456"))),
    "a number in gzip": (
        "getNumber",
        raw(response(gzip.compress(b"ACCESS_NUMBER:635468025:7958"), headers=GZIP)),
    ),
    "a number in chunks": (
        "getNumberV2",
        raw(chunked(b'{"activationId": 635468026, "phoneNumber": "7958"}')),
    ),
    "no content": ("setStatus", raw(b"HTTP/1.1 204 No Content\r\n\r\n")),
    "not modified": ("getCountries", raw(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')),
    "moved": ("getBalance", raw(response("", 302, (("Location", "https://elsewhere.example/"),)))),
    "bad request": ("setStatus", raw(response('{"title": "BAD_STATUS"}', 400, JSON))),
    "not found": ("getStatus", raw(response('{"title": "NOT_FOUND"}', 404, JSON))),
    "too many": ("getNumber", raw(response("1020", 429, (*HTML, ("Retry-After", "10"))))),
    "server error": ("getNumber", raw(response("<html>oops</html>", 500))),
    "bad gateway": ("getPrices", raw(response(b"<html>\xff</html>", 502))),
}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


async def test_replies_pass_byte_for_byte(tmp_path: Path, ingress: tuple[str, str]) -> None:
    """Status, headers and body, whatever their coding, framing and status, are those that the upstream sent."""
    async with (
        ScriptedUpstream() as old,
        Harness(tmp_path, policy(old.url, old.url, stages=NONE), ingress) as harness,
    ):
        for name, (action, play) in REPLIES.items():
            old.answers(**{action: play})
            direct = await asyncio.to_thread(_fetch, old.url, action)
            through = await asyncio.to_thread(_fetch, harness.url, action)
            assert through == direct, name


async def test_the_arm_header_can_be_turned_off(tmp_path: Path) -> None:
    """Then a reply has nothing in it that the upstream did not send."""
    async with (
        ScriptedUpstream() as old,
        Harness(tmp_path, policy(old.url, old.url, stages=NONE, arm_header=False)) as harness,
    ):
        old.answers(getBalance="ACCESS_BALANCE:17.154")
        direct = await asyncio.to_thread(_fetch, old.url, "getBalance", frozenset())
        assert await asyncio.to_thread(_fetch, harness.url, "getBalance", frozenset()) == direct


def _fetch(url: str, action: str, ignored: frozenset[str] | set[str] = FRAMING) -> Reply:
    """One call with the standard library's client, which decodes nothing but the framing."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        query = urlencode({"api_key": CLIENT_KEY, "action": action, "id": "7", "service": "tg"})
        connection.request("GET", f"{parts.path}?{query}", headers={"Accept-Encoding": "gzip, deflate"})
        answer = connection.getresponse()
        headers = [(name.lower(), value) for name, value in answer.getheaders()]
        return Reply(answer.status, [h for h in headers if h[0] not in ignored], answer.read())
    finally:
        connection.close()
