"""Keys kept out of mitmproxy's flows and log lines."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.test import tutils

from canary.proxy.secrets import Redaction, hide_key
from tests.factories import CLIENT_KEY

KEY = CLIENT_KEY.encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"path": b"/stubs/handler_api.php?api_key=" + KEY + b"&action=getBalance"},
        {"path": b"/stubs/handler_api.php?action=getBalance&API_KEY=" + KEY},
        {"path": b"/stubs/handler_api.php?api%5Fkey=" + KEY},
        {"path": b"/other?apikey=" + KEY},
        {"headers": ((b"X-ApiKey", KEY),)},
        {"headers": ((b"X-API-Key", KEY), (b"api-key", KEY))},
        {"headers": ((b"Authorization", b"ApiKey " + KEY),)},
        {"headers": ((b"authorization", b"Bearer " + KEY),)},
        {"headers": ((b"Cookie", b"sid=" + KEY),)},
        {"headers": ((b"Referer", b"http://a/?api_key=" + KEY),)},
        {"content": b"action=getBalance&api_key=" + KEY},
        {"content": b'{"action": "getBalance", "api_key": "' + KEY + b'"}'},
        {"content": b'--x\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n' + KEY + b"\r\n--x--"},
        {"content": b"<api_key>" + KEY + b"</api_key>"},
    ],
)
def test_a_key_is_hidden_wherever_it_is(changes: dict[str, object]) -> None:
    """Path, headers and bodies of any kind."""
    request = tutils.treq(**changes)
    hide_key(request)
    assert CLIENT_KEY not in str(request.get_state())


def test_what_is_no_secret_stays() -> None:
    """The rest of the request is what the operator wants to see."""
    request = tutils.treq(
        path=b"/h?action=getNumber&service=tg", content=b"a=1", headers=((b"User-Agent", b"PHP"),)
    )
    before = request.get_state()
    hide_key(request)
    assert request.get_state() == before


@given(st.binary(max_size=200))
def test_any_request_can_be_hidden(junk: bytes) -> None:
    """Whatever a client sent: hiding raises nothing."""
    request = tutils.treq(path=b"/" + junk, content=junk, headers=((b"X", junk),))
    hide_key(request)


def test_log_records_lose_their_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """In the message, in its arguments and in a traceback; other handlers' records are left alone."""
    handler = logging.StreamHandler()
    logger = logging.getLogger()
    logger.addHandler(handler)
    redaction = Redaction()
    redaction.install(handler)
    try:
        logging.error("Bad HTTP request line: %r", b"GET /?api_key=" + KEY)
        try:
            raise ValueError(f"api_key={CLIENT_KEY}")
        except ValueError:
            logging.exception("api_key=%s", CLIENT_KEY)
    finally:
        redaction.uninstall()
        logger.removeHandler(handler)
    said = capsys.readouterr().err
    assert "Bad HTTP request line" in said
    assert "ValueError" in said
    assert CLIENT_KEY not in said
    assert redaction not in handler.filters
