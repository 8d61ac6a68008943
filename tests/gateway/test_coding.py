"""Content codings: each is undone for reading, and nothing that claims to be one does harm."""

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from canary.gateway import coding
from canary.gateway.coding import UndecodableError, decode

BODY = b'{"status":"success","activeActivations":[' + b'{"activationId":"635468024"},' * 50 + b"{}]}"


def _raw_deflate(body: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(body) + machine.flush()


def _streamed_zstd(body: bytes) -> bytes:
    machine = zstandard.ZstdCompressor().compressobj()  # no content size in the frame, as servers stream it
    return machine.compress(body) + machine.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZip": gzip.compress,
    "deflate": zlib.compress,
    " deflate ": _raw_deflate,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "ZSTD": _streamed_zstd,
    "identity": bytes,
}
PACKED = [name for name in ENCODERS if name != "identity"]


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("body", [b"", b"STATUS_WAIT_CODE", BODY], ids=["empty", "short", "long"])
def test_every_coding_is_undone(name: str, body: bytes) -> None:
    """What an arm packed is read as it was before."""
    assert decode(ENCODERS[name](body), name) == body


def test_codings_are_undone_from_the_last_to_the_first() -> None:
    """Two codings were applied in the order in which the header names them."""
    assert decode(brotli.compress(gzip.compress(BODY)), "gzip, br") == BODY
    assert decode(BODY, "") == BODY
    assert decode(BODY, " , identity,") == BODY


@pytest.mark.parametrize(("name", "encode"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_body_in_several_members_is_one(name: str, encode: Callable[[bytes], bytes]) -> None:
    """gzip and zstd allow one stream behind the other; an edited reply must not lose the later ones."""
    assert decode(encode(b"ACCESS_") + encode(b"READY"), name) == b"ACCESS_READY"


@pytest.mark.parametrize("name", PACKED)
def test_a_body_that_is_cut_short_is_undecodable(name: str) -> None:
    """Half a reply is not taken for a whole one."""
    packed = ENCODERS[name](BODY)
    for length in (0, 1, len(packed) // 2, len(packed) - 1):
        with pytest.raises(UndecodableError):
            decode(packed[:length], name)


@pytest.mark.parametrize("name", PACKED)
def test_a_body_that_was_never_packed_is_undecodable(name: str) -> None:
    """A header that names a coding which was not applied."""
    with pytest.raises(UndecodableError):
        decode(b"ACCESS_NUMBER:635468024:79584123456", name)


@pytest.mark.parametrize("name", ["compress", "dcb", "gzip, rot13", "\u043a\u043e\u0434"])
def test_an_unknown_coding_is_undecodable(name: str) -> None:
    """A coding that nobody undoes here is said to be one."""
    with pytest.raises(UndecodableError, match="unknown content coding"):
        decode(BODY, name)


@pytest.mark.parametrize("name", PACKED)
def test_a_bomb_is_not_unpacked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small body that unpacks to a large one is undecodable; just below the bound it is read."""
    monkeypatch.setattr(coding, "MAX_DECODED", 2**16)
    with pytest.raises(UndecodableError):
        decode(ENCODERS[name](bytes(2**16 + 1)), name)
    assert decode(ENCODERS[name](bytes(2**16)), name) == bytes(2**16)


def test_a_bomb_takes_no_memory() -> None:
    """A bomb of zstd's cheapest blocks, 2 GB out of 64 KB, is left before it is unpacked."""
    block = (2**17 << 3 | 1 << 1).to_bytes(
        3, "little"
    ) + b"\0"  # RFC 8878 section 3.1.1.2: one byte, repeated
    header = bytes.fromhex("28b52ffd") + b"\x00" + bytes([(23 - 10) << 3])  # a window of 8 MB
    tracemalloc.start()
    with pytest.raises(UndecodableError):
        decode(header + block * 16384, "zstd")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * coding.MAX_DECODED


@given(st.sampled_from(PACKED), st.binary(max_size=200))
def test_junk_raises_nothing_else(name: str, junk: bytes) -> None:
    """Whatever an arm sends is decoded or undecodable."""
    with contextlib.suppress(UndecodableError):
        decode(junk, name)


@given(st.sampled_from(PACKED), st.binary(max_size=300), st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_body_raises_nothing_else(name: str, body: bytes, at: int, byte: int) -> None:
    """A flipped byte anywhere is decoded or undecodable."""
    packed = bytearray(ENCODERS[name](body))
    packed[at % len(packed)] = byte
    with contextlib.suppress(UndecodableError):
        decode(bytes(packed), name)
