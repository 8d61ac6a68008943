"""Who may read and write."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.web.access import Access, is_loopback

TOKEN = "correct-token"
GATE_TOKEN = "gate-token"


@pytest.mark.parametrize(
    ("authorization", "allowed"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN} ", True),
        ("Bearer wrong", False),
        ("Bearer ", False),
        ("", False),
        (TOKEN, False),
        (f"Basic {TOKEN}", False),
        (f"Bearer {TOKEN}x", False),
        ("Bearer кириллица", False),
    ],
)
def test_the_token_alone_opens_writing(authorization: str, allowed: bool) -> None:
    """Only the exact bearer token may write."""
    assert Access(TOKEN, "127.0.0.1").may_write(authorization) is allowed


@given(st.text())
def test_an_empty_token_opens_nothing(authorization: str) -> None:
    """A server without a token can be written by nobody."""
    access = Access("", "127.0.0.1")
    assert not access.may_write(authorization)
    assert not access.may_write("Bearer ")


@pytest.mark.parametrize(
    ("listens_on", "asked_for", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1:9900", True),
        ("127.0.0.1", "localhost:9900", True),
        ("::1", "[::1]:9900", True),
        ("localhost", "localhost", True),
        ("127.0.0.1", "evil.example:9900", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "[", False),
        ("0.0.0.0", "127.0.0.1:9900", False),
        ("10.0.0.7", "10.0.0.7:9900", False),
    ],
)
def test_reading_without_a_token_stays_on_the_machine(listens_on: str, asked_for: str, allowed: bool) -> None:
    """Without the token only a loopback server reads aloud, and only when asked for by a loopback name."""
    assert Access(TOKEN, listens_on).is_local(asked_for) is allowed


def basic(password: str) -> str:
    """The header that a user and password in a URL become."""
    return "Basic " + b64encode(f"gate:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "allowed"),
    [
        (f"Bearer {GATE_TOKEN}", True),
        (f"Bearer {TOKEN}", True),
        (basic(GATE_TOKEN), True),
        (basic(TOKEN), False),
        (basic(""), False),
        ("Basic !", False),
        ("Basic " + b64encode(b"\xff").decode(), False),
        ("Bearer wrong", False),
        (GATE_TOKEN, False),
        ("", False),
    ],
)
def test_the_gate_has_a_token_of_its_own(authorization: str, allowed: bool) -> None:
    """By header or as a URL's password it opens the gate, and never writing; the admin token belongs in no URL."""
    access = Access(TOKEN, "0.0.0.0", GATE_TOKEN)
    assert access.may_ask_gate(authorization) is allowed
    assert access.may_write(authorization) is (authorization == f"Bearer {TOKEN}")


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Basic ", basic("")])
def test_a_gate_without_a_token_opens_to_nobody(authorization: str) -> None:
    """An empty token is none."""
    assert not Access(TOKEN, "0.0.0.0").may_ask_gate(authorization)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("a.b", False),
    ],
)
def test_loopback_is_what_no_other_machine_reaches(host: str, loopback: bool) -> None:
    """Wildcard addresses and names are not loopback."""
    assert is_loopback(host) is loopback
