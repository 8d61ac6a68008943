"""Who may read and write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.web.access import Access, is_loopback

TOKEN = "correct-token"


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
    access = Access(TOKEN, listens_on)
    assert access.may_read("", asked_for) is allowed
    assert access.may_read(f"Bearer {TOKEN}", asked_for)


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
