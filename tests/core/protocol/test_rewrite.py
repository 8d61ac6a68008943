"""An arm gets its own key and ids and not a byte else is changed; no key of a client survives, and none is shown."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, quote_plus, unquote_to_bytes, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from canary.core.model import Headers, Request
from canary.core.protocol.parse import MAX_PARAMETERS, is_key, split
from canary.core.protocol.rewrite import REDACTED, ascii_only, fingerprint, redact, rewrite
from tests.factories import CLIENT_KEY, NEW_KEY, treq

FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
KEY_NAMES = (
    "api_key",
    "api%5Fkey",
    "%61pi_key",
    "API_KEY",
    "apiKey",
    "api%5fkey",
    "api.key",
    "api+key",
    "api_key[]",
)

words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
raw = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="&="), max_size=10)
segments = st.builds("{}={}".format, raw, raw) | raw
keys = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=40)


def sent(request: Request, key: str | None = NEW_KEY, ids: dict[str, str] | None = None, **more) -> tuple:
    return rewrite(request, key=key, ids=ids or {}, **more)


def wire(request: Request, **more) -> str:
    """Everything that an arm is sent, as one text."""
    query, body, headers = sent(request, **more)
    return "\n".join([query, body.decode("latin-1"), *(f"{n}: {v}" for n, v in headers)])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("api_key=K&action=getBalance", "api_key=NEW&action=getBalance"),
        ("action=getBalance&api_key=K", "action=getBalance&api_key=NEW"),
        ("action=getBalance&api_key=", "action=getBalance&api_key=NEW"),
        ("action=getBalance&api_key", "action=getBalance&api_key=NEW"),
        ("api_key=K&action=getBalance&api_key=L", "api_key=NEW&action=getBalance&api_key=NEW"),
        ("api%5Fkey=K&action=getBalance", "api%5Fkey=NEW&action=getBalance"),
        ("action=getBalance", "action=getBalance&api_key=NEW"),
        ("&action=getBalance&", "&action=getBalance&&api_key=NEW"),
        ("", "api_key=NEW"),
        ("API_KEY=K&action=getBalance", "API_KEY=NEW&action=getBalance"),
        ("url=http%3A%2F%2Fx%3Fapi_key%3Dhook&api_key=K", "url=http%3A%2F%2Fx%3Fapi_key%3Dhook&api_key=NEW"),
        ("api_key=K&x=%zz&&=&y", "api_key=NEW&x=%zz&&=&y"),
    ],
)
def test_the_key_is_replaced_in_place(query: str, expected: str) -> None:
    """The arm's key stands where the client's stood, or last when there was none; the rest stays to the byte."""
    assert sent(treq(query=query), "NEW")[0] == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((("X-ApiKey", "K"),), (("X-ApiKey", "NEW"),)),
        ((("x-api-key", "K"),), (("x-api-key", "NEW"),)),
        ((("Authorization", "ApiKey K"),), (("Authorization", "ApiKey NEW"),)),
        ((("authorization", "apikey  K"),), (("authorization", "apikey  NEW"),)),
        ((("Authorization", "Bearer K"),), (("Authorization", "Bearer NEW"),)),
    ],
)
def test_a_key_in_a_header_is_replaced_there(headers: Headers, expected: Headers) -> None:
    """A client that authenticates by header goes on doing so: no key is added to its query."""
    query, _, got = sent(treq("getBalance", key=None, headers=headers), "NEW")
    assert (query, got) == ("action=getBalance", expected)


def test_passthrough_changes_nothing() -> None:
    """Without a key of the arm's own the client's request goes out as it came."""
    request = treq(
        query="action=getStatus&id=1&api_key=K",
        method="POST",
        body=b"api_key=K&id=1",
        headers=(*FORM, ("X-ApiKey", "K"), ("Referer", "http://h/?api_key=K")),
    )
    assert sent(request, None) == (request.query, request.body, request.headers)


def test_another_path_gets_no_key_added() -> None:
    """A request that is no handler_api call keeps its parameters, but never a key that was there."""
    assert sent(treq(query="a=1"), append_key=False)[0] == "a=1"
    assert sent(treq(query="apiKey=K"), "NEW", append_key=False)[0] == "apiKey=NEW"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("action=getStatus&id=7", "action=getStatus&id=1500"),
        ("action=getStatus&activationId=7&id=8", "action=getStatus&activationId=1500&id=8"),
        ("action=getStatusV2&id=7,8,%207", "action=getStatusV2&id=1500,8,1500"),
        ("action=getStatus&i%64=%37", "action=getStatus&i%64=1500"),
        ("action=getStatus&id=77&service=7&ref=7", "action=getStatus&id=77&service=7&ref=7"),
    ],
)
def test_ids_are_replaced_only_where_ids_stand(query: str, expected: str) -> None:
    """The arm's own id stands where the client's stood; the same digits elsewhere are left alone."""
    assert sent(treq(query=query), None, {"7": "1500"})[0] == expected


def test_ids_and_key_are_replaced_in_a_form() -> None:
    """A form body is rewritten like a query, and the query keeps its own key."""
    request = treq(query="", method="POST", body=b"api_key=K&action=setStatus&id=7&status=8", headers=FORM)
    query, body, _ = sent(request, "NEW", {"7": "1500"})
    assert (query, body) == ("", b"api_key=NEW&action=setStatus&id=1500&status=8")


def test_chosen_parameters_get_another_value() -> None:
    """A call for leases of both arms is sent to each with that arm's ids only."""
    request = treq(query="action=getStatusV2&id=1,2&api_key=K")
    assert sent(request, "NEW", params={"id": "2"})[0] == "action=getStatusV2&id=2&api_key=NEW"


@given(
    st.sampled_from(KEY_NAMES),
    st.lists(segments, max_size=4),
    st.lists(segments, max_size=4),
    st.sampled_from(["query", "form", "get body", "octets"]),
)
def test_no_key_survives_in_query_or_form(name: str, before: list[str], after: list[str], place: str) -> None:
    """However its parameter is spelt and wherever it stands, the client's key does not reach an arm with a key."""
    text = "&".join([*before, f"{name}={quote(CLIENT_KEY)}", *after])
    body = text.encode()
    request = {
        "query": treq(query=text),
        "form": treq(query="", method="POST", body=body, headers=FORM),
        "get body": treq(query="", body=body, headers=FORM),
        "octets": treq(
            query="", method="POST", body=body, headers=(("content-type", "application/octet-stream"),)
        ),
    }[place]
    assume(body[:1] not in b"{[<")
    assert CLIENT_KEY not in wire(request)


@pytest.mark.parametrize("name", KEY_NAMES)
@pytest.mark.parametrize("place", ["query", "body"])
def test_no_key_survives_in_what_is_too_long_to_be_parsed(name: str, place: str) -> None:
    """A call that is passed on unread still has its key replaced."""
    text = "x=" + "y" * MAX_PARAMETERS + f"&{name}={CLIENT_KEY}"
    request = treq(query=text) if place == "query" else treq(method="POST", body=text.encode(), headers=FORM)
    assert CLIENT_KEY not in wire(request)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (f'{{"api_key": "{CLIENT_KEY}", "action": "getBalance"}}', "application/json"),
        (f"{{'apiKey':'{CLIENT_KEY}'}}", ""),
        (f"action=getBalance&api_key={CLIENT_KEY}", "text/plain"),
        (
            f'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n{CLIENT_KEY}\r\n--b--\r\n',
            "multipart/form-data; boundary=b",
        ),
        (
            f"--b\r\nContent-Disposition: form-data; name=api_key\r\nX: y\r\n\r\n{CLIENT_KEY}\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
        ),
    ],
    ids=["json", "single quotes", "plain", "multipart", "multipart with more headers"],
)
def test_no_key_survives_in_other_bodies(body: str, content_type: str) -> None:
    """Bodies that no server is known to read are passed on without the client's key, and otherwise as they are."""
    request = treq(
        None, key=None, method="POST", body=body.encode(), headers=(("Content-Type", content_type),)
    )
    assert sent(request)[1] == body.replace(CLIENT_KEY, NEW_KEY).encode()


@pytest.mark.parametrize(
    "header",
    [
        ("Referer", f"http://host/stubs/handler_api.php?api_key={CLIENT_KEY}&action=getBalance"),
        ("Referer", f"http://host/?a=1&api%5Fkey={CLIENT_KEY}#x"),
        ("Cookie", f"a=b; api_key={CLIENT_KEY}; c=d"),
        ("X-ApiKey", CLIENT_KEY),
        ("X-Api-Key", CLIENT_KEY),
        ("Authorization", f"ApiKey {CLIENT_KEY}"),
        ("authorization", f"bearer {CLIENT_KEY}"),
    ],
)
def test_no_key_survives_in_headers(header: tuple[str, str]) -> None:
    """Neither the headers that are meant for keys nor addresses in others carry the client's key on."""
    assert CLIENT_KEY not in wire(treq("getBalance", headers=(header,)))


@given(st.lists(segments, max_size=6), st.integers(0, 6), keys)
def test_every_other_byte_of_a_query_is_left_alone(others: list[str], at: int, key: str) -> None:
    """Around the key the query is what the client wrote, escapes, order and oddities included."""
    assume(not any(is_key(segment.name) for other in others for segment in split(other)))
    parts = [*others[:at], f"api_key={CLIENT_KEY}", *others[at:]]
    query = sent(treq(query="&".join(parts)), key)[0]
    assert query == "&".join([*others[:at], f"api_key={key}", *others[at:]])


@given(st.binary(max_size=80), st.lists(st.tuples(words, words), max_size=4))
def test_bodies_and_headers_without_a_key_are_left_alone(body: bytes, headers: list[tuple[str, str]]) -> None:
    """Nothing is changed where there is nothing to replace."""
    assume(not re.search(rb"(?i)ap|%|\+", body))
    assume(not any(is_key(name) or name.lower() in {"apikey", "authorization"} for name, _ in headers))
    request = treq("getBalance", method="POST", body=body, headers=tuple(headers))
    assert sent(request)[1:] == (body, tuple(headers))


@given(st.text(min_size=1, max_size=30))
def test_any_key_arrives_as_it_is(key: str) -> None:
    """Whatever characters a key has, the arm reads exactly it."""
    assume(not re.search("[\ud800-\udfff]", key))
    query = sent(treq("getBalance"), key)[0]
    assert dict(parse_qsl(query, keep_blank_values=True))["api_key"] == key


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_the_request_line_is_plain_ascii(text: str) -> None:
    """Bytes that no request line may hold are escaped, all others stay, and a second time nothing changes."""
    written = ascii_only(text)
    assert re.fullmatch("[!-~]*", written)
    assert ascii_only(written) == written
    assert unquote_to_bytes(written) == unquote_to_bytes(text.encode("latin-1"))


@given(
    keys,
    st.sampled_from(
        [
            "GET /stubs/handler_api.php?api_key={}&action=getBalance HTTP/1.1",
            "GET /?action=getBalance&api%5Fkey={}",
            "url=http%3A%2F%2Fh%3Fapi_key%3D{}",
            "API_KEY={}",
            "api_key[]={}",
            "apiKey={};",
            "token={}",
            "access_key={}",
            '{{"api_key": "{}"}}',
            "{{'api_key': '{}'}}",
            "X-ApiKey: {}",
            "x-api-key={}",
            "('X-ApiKey', '{}')",
            "[(b'x-api-key', b'{}')]",
            "Authorization: ApiKey {}",
            "authorization: Bearer {}",
            "'Authorization': 'Basic {}'",
            "('Authorization', 'ApiKey {}')",
            "Cookie: session={}",
        ]
    ),
)
def test_keys_are_redacted_by_where_they_stand(key: str, template: str) -> None:
    """A key that nobody told us of is hidden wherever keys are written: queries, JSON, headers, Python's repr."""
    assume(key not in template + REDACTED)
    shown = redact(f"before {template.format(key)} after")
    assert key not in shown
    assert REDACTED in shown
    assert "after" in shown or "Cookie" in template


def lower_escapes(text: str) -> str:
    return re.sub("%..", lambda escape: escape.group().lower(), quote(text, safe=""))


@given(
    st.text(min_size=6, max_size=30),
    st.text(max_size=20),
    st.sampled_from([str, quote, quote_plus, lower_escapes]),
)
def test_known_secrets_are_redacted_anywhere(key: str, around: str, spelling: Callable[[str], str]) -> None:
    """A secret that is known is hidden in any text, also when it is escaped for an address."""
    assume(not re.search("[\ud800-\udfff]", key) and not set(key) & set(REDACTED))
    shown = redact(around + spelling(key) + around, [key])
    assert key not in shown
    assert spelling(key) not in shown


@given(st.lists(keys, min_size=1, max_size=4), words)
def test_a_secret_within_another_does_not_uncover_it(secrets: list[str], tail: str) -> None:
    """Of secrets that overlap the longest is hidden whole."""
    longer = secrets[0] + tail + "QQ"
    assume(not set(REDACTED) >= set(tail))
    assert redact(f"x {longer} y", [*secrets, longer]) == f"x {REDACTED} y"


def test_ordinary_text_is_not_redacted() -> None:
    """Sentences about keys stay readable, and an empty secret hides nothing."""
    for text in (
        "policy.yaml:5: arms.old.api_key: the environment variable OLD_SMS_KEY is not set",
        "expected {env: NAME}, {file: PATH} or passthrough",
        "the token, as they say",
        "GET /stubs/handler_api.php?action=getStatus&id=7",
    ):
        assert redact(text, ["", "x" * 9]) == text


def test_fingerprints_tell_keys_apart_and_give_none_away() -> None:
    """Eight hex digits, the same for the same key; nothing for no key."""
    assert re.fullmatch("[0-9a-f]{8}", fingerprint(CLIENT_KEY))
    assert fingerprint(CLIENT_KEY) == fingerprint(CLIENT_KEY) != fingerprint(NEW_KEY)
    assert fingerprint("") == ""
    assert fingerprint("\udcff") != fingerprint("?")


@given(st.dictionaries(words, st.text(max_size=8), max_size=4), words, words)
def test_replacing_there_and_back_gives_the_same_request(
    params: dict[str, str], own: str, alias: str
) -> None:
    """An id that is translated for the arm and back leaves the request as it was."""
    assume(own != alias and not any(is_key(name) for name in params))
    query = urlencode({**params, "action": "getStatus", "id": alias})
    there = sent(treq(query=query), None, {alias: own})[0]
    assert there == urlencode({**params, "action": "getStatus", "id": own})
    assert sent(treq(query=there), None, {own: alias})[0] == query


def test_the_same_words_to_two_arms_are_written_for_each() -> None:
    """What is remembered of a query and of headers holds for one key and one set of ids."""
    request = treq("getStatus", id="7", headers=(("X-ApiKey", "theirs"),))
    for key, own in (("old-key", "7"), ("new-key", "9"), ("old-key", "8")):
        query, _, headers = rewrite(request, key=key, ids={"7": own})
        assert f"id={own}" in query
        assert key in query
        assert headers == (("X-ApiKey", key),)
