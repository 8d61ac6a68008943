"""Content codings of reply bodies: decoded copies for reading; the client always gets the coded bytes."""

import logging
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import zstandard

from canary.core.model import Response

log = logging.getLogger(__name__)

MAX_DECODED = 32 * 1024 * 1024
"""Bytes that a decoded copy may have; a compressed bomb is read as undecodable, not unpacked."""

MAX_WINDOW = 8 * 1024 * 1024
"""Bytes that a zstd stream may look back; HTTP allows no more (RFC 9659)."""

MAX_MEMBERS = 64
"""Streams that may stand one behind the other in one body."""

type _Step = Callable[[bytes, int], tuple[bytes, bytes | None]]
# from packed bytes and a bound: the first stream's content, and what follows it (None when it does not end)


class UndecodableError(ValueError):
    """The body is not what its Content-Encoding says, or decodes to more than ``MAX_DECODED`` bytes."""


def content_of(response: Response) -> bytes | None:
    """A response's body for reading; ``None``, with a line in the log, when it cannot be decoded."""
    codings = response.header("content-encoding")
    if not codings or not response.body:
        return response.body
    try:
        return decode(response.body, codings)
    except UndecodableError as error:
        log.warning("a reply could not be decoded for reading: %s", error)
        return None


def decode(body: bytes, codings: str) -> bytes:
    """``body`` without the codings named by a Content-Encoding header value.

    Raises:
        UndecodableError: the coding is unknown, the data is broken, or it grows past ``MAX_DECODED``.
    """
    for coding in reversed([c.strip().lower() for c in codings.split(",") if c.strip()]):
        decoder = _DECODERS.get(coding)
        if decoder is None:
            raise UndecodableError(f"unknown content coding {coding!r}")
        try:
            body = decoder(body)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise UndecodableError(f"the body is not {coding}: {error}") from error
    return body


def _whole(step: _Step) -> Callable[[bytes], bytes]:
    def undo(body: bytes) -> bytes:
        whole, rest = step(body, MAX_DECODED + 1)
        for _ in range(MAX_MEMBERS):
            if rest is None or len(whole) > MAX_DECODED:
                break
            if not rest:
                return whole
            more, rest = step(rest, MAX_DECODED + 1 - len(whole))
            whole += more
        raise UndecodableError(f"the body is cut short or decodes to more than {MAX_DECODED} bytes")

    return undo


def _inflate(window: int) -> _Step:
    def inflate(body: bytes, bound: int) -> tuple[bytes, bytes | None]:
        machine = zlib.decompressobj(window)
        content = machine.decompress(body, bound)
        return content, machine.unused_data.lstrip(b"\0") if machine.eof else None

    return inflate


def _deflate(body: bytes, bound: int) -> tuple[bytes, bytes | None]:
    # "deflate" means zlib-wrapped, but some servers send the raw stream
    try:
        return _inflate(zlib.MAX_WBITS)(body, bound)
    except zlib.error:
        return _inflate(-zlib.MAX_WBITS)(body, bound)


def _brotli(body: bytes, bound: int) -> tuple[bytes, bytes | None]:
    machine: Any = brotli.Decompressor()
    content: bytes = machine.process(body, output_buffer_limit=bound)
    return content, b"" if machine.is_finished() else None


def _zstd(body: bytes, bound: int) -> tuple[bytes, bytes | None]:
    # the machine that knows a frame's end knows no bound, and the other way round: measure, then decode
    context = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    with context.stream_reader(body) as stream:
        measured = stream.read(bound)
    if len(measured) >= bound:
        return measured, None
    machine = context.decompressobj()
    content = machine.decompress(body)
    return content, machine.unused_data if machine.eof else None


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": _whole(_inflate(zlib.MAX_WBITS | 16)),
    "x-gzip": _whole(_inflate(zlib.MAX_WBITS | 16)),
    "deflate": _whole(_deflate),
    "br": _whole(_brotli),
    "zstd": _whole(_zstd),
}
