"""Webhooks as bodies: whose they are, and what the client gets to see."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.model import Kind, LeaseState
from canary.core.money import Result, result_of
from canary.core.webhook import Told, for_client, heard, told
from tests.factories import NOW, tlease

CODE = {
    "service": "tg",
    "text": "Your code is 12345",
    "code": "12345",
    "country": 6,
    "receivedAt": "2025-01-01 10:00:00",
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"activationId": 635468024, **CODE}, Told(Kind.ACTIVATION, "635468024", "activationId", True)),
        ({"activationId": "635468024", **CODE}, Told(Kind.ACTIVATION, "635468024", "activationId", True)),
        (
            {"activationId": "lr_01KDX", "code": None},
            Told(Kind.ACTIVATION, "lr_01KDX", "activationId", False),
        ),
        (
            {"activationId": 1, "code": "Нет кода", "text": ""},
            Told(Kind.ACTIVATION, "1", "activationId", False),
        ),
        ({"activationId": 1, "code": "", "text": "hello"}, Told(Kind.ACTIVATION, "1", "activationId", True)),
        (
            {"rentId": 1049, "sms": {"phoneFrom": "WA", "text": "12345", "date": "x"}},
            Told(Kind.RENT, "1049", "rentId", True),
        ),
        ({"rentId": 1049, "sms": []}, Told(Kind.RENT, "1049", "rentId", False)),
        ({"activationId": True}, None),
        ({"activationId": ""}, None),
        ({"activationId": 1.5}, None),
        ({"activationId": "x" * 201}, None),
        ({"test": True}, None),
        ([{"activationId": 1}], None),
        ("activationId", None),
    ],
)
def test_a_body_names_its_lease(body: object, expected: Told | None) -> None:
    """By activationId or rentId, a number or a text; what names none is nobody's."""
    assert told(json.dumps(body).encode()) == expected


def test_the_client_sees_its_own_id_and_every_other_byte() -> None:
    """White space, order and the way of writing stay; a number stays a number, and a code like the id stays."""
    body = b'\xef\xbb\xbf{ "code":"77",\n "activationId" :77, "text": "77 \\u00e9"}\r\n'
    what = told(body)
    assert what is not None
    assert for_client(body, what, "1234") == body.replace(b":77,", b":1234,")
    assert for_client(body, what, "77") == body
    assert (
        for_client(b'{"activationId": "77"}', told(b'{"activationId": "77"}'), "1234")
        == b'{"activationId": "1234"}'
    )
    assert for_client(b"anything", None, "1234") == b"anything"


def test_a_code_by_webhook_is_a_success() -> None:
    """The lease lives on until its client finishes it, and is paid for from now on."""
    lease = heard(tlease(), NOW + 9)
    assert (lease.code_at, lease.state, lease.seen_at) == (NOW + 9, LeaseState.OPEN, NOW + 9)
    assert result_of(lease) is Result.SUCCESS
    assert heard(lease, NOW + 20).code_at == NOW + 9


_BODIES = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["activationId", "rentId", "sms", "code", "text", "x"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    ).map(lambda data: json.dumps(data).encode()),
)


@given(_BODIES)
def test_no_body_raises(body: bytes) -> None:
    """Whatever comes is passed on; only the id that it names is ever another."""
    what = told(body)
    assert for_client(body, what, what.id if what else "1") == body
    changed = for_client(body, what, "2147483000")
    again = told(changed)
    if what is not None:
        assert again == Told(what.kind, "2147483000", what.field, what.has_code)
        assert for_client(changed, again, what.id) is not None
