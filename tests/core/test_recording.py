"""What a recording keeps, and what of it may be sent again."""

from urllib.parse import parse_qs

import pytest

from canary.core.actions import CATALOGUE
from canary.core.model import Effect, Response
from canary.core.protocol.parse import parse
from canary.core.recording import Recorded, kept, may_repeat
from tests.factories import CLIENT_KEY, NOW, PATH, tcall, treq

CODE = b"STATUS_OK:918273"
HEADERS = (("Content-Type", "text/html"), ("Set-Cookie", "session=1"), ("x-canary-arm", "old"))


def recorded(action: str, body: bytes = CODE, **params: str) -> Recorded:
    """An exchange as it is kept."""
    request = treq(action, **params)
    return kept(parse(request), request, Response(200, HEADERS, body), NOW)


def params(one: Recorded) -> dict[str, str]:
    """What it asked for."""
    return {name: value for name, [value] in parse_qs(one.request.query).items()}


def test_a_read_of_the_market_is_kept_but_for_its_key() -> None:
    """Parameters and body as they were; of the headers those that tell how to read it."""
    one = recorded("getPrices", b'{"6":{}}', service="tg", country="6")
    assert params(one) == {"action": "getPrices", "service": "tg", "country": "6"}
    assert one.response == Response(200, (HEADERS[0], HEADERS[2]), b'{"6":{}}')
    assert (one.request.path, one.at, one.request.client) == (PATH, NOW, "")


@pytest.mark.parametrize("action", [one.name for one in CATALOGUE if one.effect is not Effect.GLOBAL_READ])
def test_of_everything_else_the_action_alone_is_kept(action: str) -> None:
    """No id, phone, code or message; a balance has none of them."""
    one = recorded(action, id="635468024", phoneException="7918")
    if action.startswith("getBalance"):
        assert one.response is not None
        assert one.response.body == CODE
        return
    assert params(one) == {"action": action}
    assert one.response == Response(200, (HEADERS[0], HEADERS[2]))


def test_an_unknown_action_is_kept_without_its_name() -> None:
    """Whatever stands there, it may be anything."""
    assert params(recorded("sendMeTheSecret", secret="x")) == {"action": "other"}


def test_an_answer_that_quotes_the_key_is_kept_without_it() -> None:
    """Some providers repeat what they refuse."""
    one = recorded("getPrices", f"BAD_KEY api_key={CLIENT_KEY}".encode())
    assert one.response is not None
    assert one.response.body == b"BAD_KEY api_key=[redacted]"


@pytest.mark.parametrize("action", [one.name for one in CATALOGUE] + ["noSuch"])
def test_only_reads_of_no_lease_may_be_repeated(action: str) -> None:
    """The rule of shadow copies."""
    call = tcall(action, id="7")
    assert may_repeat(call) == (call.effect in {Effect.GLOBAL_READ, Effect.ACCOUNT_READ})
