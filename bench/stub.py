"""The bench's upstream where nginx is not installed: ``python -m bench.stub PEM`` serves both arms.

Prints ``ready`` and the four ports: old plain, old TLS, new plain, new TLS.
"""

import asyncio
import itertools
import ssl
import sys
from typing import override
from urllib.parse import parse_qs

from bench import mix

_ids = itertools.count(100_000_000)


def reply_to(query: str) -> str:
    """The body for a query."""
    said = parse_qs(query)
    action = said.get("action", [""])[0]
    if action == "getNumber":
        return f"ACCESS_NUMBER:{next(_ids)}:{mix.PHONE}"
    if "poll" in said:
        return mix.LAST_POLL
    return mix.REPLIES.get(action, "BAD_ACTION")


class _Server(asyncio.Protocol):
    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._data = b""

    @override
    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._data.endswith(b"\r\n\r\n"):
            return
        head, self._data = self._data.lower(), b""
        close = b"\r\nconnection: close" in head
        body = reply_to(data.split(b" ", 2)[1].decode().partition("?")[2]).encode()
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Length: %d\r\n"
            b"Connection: %s\r\n\r\n%s" % (len(body), b"close" if close else b"keep-alive", body)
        )
        if close:
            self._transport.close()


async def main(pem: str) -> None:
    """Serve until ended."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(_Server, "127.0.0.1", 0, ssl=tls, backlog=4096)
        for tls in (None, context, None, context)
    ]
    print("ready", *(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
