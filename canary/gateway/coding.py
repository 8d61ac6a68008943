"""Content codings of reply bodies: decoded copies for reading; the client always gets the coded bytes."""

import zlib
from collections.abc import Callable
from typing import Any

import brotli
import zstandard

MAX_DECODED = 32 * 1024 * 1024
"""Bytes that a decoded copy may have; a compressed bomb is read as undecodable, not unpacked."""


class UndecodableError(ValueError):
    """The body is not what its Content-Encoding says, or decodes to more than ``MAX_DECODED`` bytes."""


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


def _bounded(chunk: bytes, complete: bool) -> bytes:
    if not complete or len(chunk) > MAX_DECODED:
        raise UndecodableError(f"the body is cut short or decodes to more than {MAX_DECODED} bytes")
    return chunk


def _inflate(window: int) -> Callable[[bytes], bytes]:
    def inflate(body: bytes) -> bytes:
        machine = zlib.decompressobj(window)
        return _bounded(machine.decompress(body, MAX_DECODED), machine.eof)

    return inflate


def _deflate(body: bytes) -> bytes:
    # "deflate" means zlib-wrapped, but some servers send the raw stream
    try:
        return _inflate(zlib.MAX_WBITS)(body)
    except zlib.error:
        return _inflate(-zlib.MAX_WBITS)(body)


def _brotli(body: bytes) -> bytes:
    machine: Any = brotli.Decompressor()
    chunk: bytes = machine.process(body, output_buffer_limit=MAX_DECODED)
    return _bounded(chunk, machine.is_finished())


def _zstd(body: bytes) -> bytes:
    machine = zstandard.ZstdDecompressor(max_window_size=MAX_DECODED).decompressobj()
    chunk = machine.decompress(body)
    return _bounded(chunk, machine.eof)


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": _inflate(zlib.MAX_WBITS | 16),
    "x-gzip": _inflate(zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
