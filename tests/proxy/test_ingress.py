"""The embedded mitmproxy over real sockets: what goes in, what comes out, how it starts and ends."""

import logging
import ssl
from pathlib import Path

import pytest
import trustme

from canary.gateway.ingress import IngressError
from canary.proxy.ingress import Ingress, Listen
from tests.clients import Client, connected, request
from tests.factories import CLIENT_KEY, PATH
from tests.proxy.conftest import Opening
from tests.upstreams import ScriptedUpstream, closes, response
from tests.wire.handlers import Handler

HTML = ("Content-Type", "text/html; charset=UTF-8")


# --- start and end ---------------------------------------------------------------------------------------------------


async def test_a_folder_that_cannot_hold_the_ca_is_said_in_a_sentence(tmp_path: Path) -> None:
    """mitmproxy keeps its CA in a folder; when it cannot, the message names the folder and the remedy."""
    (tmp_path / "conf").write_text("a file")
    ingress = Ingress(Listen("127.0.0.1", 0, ("a.invalid",), tmp_path / "conf" / "dir"), Handler())
    with pytest.raises(IngressError, match=r"conf/dir: Not a directory; .*--confdir"):
        await ingress.start()
    await ingress.stop()


async def test_a_broken_ca_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A file that holds no certificate."""
    (tmp_path / "mitmproxy-ca.pem").write_text("junk")
    ingress = Ingress(Listen("127.0.0.1", 0, ("a.invalid",), tmp_path), Handler())
    with pytest.raises(IngressError, match=r"mitmproxy's CA cannot be kept in .*--confdir"):
        await ingress.start()
    await ingress.stop()


async def test_a_reverse_proxy_makes_no_ca(
    opened: Opening, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody needs one there, and a container's home may be read-only."""
    monkeypatch.setenv("HOME", str(tmp_path))
    async with opened(Handler()):
        assert _files(tmp_path) == []


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_what_never_started_can_be_ended() -> None:
    """An end after a start that failed elsewhere is no second failure."""
    ingress = Ingress(Listen("127.0.0.1", 0), Handler())
    assert await ingress.drain(lambda: 0, 1.0)
    await ingress.stop()


async def test_log_levels_stay_as_they_were(opened: Opening) -> None:
    """mitmproxy turns the root logger up to DEBUG; that is undone, and its handlers go with it."""
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    handlers = list(root.handlers)
    async with opened(Handler()):
        assert root.level == logging.WARNING
    assert root.handlers == handlers


# --- regular mode ---------------------------------------------------------------------------------------------------


def _trust(confdir: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(confdir / "mitmproxy-ca-cert.pem"))


async def _tunnel(client: Client, host: str, port: int) -> None:
    await client.send(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    assert (await client.reader.readuntil(b"\r\n\r\n")).split(b" ")[1] == b"200"


@pytest.mark.parametrize(
    "host", ["sms-activate.invalid", "api.sms-activate.invalid", "API.SMS-Activate.invalid"]
)
async def test_a_listed_host_is_answered_through_its_tunnel(
    opened: Opening, confdir: Path, host: str
) -> None:
    """TLS ends here, with a certificate of mitmproxy's CA for that host, whether the host exists or not."""
    handle = Handler()
    async with (
        opened(handle, intercept=("sms-activate.invalid",)) as ingress,
        connected(ingress.address) as client,
    ):
        await _tunnel(client, host, 443)
        await client.upgrade(_trust(confdir), host)
        for _ in range(2):
            got = await client.ask(request().replace(b"localhost", host.encode()))
            assert got.body == b"ACCESS_BALANCE:17.15"
    assert handle.asked[0].path == PATH
    assert f"api_key={CLIENT_KEY}" in handle.asked[0].query


async def test_a_listed_host_is_answered_without_a_tunnel(opened: Opening) -> None:
    """Plain http to a proxy writes the whole URL."""
    handle = Handler()
    async with (
        opened(handle, intercept=("sms-activate.invalid",)) as ingress,
        connected(ingress.address) as client,
    ):
        line = (
            f"GET http://sms-activate.invalid{PATH}?action=a HTTP/1.1\r\nHost: sms-activate.invalid\r\n\r\n"
        )
        assert (await client.ask(line.encode())).status == 200
    assert (handle.asked[0].path, handle.asked[0].query) == (PATH, "action=a")


async def test_another_host_passes_untouched_through_its_tunnel(opened: Opening, tmp_path: Path) -> None:
    """Its own certificate, its own bytes, and nothing for the gateway."""
    ca = trustme.CA()
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(served)
    trust = ssl.create_default_context()
    ca.configure_trust(trust)
    handle = Handler()
    async with (
        ScriptedUpstream(served) as elsewhere,
        opened(handle, intercept=("sms-activate.invalid",)) as ingress,
        connected(ingress.address) as client,
    ):
        elsewhere.otherwise = closes(response("elsewhere"))
        await _tunnel(client, "localhost", elsewhere.port)
        await client.upgrade(trust, "localhost")
        got = await client.ask(request("getNumber"))
        assert got.body == b"elsewhere"
        assert elsewhere.heard[0].head == request("getNumber").removesuffix(b"\r\n\r\n")
    assert handle.asked == []


async def test_another_host_passes_without_a_tunnel(opened: Opening) -> None:
    """Plain http to a host that is not listed reaches that host."""
    handle = Handler()
    async with (
        ScriptedUpstream() as elsewhere,
        opened(handle, intercept=("sms-activate.invalid",)) as ingress,
        connected(ingress.address) as client,
    ):
        got = await client.ask(
            f"GET {elsewhere.url}?action=getNumber HTTP/1.1\r\nHost: 127.0.0.1:{elsewhere.port}\r\n\r\n".encode()
        )
        assert got.body == b"BAD_ACTION"
        assert elsewhere.heard[0].query == "action=getNumber"
    assert handle.asked == []


@pytest.mark.parametrize("host", ["notsms-activate.invalid", "sms-activate.invalid.evil.invalid"])
async def test_a_host_that_looks_like_a_listed_one_is_not(opened: Opening, host: str) -> None:
    """Only the host itself and what is below it."""
    handle = Handler()
    async with (
        opened(handle, intercept=("sms-activate.invalid",)) as ingress,
        connected(ingress.address) as client,
    ):
        await client.send(f"GET http://{host}{PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert (await client.reader.readuntil(b"\r\n")).split(b" ")[1] == b"502"
    assert handle.asked == []
