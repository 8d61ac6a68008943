"""Replies are read right in every dialect, and nothing that an arm sends can break the reading."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.actions import CATALOGUE
from canary.core.model import Effect, Outcome, Progress
from canary.core.protocol.read import MAX_ID, MAX_JSON, by_status, price_from_headers, read
from tests.core.protocol.samples import SAMPLES, Sample
from tests.factories import tcall

CALLS = (
    *(tcall(action.name, id="7", activationId="7", status="8") for action in CATALOGUE),
    tcall("getEverything"),
    tcall(None),
)
FIELDS = (
    *("status", "error", "title", "message", "msg", "code", "details", "data", "sms", "call"),
    *("values", "rows", "phone", "activationId", "id"),
)
HEADS = ("ACCESS_NUMBER:", "ACCESS_BALANCE:", "STATUS_OK:", "BANNED:", "ADDITIONAL:", '"', "'", "<", "{")

calls = st.sampled_from(CALLS)
statuses = st.sampled_from([200, 204, 302, 400, 401, 403, 404, 409, 429, 500, 502]) | st.integers(0, 999)
content_types = st.sampled_from(["", "application/json", "text/html; charset=koi8-r"]) | st.text(max_size=40)
json_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
json_names = st.sampled_from(FIELDS) | st.text(max_size=10)
json_values = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_names, inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_every_known_reply_form_is_read_right(sample: Sample) -> None:
    """Each documented or recorded reply gives its outcome, code word, progress, numbers, code and balance."""
    assert sample.reply == read(sample.call, sample.status, sample.content_type, sample.body)


def test_every_action_has_a_sample() -> None:
    """No action of the catalogue that speaks of a lease, buys or tells the balance goes without a known reply."""
    sampled = {sample.call.action for sample in SAMPLES}
    plain = {"getQiwiRequisites", "serviceCountRent", "getServices"}
    prices = {action.name for action in CATALOGUE if action.name.startswith(("getPrices", "getTop"))}
    options = {a.name for a in CATALOGUE if a.name.endswith(("Price", "Options", "History", "Info"))}
    assert {action.name for action in CATALOGUE} - sampled <= plain | prices | options


def test_sample_names_are_unique() -> None:
    """A name of the table tells one sample."""
    names = [sample.name for sample in SAMPLES]
    assert len(names) == len(set(names))


@given(calls, statuses, content_types, st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(call, status, content_type, body) -> None:
    """Whatever bytes an arm answers with, there is a reply with an outcome and a short code word."""
    reply = read(call, status, content_type, body)
    assert isinstance(reply.outcome, Outcome)
    assert 0 < len(reply.code) <= 40


@given(calls, statuses, st.sampled_from(HEADS), st.text(max_size=60))
def test_words_with_arbitrary_rests_never_raise(call, status, head, rest) -> None:
    """A known beginning with anything behind it is read without an exception."""
    read(call, status, "", (head + rest).encode("utf-8", "surrogatepass"))


@given(calls, statuses, json_values)
def test_arbitrary_json_never_raises(call, status, value) -> None:
    """Whatever shape an arm's JSON has, there is a reply, and every number in it has an id that can be stored."""
    reply = read(call, status, "", json.dumps(value).encode())
    assert all(one.id and len(one.id) <= MAX_ID for one in reply.issued)
    for one in reply.issued:
        one.id.encode()  # no half of a surrogate pair


@pytest.mark.parametrize(
    "body",
    [
        '{"data":' * 3000 + "{}" + "}" * 3000,
        "[" * 100_000,
        '{"activationId":1,"activationCost":1e99999999999999999999}',
        '{"activationId":' + "9" * 5000 + "}",
        '{"activationId":"\\ud800","phoneNumber":"\\u0000"}',
        '{"sms":{"code":NaN}}',
    ],
    ids=["deep", "unclosed", "huge exponent", "huge integer", "surrogate", "nan"],
)
@pytest.mark.parametrize("action", ["getNumberV2", "getStatusV2", "getRentStatus", "getBalance"])
def test_hostile_json_is_read_without_an_exception(action: str, body: str) -> None:
    """Nesting, numbers and escapes that break naive readers give a reply like any other."""
    reply = read(tcall(action, id="7"), 200, "application/json", body.encode())
    for one in reply.issued:
        one.id.encode()
        assert "\0" not in one.id


@given(statuses, st.text(max_size=80))
def test_a_purchase_is_ok_only_with_a_number(status: int, text: str) -> None:
    """No reply counts as a well answered purchase unless it names a number's id and phone."""
    for body in (text, f"STATUS_OK:{text}", f"ACCESS_NUMBER:{text}", "OK", "ACCESS_READY", "{}", "[]"):
        reply = read(tcall("getNumber"), status, "", body.encode())
        if reply.outcome is Outcome.OK:
            assert reply.issued
            assert all(one.id and one.phone for one in reply.issued)


@pytest.mark.parametrize("action", [a.name for a in CATALOGUE if a.effect is not Effect.PURCHASE])
def test_only_purchases_issue_numbers(action: str) -> None:
    """A number in the reply to anything but a purchase binds no lease."""
    call = tcall(action, id="7", activationId="7")
    assert not read(call, 200, "", b"ACCESS_NUMBER:1:7900").issued


def test_an_id_of_absurd_length_is_no_id() -> None:
    """What no provider would issue is not taken for a lease, but may have been bought."""
    reply = read(tcall("getNumber"), 200, "", b"ACCESS_NUMBER:" + b"1" * (MAX_ID + 1) + b":7900")
    assert (reply.outcome, reply.issued) == (Outcome.UNKNOWN, ())


def test_large_catalogues_are_judged_by_their_ends() -> None:
    """A JSON body beyond the limit is not parsed, but one that was cut off is told from a whole one."""
    whole = b"[" + b"1," * MAX_JSON + b"1]"
    assert read(tcall("getPrices"), 200, "", whole).outcome is Outcome.OK
    assert read(tcall("getPrices"), 200, "", whole[:-1]).code == "BROKEN_JSON"
    assert read(tcall("getPrices"), 502, "", whole).code == "HTTP_502"


def test_an_unknown_sentence_is_not_repeated() -> None:
    """A provider's sentence may hold the client's key, so it never becomes a code word."""
    body = b'{"status":"error","message":"unknown key abcdef0123456789abcdef"}'
    assert "ABCDEF" not in read(tcall("getBalance"), 200, "", body).code
    assert read(tcall("getBalance"), 401, "", body).code == "HTTP_401"


@pytest.mark.parametrize(
    ("action", "status", "progress"),
    [
        ("setStatus", "1", Progress.READY),
        ("setStatus", "2", None),
        ("setStatus", "3", Progress.RETRYING),
        ("setStatus", "6", Progress.FINISHED),
        ("setStatus", "8", Progress.CANCELLED),
        ("setStatus", "-1", Progress.CANCELLED),
        ("setRentStatus", "1", Progress.FINISHED),
        ("setRentStatus", "2", Progress.CANCELLED),
        ("cancelActivation", None, Progress.CANCELLED),
        ("finishActivation", None, Progress.FINISHED),
    ],
)
def test_a_bare_success_means_what_was_asked(action: str, status: str, progress: Progress | None) -> None:
    """An OK, a bare object or a 204 after a write says that the lease is now as the client asked for."""
    call = tcall(action, id="7", status=status)
    assert read(call, 200, "", b'{"status":"success"}').progress is progress
    assert read(call, 200, "", b"OK").progress is progress


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_server_errors_are_the_providers(status: int) -> None:
    """Any 5xx without a word in its body counts against the provider."""
    assert by_status(status).outcome is Outcome.PROVIDER


def test_price_headers_are_read_by_name_and_in_order() -> None:
    """The first named header that holds an amount gives the price, whatever its case; junk and debts do not."""
    headers = (("X-Text", "a"), ("x-verifysms-cost", "0.080"), ("X-Price", "1"))
    assert price_from_headers(headers, ("X-VerifySMS-Cost",)) == Decimal("0.080")
    assert price_from_headers(headers, ("X-Text",)) is None
    assert price_from_headers((("X-Price", "-1"), ("X-Price", "2")), ("x-price",)) == Decimal(2)
    assert price_from_headers((("X-Price", "NaN"),), ("X-Price",)) is None
    assert price_from_headers(headers, ()) is None
