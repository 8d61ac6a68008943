"""Files of traffic: written beside the answers, and read again."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from canary.core.model import Request, Response
from canary.core.protocol.parse import parse
from canary.proxy.flowfile import FlowFileError, Recorder, recorded
from tests.factories import CLIENT_KEY, treq

PRICES = b'{"6":{"tg":{"cost":0.5,"count":7}}}'


async def gateway(request: Request) -> Response:
    """Answers everything alike."""
    return Response(200, (("content-type", "application/json"), ("x-canary-arm", "old")), PRICES)


async def record(path: Path, *requests: Request) -> None:
    """Record the answers to these."""
    recorder = Recorder(path, gateway)
    for request in requests:
        assert (await recorder.handle(request)).body == PRICES
    recorder.close()


async def test_what_was_recorded_is_read_again(tmp_path: Path) -> None:
    """Request and response, in order."""
    file = tmp_path / "traffic.flows"
    await record(file, treq("getPrices", service="tg"), treq("getNumber", service="tg"))
    prices, number = recorded(file)
    assert parse(prices.request).params == {"action": "getPrices", "service": "tg"}
    assert prices.response is not None
    assert (prices.response.status, prices.response.body) == (200, PRICES)
    assert prices.response.header("content-type") == "application/json"
    assert prices.response.header("x-canary-arm") == "old"
    assert number.response is not None
    assert number.response.body == b""


async def test_a_recording_holds_no_key_and_no_client(tmp_path: Path) -> None:
    """Wherever the client put it, and from wherever it came."""
    file = tmp_path / "traffic.flows"
    await record(
        file,
        treq("getPrices", client="203.0.113.77"),
        treq(
            "getPrices",
            key=None,
            headers=(("X-ApiKey", CLIENT_KEY), ("Authorization", f"ApiKey {CLIENT_KEY}")),
        ),
        treq("getPrices", method="POST", query="", body=f"action=getPrices&api_key={CLIENT_KEY}".encode()),
        treq("getPrices", note=f"api_key={CLIENT_KEY}"),
        treq("noSuchAction", token=CLIENT_KEY),
    )
    content = file.read_bytes()
    assert CLIENT_KEY.encode() not in content
    assert b"203.0.113.77" not in content
    assert len([*recorded(file)]) == 5


async def test_it_is_the_owners_alone_and_grows(tmp_path: Path) -> None:
    """A second run goes on where the first ended."""
    file = tmp_path / "traffic.flows"
    for _ in range(2):
        await record(file, treq("getPrices"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len([*recorded(file)]) == 2


async def test_what_is_no_handler_call_is_not_recorded(tmp_path: Path) -> None:
    """Another page of the same host."""
    file = tmp_path / "traffic.flows"
    await record(file, treq("getPrices", path="/index.html"))
    assert [*recorded(file)] == []


async def test_a_recording_that_fails_costs_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk ends the recording, is said once, and clients go on."""
    recorder = Recorder(tmp_path / "traffic.flows", gateway)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder._writer, "add", full)
    for _ in range(3):
        assert (await recorder.handle(treq("getPrices"))).body == PRICES
    assert caplog.text.count("the recording ends here") == 1


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """Before the first client comes."""
    with pytest.raises(FlowFileError, match=r"cannot be written: Is a directory; choose another file"):
        Recorder(tmp_path, gateway)


def test_a_har_is_read(tmp_path: Path) -> None:
    """As browsers and proxies export it."""
    file = tmp_path / "traffic.har"
    file.write_text(json.dumps({"log": {"entries": [entry("getPrices"), entry("getNumber")]}}))
    prices, number = recorded(file)
    assert parse(prices.request).params["action"] == "getPrices"
    assert prices.response is not None
    assert prices.response.body == PRICES
    assert parse(number.request).params["action"] == "getNumber"


def entry(action: str) -> dict[str, Any]:
    """One entry of a HAR."""
    return {
        "startedDateTime": "2025-06-01T17:30:57Z",
        "time": 12,
        "request": {
            "method": "GET",
            "url": f"https://api.sms-activate.org/stubs/handler_api.php?api_key=x&action={action}",
            "httpVersion": "HTTP/1.1",
            "headers": [],
        },
        "response": {
            "status": 200,
            "httpVersion": "HTTP/1.1",
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {"text": PRICES.decode(), "mimeType": "application/json"},
        },
    }


async def test_a_file_that_was_cut_short_is_read_as_far_as_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After kill -9 the last flow may be half there."""
    file = tmp_path / "traffic.flows"
    await record(file, treq("getPrices"), treq("getPrices"))
    content = file.read_bytes()
    file.write_bytes(content[:-20])
    assert len([*recorded(file)]) == 1
    assert "ends in the middle of a flow" in caplog.text


@pytest.mark.parametrize("content", [b"nothing of the kind", b"{}", b'{"log": 7}'])
def test_what_is_neither_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    """With the file's name."""
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    with pytest.raises(FlowFileError, match=r"notes\.txt is neither a file of mitmproxy flows nor a HAR"):
        [*recorded(file)]


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """And why."""
    with pytest.raises(FlowFileError, match="cannot be read: No such file"):
        [*recorded(tmp_path / "nothing")]
