"""Bodies are edited between the bytes: ids, joined lists and sums change, everything else stays the provider's."""

import json
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from canary.core.model import Call
from canary.core.protocol.read import read
from canary.core.protocol.splice import ids_in, merge, replace_ids, sum_balance, without
from tests.core.protocol.samples import SAMPLES, Sample
from tests.factories import tcall

NUMBER = tcall("getNumber", service="tg")
ACTIVE = tcall("getActiveActivations")
SEVERAL = tcall("getStatusV2", id="1,2,3")
ALIASES = {"7": "1500000000"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ACCESS_NUMBER:7:79001234567", "ACCESS_NUMBER:1500000000:79001234567"),
        ("ACCESS_NUMBER:7:7", "ACCESS_NUMBER:1500000000:7"),
        (" ACCESS_NUMBER: 7:+7\r\n", " ACCESS_NUMBER: 1500000000:+7\r\n"),
        ("\ufeffACCESS_NUMBER:7:1", "\ufeffACCESS_NUMBER:1500000000:1"),
        ('"ACCESS_NUMBER:7:1"', '"ACCESS_NUMBER:1500000000:1"'),
        ("ACCESS_NUMBER:'7':'1'", "ACCESS_NUMBER:'1500000000':'1'"),
        ("access_number:7:1", "access_number:1500000000:1"),
        ("ADDITIONAL:7:1", "ADDITIONAL:1500000000:1"),
        ("ASLEEP:7:1:7", "ASLEEP:1500000000:1:7"),
        ("ACCESS_NUMBER:77:1", "ACCESS_NUMBER:77:1"),
        ("NO_NUMBERS", "NO_NUMBERS"),
        ('{"activationId":7,"phoneNumber":7}', '{"activationId":1500000000,"phoneNumber":7}'),
        ('{ "activationId" : "7" , "x":7.50}', '{ "activationId" : "1500000000" , "x":7.50}'),
        ('\ufeff{"activationId":7}', '\ufeff{"activationId":1500000000}'),
        ('{"phone":{"id":7,"number":"7"}}', '{"phone":{"id":1500000000,"number":"7"}}'),
        ('[{"activation":7,"phone":7},{"activation":8}]', '[{"activation":1500000000,"phone":7},{"activation":8}]'),
        ('{"activationId":true,"id":null,"n":{"id":"7"}}', '{"activationId":true,"id":null,"n":{"id":"1500000000"}}'),
        ('{"7":1,"service":"7","count":7}', '{"7":1,"service":"7","count":7}'),
        ('{"activationId":7', '{"activationId":7'),
        ("", ""),
    ],
)  # fmt: skip
def test_ids_are_replaced_in_id_fields_only(body: str, expected: str) -> None:
    """The arm's id becomes the client's in every dialect; the same digits elsewhere and odd bodies are left alone."""
    assert replace_ids(NUMBER, body.encode(), ALIASES) == expected.encode()


def test_a_map_by_id_gets_other_keys() -> None:
    """A reseller's answer for several ids names them as the client does."""
    body = b'{"7":"STATUS_OK:7", "8":"STATUS_WAIT_CODE"}'
    assert replace_ids(SEVERAL, body, ALIASES) == b'{"1500000000":"STATUS_OK:7", "8":"STATUS_WAIT_CODE"}'


def test_a_word_that_becomes_a_number_is_one_but_as_a_key() -> None:
    """Ids of providers that issue words are numbers to handler_api's clients; keys of an object stay strings."""
    body = b'{"activationId":"lr_1","phone":"lr_1"}'
    assert replace_ids(NUMBER, body, {"lr_1": "7"}) == b'{"activationId":7,"phone":"lr_1"}'
    assert replace_ids(SEVERAL, b'{"lr_1":"STATUS_CANCEL"}', {"lr_1": "7"}) == b'{"7":"STATUS_CANCEL"}'
    assert replace_ids(NUMBER, b"ACCESS_NUMBER:lr_1:7", {"lr_1": "7"}) == b"ACCESS_NUMBER:7:7"


def test_other_maps_keep_their_keys() -> None:
    """Country 7 of a price list is no lease 7."""
    body = b'{"7":{"tg":{"cost":7}}}'
    assert replace_ids(tcall("getPrices"), body, ALIASES) == body


def test_a_textual_alias_of_a_number_is_quoted() -> None:
    """Whatever the alias, the body stays JSON."""
    assert replace_ids(NUMBER, b'{"activationId":7}', {"7": "a-7"}) == b'{"activationId":"a-7"}'


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_unconcerned_replies_pass_to_the_byte(sample: Sample) -> None:
    """A reply that names none of the aliased ids is not touched."""
    assert replace_ids(sample.call, sample.body, {"999999999": "1"}) == sample.body


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.reply.issued], ids=str)
def test_purchases_show_the_alias_and_nothing_else_differs(sample: Sample) -> None:
    """After the edit a client reads the alias, and the very same reply otherwise; back again gives the same bytes."""
    own = [one.id for one in sample.reply.issued]
    there = {one: str(1_500_000_000 + i) for i, one in enumerate(own)}
    edited = replace_ids(sample.call, sample.body, there)
    reply = read(sample.call, sample.status, sample.content_type, edited)
    assert [one.id for one in reply.issued] == list(there.values())
    assert [one.phone for one in reply.issued] == [one.phone for one in sample.reply.issued]
    assert replace_ids(sample.call, edited, {alias: one for one, alias in there.items()}) == sample.body


ids = st.integers(1, 2**53).map(str)
spaces = st.sampled_from(["", " ", "\n\t"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(values, st.integers(1, 2**53), st.integers(1, 2**31), spaces, st.booleans())
def test_any_json_keeps_everything_but_the_id(
    value: object, own: int, alias: int, space: str, as_text: bool
) -> None:
    """Around an id any JSON stays as it is, to the byte, and the id keeps its type."""
    assume(str(own) not in json.dumps(value))
    shown = f'"{own}"' if as_text else str(own)
    body = f'{space}{{"other":{json.dumps(value)},{space}"activationId":{space}{shown}}}{space}'
    edited = replace_ids(NUMBER, body.encode(), {str(own): str(alias)})
    assert edited == body.replace(shown, shown.replace(str(own), str(alias))).encode()


@given(st.binary(max_size=80), st.dictionaries(ids, ids, max_size=3))
def test_editing_arbitrary_bytes_never_raises(body: bytes, mapping: dict[str, str]) -> None:
    """Bytes that are no reply come back as they were."""
    assert replace_ids(NUMBER, b"\xff" + body, mapping) == b"\xff" + body
    replace_ids(NUMBER, body, mapping)


@pytest.mark.parametrize(
    "body", [b'{"id":' * 3000 + b"7" + b"}" * 3000, b"[" * 100_000], ids=["deep", "unclosed"]
)
def test_hostile_nesting_is_left_alone(body: bytes) -> None:
    """Nesting beyond any reply's is neither edited nor an error."""
    assert replace_ids(NUMBER, body, ALIASES) == body
    assert merge(ACTIVE, body, b"[1]") is None
    assert merge(ACTIVE, b"[1]", body) is None


# --- two arms' answers as one -------------------------------------------------------------------------------------

SA = b'{"status":"success","activeActivations":[{"activationId":"1","cost":12.50}]}'
SA_OTHER = b'{"status":"success", "activeActivations": [ {"activationId":"2"},{"activationId":"3"} ]}'
HERO = b'{"status":"success","data":[{"activationId":4}]}'
HERO_EMPTY = b'{"data":[],"activeActivations":{"row":null,"rows":[]}}'
RENTS = b'{"status":"success","values":{"0":{"id":"5"},"7":{"id":"6"}}}'
RENTS_EMPTY = b'{"status":"success","values":[]}'


@pytest.mark.parametrize(
    ("base", "other", "expected"),
    [
        (SA, SA_OTHER, SA[:-2] + b',{"activationId":"2"},{"activationId":"3"}]}'),
        (SA, HERO, SA[:-2] + b',{"activationId":4}]}'),
        (b"[]", b"[1]", b"[1]"),
        (b"[1]", b"[2, 3 ]", b"[1,2,3]"),
        (b"[1]", b"[]", b"[1]"),
        (SA, b"NO_ACTIVATIONS", SA),
        (SA, b'{"status":"error","error":"NO_ACTIVATIONS"}', SA),
        (SA, HERO_EMPTY, SA),
        (b"NO_ACTIVATIONS\n", SA, SA),
        (HERO_EMPTY, SA, SA),
        (HERO_EMPTY, HERO, HERO),
        (b'"NO_ACTIVATIONS"', b"NO_ACTIVATIONS", b'"NO_ACTIVATIONS"'),
        (RENTS, b'{"values":{"0":{"id":"9"}}}', RENTS[:-2] + b',"8":{"id":"9"}}}'),
        (b'{"array":[1]}', b'{"array":[2]}', b'{"array":[1,2]}'),
        (RENTS_EMPTY, RENTS, RENTS),
        (RENTS, RENTS_EMPTY, RENTS),
        (RENTS, b'{"status":"error","message":"NO_NUMBERS"}', RENTS),
        (b"\xef\xbb\xbf[1]", b"\xef\xbb\xbf[2]", b"\xef\xbb\xbf[1,2]"),
    ],
)  # fmt: skip
def test_lists_are_joined_in_the_first_arms_form(base: bytes, other: bytes, expected: bytes) -> None:
    """The first arm's bytes stay, the second's rows follow as it wrote them; an arm without leases adds nothing."""
    assert merge(ACTIVE, base, other) == expected


@pytest.mark.parametrize(
    "junk", [b"", b"BAD_KEY", b"<html>", b'{"a":1}', b'{"activeActivations":', b"7", b"\xff"]
)
def test_what_is_no_list_is_not_joined(junk: bytes) -> None:
    """An answer that holds no list cannot be joined with one, from either side."""
    assert merge(ACTIVE, SA, junk) is None
    assert merge(ACTIVE, junk, SA) is None
    assert merge(ACTIVE, b"NO_ACTIVATIONS", junk) is None


def test_maps_by_id_are_joined() -> None:
    """A call for leases of both arms is answered by one map."""
    joined = merge(SEVERAL, b'{"1":"STATUS_OK:4", "2":"STATUS_CANCEL"}', b'{ "3" : "STATUS_WAIT_CODE"}')
    assert joined == b'{"1":"STATUS_OK:4", "2":"STATUS_CANCEL","3" : "STATUS_WAIT_CODE"}'


def test_an_answer_for_one_id_is_no_map() -> None:
    """An object about one lease is not mixed into a map by id."""
    one = b'{"verificationType":0,"sms":null}'
    assert merge(SEVERAL, b'{"1":"STATUS_OK:4"}', one) is None
    assert merge(SEVERAL, one, b'{"1":"STATUS_OK:4"}') is None
    assert merge(SEVERAL, b'{"1":"STATUS_OK:4"}', b"STATUS_WAIT_CODE") is None


@given(st.lists(values, min_size=1, max_size=4), st.lists(values, max_size=4), spaces)
def test_joining_keeps_both_sides_rows(base: list[object], other: list[object], space: str) -> None:
    """The joined list holds the first arm's rows and then the second's, and begins with the first's bytes."""
    first = f'{{"status":"success",{space}"data":{json.dumps(base)}{space}}}'
    joined = merge(ACTIVE, first.encode(), f"{space}{json.dumps(other)}".encode())
    assert joined is not None
    assert json.loads(joined)["data"] == json.loads(json.dumps([*base, *other]))
    assert joined.startswith(first[: first.rindex("]")].encode())


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_joining_arbitrary_bytes_never_raises(base: bytes, other: bytes) -> None:
    """Whatever two arms answer, joining them gives bytes or nothing."""
    for call in (ACTIVE, SEVERAL, tcall("getRentList")):
        merge(call, base, other)
    sum_balance(base, other)


@pytest.mark.parametrize(
    ("call", "body", "expected"),
    [
        (
            ACTIVE,
            b'{"activeActivations":[{"activationId":1,"x":{"id":"2"}},{"activationId":"3","service":"9"}]}',
            "123",
        ),
        (SEVERAL, b'{"4":"STATUS_OK:9","5":"STATUS_CANCEL"}', "45"),
        (ACTIVE, b"NO_ACTIVATIONS", ""),
        (ACTIVE, b'{"activationId":', ""),
    ],
)
def test_ids_in_a_reply_are_found(call: Call, body: bytes, expected: str) -> None:
    """Wherever an id may stand, and nowhere else; a body that is no JSON has none."""
    assert ids_in(call, body) == set(expected)


@pytest.mark.parametrize(
    ("base", "other", "expected"),
    [
        (b"ACCESS_BALANCE:17.154", b"ACCESS_BALANCE:2", b"ACCESS_BALANCE:19.154"),
        (b"ACCESS_BALANCE:0.10\n", b"ACCESS_BALANCE:0.20", b"ACCESS_BALANCE:0.30\n"),
        (b'"ACCESS_BALANCE:1"', b"ACCESS_BALANCE:-3", b'"ACCESS_BALANCE:-2"'),
        (b"ACCESS_BALANCE: '1.5'", b"ACCESS_BALANCE:1.5", b"ACCESS_BALANCE: '3.0'"),
        (b"ACCESS_BALANCE:1", b"BAD_KEY", None),
        (b"BAD_KEY", b"ACCESS_BALANCE:1", None),
        (b"ACCESS_BALANCE:17,15", b"ACCESS_BALANCE:1", None),
        (b"ACCESS_BALANCE:", b"ACCESS_BALANCE:1", None),
        (b"\xff", b"", None),
    ],
)
def test_balances_are_added_exactly(base: bytes, other: bytes, expected: bytes | None) -> None:
    """Both amounts as one, in decimals, in the first arm's writing; anything else gives nothing."""
    assert sum_balance(base, other) == expected


@given(st.decimals(-(10**9), 10**9, places=4), st.decimals(-(10**9), 10**9, places=2))
def test_any_two_balances_add_up(first: Decimal, second: Decimal) -> None:
    """No digit is lost in a sum."""
    summed = sum_balance(f"ACCESS_BALANCE:{first:f}".encode(), f"ACCESS_BALANCE:{second:f}".encode())
    assert summed is not None
    assert Decimal(summed.partition(b":")[2].decode()) == first + second


def test_a_lease_that_both_arms_list_is_shown_once() -> None:
    """Where both arms are one account, as in an A/A run, a client sees each lease once; like ids alone are not it."""
    base = b'{"status":"success","activeActivations":[{"activationId":7,"phoneNumber":"79001"}]}'
    rows = b'{"activationId":7,"phoneNumber":"79001"},{"activationId":7,"phoneNumber":"79002"}'
    joined = merge(ACTIVE, base, b'{"status":"success","activeActivations":[' + rows + b"]}")
    assert joined is not None
    assert [row["phoneNumber"] for row in json.loads(joined)["activeActivations"]] == ["79001", "79002"]


@pytest.mark.parametrize(
    ("body", "ids", "expected"),
    [
        (
            b'{"activeActivations": [{"id":1}, {"id":2},{"id":3} ] }',
            {"2"},
            b'{"activeActivations": [{"id":1},{"id":3}] }',
        ),
        (b'[{"activationId":"1"},{"activationId":"2"}]', {"1", "2"}, b"[]"),
        (b'{"data":{"0":{"id":7},"1":{"id":8}}}', {"8"}, b'{"data":{"0":{"id":7}}}'),
        (
            b'{"status":"success","activeActivations":[{"id":1}]}',
            {"9"},
            b'{"status":"success","activeActivations":[{"id":1}]}',
        ),
        (b"NO_ACTIVATIONS", {"1"}, b"NO_ACTIVATIONS"),
        (b'{"activeActivations":[{"id":1}', {"1"}, b'{"activeActivations":[{"id":1}'),
        (b"\xff", {"1"}, b"\xff"),
    ],
)
def test_leases_are_left_out_of_a_list(body: bytes, ids: set[str], expected: bytes) -> None:
    """Those rows alone; every other byte stays, and what is no list is not touched."""
    assert without(body, ids) == expected
