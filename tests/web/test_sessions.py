"""Signed-in browsers."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from canary.web.sessions import LASTS, MARK, Sessions
from tests.factories import FakeClock

TOKEN = "correct-token"


def given(sessions: Sessions) -> str:
    """The cookie that a browser is given."""
    response = web.Response()
    sessions.open(response, secure=False)
    return response.cookies[sessions.cookie].value


def asked(sessions: Sessions, cookie: str, **headers: str) -> web.Request:
    """A request that brings the cookie."""
    return make_mocked_request("POST", "/", {"cookie": f"{sessions.cookie}={cookie}", **headers})


def test_a_cookie_opens_until_it_expires() -> None:
    """Twelve hours, by the server's clock."""
    clock = FakeClock()
    sessions = Sessions(TOKEN, "t", clock)
    cookie = given(sessions)
    clock.advance(LASTS - 2)
    assert sessions.signed_in(asked(sessions, cookie))
    clock.advance(3)
    assert not sessions.signed_in(asked(sessions, cookie))


def test_a_write_needs_the_page_s_mark() -> None:
    """A page of another site may make the browser send its cookie, but cannot set a header."""
    sessions = Sessions(TOKEN, "t", FakeClock())
    cookie = given(sessions)
    assert not sessions.may_write(asked(sessions, cookie))
    assert sessions.may_write(asked(sessions, cookie, **{MARK: "1"}))


@pytest.mark.parametrize(
    "cookie", ["", ".", "9999999999", "9999999999.", "9999999999.00", "x.y", "٣.x", "9" * 40 + ".x"]
)
def test_what_nobody_was_given_opens_nothing(cookie: str) -> None:
    """Made up, empty, endless or foreign: refused."""
    sessions = Sessions(TOKEN, "t", FakeClock())
    assert not sessions.signed_in(asked(sessions, cookie.encode().decode("latin-1")))


def test_a_later_expiry_breaks_the_seal() -> None:
    """Nobody prolongs a cookie but the server."""
    sessions = Sessions(TOKEN, "t", FakeClock())
    expiry, _, seal = given(sessions).partition(".")
    assert not sessions.signed_in(asked(sessions, f"{int(expiry) + 1}.{seal}"))


def test_another_token_or_rollout_knows_it_not() -> None:
    """A changed token signs everybody out, and one rollout's cookie says nothing at another's."""
    sessions = Sessions(TOKEN, "t", FakeClock())
    cookie = given(sessions)
    for other in (Sessions("other-token", "t", FakeClock()), Sessions(TOKEN, "u", FakeClock())):
        assert not other.signed_in(asked(other, cookie))


def test_an_empty_token_signs_nobody_in() -> None:
    """Without a token there is no secret to seal with."""
    sessions = Sessions("", "t", FakeClock())
    assert not sessions.signed_in(asked(sessions, given(sessions)))


def test_the_cookie_is_kept_from_scripts_and_other_sites() -> None:
    """HttpOnly, SameSite=Strict, Secure where the browser came over HTTPS, and the token is not in it."""
    sessions = Sessions(TOKEN, "t", FakeClock())
    response = web.Response()
    sessions.open(response, secure=True)
    cookie = response.cookies[sessions.cookie]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Strict", True)
    assert TOKEN not in cookie.OutputString()


def test_an_expired_cookie_is_not_a_forged_one() -> None:
    """Whoever comes back the next day has guessed nothing; whoever brings a seal of their own has."""
    clock = FakeClock()
    sessions = Sessions(TOKEN, "t", clock)
    cookie = given(sessions)
    clock.advance(LASTS + 1)
    assert not sessions.is_forged(asked(sessions, cookie))
    assert not sessions.is_forged(asked(sessions, ""))
    assert sessions.is_forged(asked(sessions, cookie[:-1] + ("0" if cookie[-1] != "0" else "1")))
