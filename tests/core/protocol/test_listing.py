"""Lists of open activations in every dialect."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.protocol.listing import Listed, listed

SA_ROW = (
    '{"activationId":"635468024","serviceCode":"vk","phoneNumber":"79584123456","activationCost":"12.50",'
    '"activationStatus":"4","smsCode":["4711"],"smsText":"[\\"Code\\"]","activationTime":"2022-06-01 16:59:16",'
    '"countryCode":"2","currency":"840"}'
)
SA = Listed("635468024", "vk", "2", "2022-06-01 16:59:16", Decimal("12.50"), has_code=True)
HERO_ROW = (
    '{"activationId":635468024,"serviceCode":"tg","activationCost":0.25,"countryCode":6,"smsCode":null,'
    '"smsText":"","activationTime":"2026-01-05T10:00:00+00:00"}'
)
HERO = Listed("635468024", "tg", "6", "2026-01-05T10:00:00+00:00", Decimal("0.25"))


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ('{"status":"success","activeActivations":[' + SA_ROW + "]}", (SA,)),
        ('{"status":"success","data":[' + HERO_ROW + "]}", (HERO,)),
        ('{"data":[],"activeActivations":{"row":null,"rows":[' + HERO_ROW + "]}}", (HERO,)),
        ('{"data":[],"activeActivations":{"row":null,"rows":[]}}', ()),
        ("[" + HERO_ROW + "]", (HERO,)),
        ('{"status":"success","array":{"0":' + SA_ROW + "}}", (SA,)),
        ('\ufeff[{"id":7}]\n', (Listed("7", "", "", ""),)),
        ('[{"phone":"79"},7,null]', ()),
        ("NO_ACTIVATIONS", None),
        ('{"status":"success"}', None),
        ('{"status":"error","error":"NO_ACTIVATIONS"}', None),
        ("[{", None),
        ("", None),
    ],
)  # fmt: skip
def test_lists_of_every_dialect_are_read(body: str, rows: tuple[Listed, ...] | None) -> None:
    """Id, service, country, price, beginning and whether a code came; what is no list is none."""
    assert listed(body.encode()) == rows


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "rows", "activationId", "id", "0"]) | st.text(max_size=5), inner
        )
    ),
    max_leaves=10,
)


@given(json_values)
def test_arbitrary_json_never_raises(value: object) -> None:
    """Whatever comes, each row that is believed has an id."""
    assert all(row.id for row in listed(json.dumps(value).encode()) or ())


@given(st.binary(max_size=100))
def test_arbitrary_bytes_never_raise(body: bytes) -> None:
    """Nor does what is no JSON."""
    listed(body)
