"""Routes of a provider's own API: what a request is, who it is from, and what the books make of it."""

import pytest

from canary.core.actions import lookup
from canary.sim.native import APIS
from canary.sim.native.api import LOGIN
from tests.sim.native.counter import KEY, Counter


@pytest.mark.parametrize("name", APIS)
def test_every_route_is_known_by_an_action(name: str) -> None:
    """By which knobs, faults and books know it."""
    assert all(route.action == LOGIN or lookup(route.action) for route in APIS[name].routes)


@pytest.mark.parametrize("name", APIS)
def test_another_address_is_no_call(name: str) -> None:
    """Neither a path nor a method that there is not."""
    api = APIS[name]
    assert api.received("GET", "/elsewhere", {}, b"", "") is None
    assert api.received("PATCH", f"{api.base}{'/user/profile'}", {}, b"", "") is None


def test_names_become_the_usual_ones() -> None:
    """So that prices and shares go by the same codes in every dialect; what is unknown fits nothing."""
    api = APIS["5sim-native"]
    call = api.received("GET", "/v1/user/buy/activation/indonesia/any/telegram", {}, b"", "")
    assert call is not None
    assert {**call.params} == {"country": "6", "operator": "any", "service": "tg"}
    strange = api.received("GET", "/v1/user/buy/activation/atlantis/any/carrier%20pigeon", {}, b"", "")
    assert strange is not None
    assert (strange.params["country"], strange.params["service"]) == ("?", "?")


def test_the_books_know_calls_by_their_actions() -> None:
    """Leases, strangers' ids and the key's fingerprint as with handler_api; no key in the log."""
    counter = Counter("5sim-native")
    counter.ask("GET", "/user/buy/activation/indonesia/any/telegram")
    counter.ask("GET", "/user/check/1000")
    counter.ask("GET", "/user/check/77")
    books = counter.desk.books
    assert dict(books.by_action) == {"getNumber": 1, "getStatus": 2}
    assert (books.foreign, books.lease("1000").calls) == (1, 1)
    assert KEY not in str(books.log())


@pytest.mark.parametrize("name", APIS)
def test_a_wrong_key_is_refused_and_so_is_every_key_when_told(name: str) -> None:
    """In the provider's own way."""
    path = {"herosms-v1": "/activations", "smspva": "/activation/balance"}.get(name, "/user/profile")
    path = {"textverified": "/account/me", "verifysms-native": "/balance"}.get(name, path)
    counter = Counter(name, keys_refused=True)
    assert counter.ask("GET", path).status == 401
    counter = Counter(name)
    counter.headers = {}
    assert counter.ask("GET", path).status == 401
