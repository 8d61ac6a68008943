"""Requests become calls: wherever clients put their parameters and key, and whatever they send."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.actions import CATALOGUE
from canary.core.model import Effect, Kind, Request
from canary.core.protocol.parse import (
    MAX_PARAMETERS,
    form_of,
    is_handler_path,
    is_key,
    key_in_headers,
    parse,
    split,
)
from tests.factories import CLIENT_KEY, PATH, treq

FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
latin1 = st.text(st.characters(max_codepoint=255), max_size=80)
requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "get", ""]),
    path=latin1,
    query=latin1,
    headers=st.lists(st.tuples(latin1, latin1), max_size=4).map(tuple),
    body=st.binary(max_size=120),
)


def form(**params: object) -> bytes:
    return urlencode({"api_key": CLIENT_KEY, **params}).encode()


@pytest.mark.parametrize(
    "path",
    [
        "/stubs/handler_api.php",
        "/compat/handler_api.php",
        "/handler_api.php",
        "handler_api.php",
        "//a//handler_api.php",
    ],
)
def test_endpoints_are_told_by_their_last_segment(path: str) -> None:
    """Any prefix will do: every clone has its own."""
    assert is_handler_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "/stubs/rent.php",
        "/stubs/handler_api.php/",
        "/stubs/not_handler_api.php",
        "/handler_api.phpx",
        "/",
        "",
    ],
)
def test_other_paths_are_no_endpoints(path: str) -> None:
    """A path that only looks alike is passed on as another path of the host."""
    assert not is_handler_path(path)


@pytest.mark.parametrize("action", CATALOGUE, ids=lambda a: a.name)
def test_every_catalogued_action_is_recognised(action) -> None:
    """The call has the catalogue's effect and kind, and the ids under each parameter that may carry them."""
    for name in action.ids or ("id",):
        call = parse(treq(action.name, **{name: "3936040355"}))
        assert (call.action, call.effect, call.kind) == (action.name, action.effect, action.kind)
        assert call.ids == (("3936040355",) if action.ids else ())
        assert call.malformed is None
        assert call.label == action.name


@pytest.mark.parametrize("name", ["getbalance", "GETNUMBER", "setstatus"])
def test_an_actions_case_is_forgiven(name: str) -> None:
    """One public client sends lower case; the call then has the catalogue's spelling."""
    assert parse(treq(name)).action.lower() == name.lower()
    assert parse(treq(name)).effect is not Effect.UNKNOWN


def test_what_the_catalogue_does_not_know_is_unknown() -> None:
    """An unheard-of action is sound but unknown, and its label is bounded."""
    call = parse(treq("getEverything", id=7))
    assert (call.effect, call.malformed, call.label, call.action) == (
        Effect.UNKNOWN,
        None,
        "other",
        "getEverything",
    )
    assert call.ids == ()


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (treq(None), "no action"),
        (treq(""), "no action"),
        (treq(query="action=getBalance&action=getNumber&api_key=k"), "two actions"),
        (treq(query="action=getStatus&id=1&id=2"), "two leases"),
        (treq(query="action=setStatus&id=1", method="POST", body=b"id=2&status=8"), "two leases"),
        (treq(query="action=getBalance&x=" + "y" * MAX_PARAMETERS), "too long"),
        (treq("getBalance", method="POST", body=b"x" * (MAX_PARAMETERS + 1)), "too long"),
    ],
    ids=["none", "empty", "two actions", "two ids", "query against body", "long query", "long body"],
)
def test_malformed_calls_say_why_and_are_unknown(request_: Request, why: str) -> None:
    """What cannot be trusted is neither split nor shadowed, and never raises."""
    call = parse(request_)
    assert why in (call.malformed or "")
    assert (call.effect, call.ids, call.label) == (Effect.UNKNOWN, (), "other")


def test_a_repeated_parameter_counts_once() -> None:
    """The same value twice is no contradiction; of two values of another parameter the last counts, as in PHP."""
    assert parse(treq(query="action=getStatus&id=1&id=1")).ids == ("1",)
    assert parse(treq(query="action=getNumber&service=tg&service=vk")).params["service"] == "vk"


def test_post_with_parameters_in_the_query() -> None:
    """The clients that POST leave the body empty and keep everything in the query."""
    request = treq("getStatus", id=7, method="POST", headers=(*FORM, ("Content-Length", "0")))
    assert parse(request).ids == ("7",)
    assert parse(request).key == CLIENT_KEY


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        "application/octet-stream",
        "",
    ],
)
def test_post_with_a_form_body(content_type: str) -> None:
    """A reseller's server reads only the body, so the body is read as well as the query."""
    request = treq(
        query="",
        method="POST",
        body=form(action="setStatus", id=7, status=8),
        headers=(("content-type", content_type),),
    )
    call = parse(request)
    assert (call.action, call.ids, call.params["status"], call.key) == ("setStatus", ("7",), "8", CLIENT_KEY)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"action":"getNumber","a":"="}', ""),
        (b"action=getNumber", "text/plain"),
        (b"action=getNumber", "multipart/form-data; boundary=x"),
        (b"<a b='='/>", ""),
        (b"", ""),
    ],
)
def test_other_bodies_are_no_form(body: bytes, content_type: str) -> None:
    """JSON, XML, plain text and multipart bodies give no parameters."""
    request = treq(None, method="POST", body=body, headers=(("Content-Type", content_type),))
    assert form_of(request) == ""
    assert parse(request).malformed == "it names no action"


def test_the_body_of_a_get_is_not_read() -> None:
    """Servers ignore it, so it can neither name an action nor contradict the query."""
    request = treq("getStatus", id=7, body=b"action=getNumber&id=8")
    assert parse(request).ids == ("7",)


@pytest.mark.parametrize(
    "request_",
    [
        treq("getBalance"),
        treq("getBalance", key=None, headers=(("X-ApiKey", CLIENT_KEY),)),
        treq("getBalance", key=None, headers=(("x-apikey", CLIENT_KEY),)),
        treq("getBalance", key=None, headers=(("Authorization", f"ApiKey {CLIENT_KEY}"),)),
        treq("getBalance", key="", headers=(("authorization", f"apikey  {CLIENT_KEY}"),)),
        treq(query="", method="POST", body=form(action="getBalance")),
        treq(query=f"action=getBalance&api%5Fkey={CLIENT_KEY}"),
        treq(query=f"action=getBalance&api_key={quote(CLIENT_KEY[0])}{CLIENT_KEY[1:]}"),
    ],
    ids=[
        "query",
        "header",
        "lower header",
        "authorization",
        "empty and header",
        "form",
        "encoded name",
        "encoded value",
    ],
)
def test_the_key_is_found_wherever_it_is(request_: Request) -> None:
    """Query, form, and both headers may carry the key; it is no parameter of the call and not in its text."""
    call = parse(request_)
    assert call.key == CLIENT_KEY
    assert CLIENT_KEY not in call.params.values()
    assert CLIENT_KEY not in repr(call)
    assert CLIENT_KEY not in repr(request_)


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apikey",
        "Api_Key",
        "API_KEY",
        "apiKey",
        "api-key",
        "api.key",
        "api key",
        " api_key",
        "api_key[]",
        "api_key\0x",
    ],
)
def test_misspelt_keys_are_secrets_all_the_same(name: str) -> None:
    """PHP reads some of them as api_key; none of them is kept among the parameters."""
    assert is_key(name)
    assert parse(treq(query=f"action=getBalance&{quote(name)}=s3cret")).params == {"action": "getBalance"}


@pytest.mark.parametrize("name", ["key", "id", "api_keys", "my_api", "service", ""])
def test_other_names_are_no_keys(name: str) -> None:
    """Ordinary parameters stay what they are."""
    assert not is_key(name)


@pytest.mark.parametrize("value", ["Basic dXNlcjpwYXNz", "ApiKey", ""])
def test_other_authorizations_are_no_key(value: str) -> None:
    """A proxy's own credentials are not the provider's key."""
    assert key_in_headers((("Authorization", value),)) is None


def test_several_ids_in_one_call() -> None:
    """Resellers take a list of ids for getStatusV2; for other actions a comma is part of the id."""
    assert parse(treq("getStatusV2", id="1, 2,,3")).ids == ("1", "2", "3")
    assert parse(treq("getStatus", id="1,2")).ids == ("1,2",)
    assert parse(treq("getStatusV2", id=",")).ids == ()


def test_ids_are_found_under_either_name() -> None:
    """``id`` before ``activationId`` and the reverse, as each action's documentation has it."""
    assert parse(treq("getStatus", activationId=" 5 ")).ids == ("5",)
    assert parse(treq("getExtraActivation", id=1, activationId=2)).ids == ("2",)
    assert parse(treq("setRentStatus", id=1049, status=1)).kind is Kind.RENT


def test_plus_and_percent_escapes_are_decoded() -> None:
    """Parameters are compared by what they mean, in UTF-8."""
    params = parse(treq(query="action=getNumber&service=%D1%82g+x&maxPrice=0%2E5")).params
    assert (params["service"], params["maxPrice"]) == ("тg x", "0.5")


@pytest.mark.parametrize("service", ["%FF%FE", "\xff\xfe", "%ED%A0%80", "a%00b"])
def test_invalid_utf8_gives_storable_text(service: str) -> None:
    """A parameter that is no UTF-8 is kept as text that any database takes."""
    value = parse(treq(query=f"action=getNumber&service={service}")).params["service"]
    value.encode()
    assert "\0" not in value


@given(requests)
def test_arbitrary_requests_never_raise(request_: Request) -> None:
    """Whatever comes in, there is a call, and a malformed one has no effect and no ids."""
    call = parse(request_)
    if call.malformed:
        assert (call.effect, call.ids) == (Effect.UNKNOWN, ())
    for name, value in call.params.items():
        (name + value).encode()


@given(latin1)
def test_splitting_loses_nothing(text: str) -> None:
    """The raw segments put together again are the text."""
    assert "&".join(segment.raw for segment in split(text)) == text


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=4))
def test_what_a_client_encodes_is_what_is_read(params: dict[str, str]) -> None:
    """Parameters survive the standard encoding, in the query and in a form."""
    named = {"action": "getBalance", **{f"p{name}": value for name, value in params.items()}}
    kept = {name: value.replace("\0", "?") for name, value in named.items() if "\0" not in name}
    for request in (
        treq(query=urlencode(named)),
        treq(query="", method="POST", body=urlencode(named).encode(), headers=FORM),
    ):
        assert kept.items() <= parse(request).params.items()


def test_the_path_of_the_factory_is_an_endpoint() -> None:
    """Tests of other rooms start from a request that is a handler_api call."""
    assert is_handler_path(PATH)


def test_the_same_words_from_two_clients_keep_their_own_keys() -> None:
    """What is remembered of a query holds nothing of the headers beside it."""
    for key in ("one", "two", None):
        headers = (("X-ApiKey", key),) if key else ()
        assert parse(treq("getBalance", key=None, headers=headers)).key == key
