import json
from decimal import Decimal

import pytest

from canary.core.model import Kind
from canary.sim.behaviour import Behaviour
from canary.sim.desk import Desk
from canary.sim.incoming import FORM, received
from tests.factories import CLIENT_KEY, NOW, PATH
from tests.sim.counter import Counter


def test_books_tell_the_money_to_the_cent():
    """Spent, refunded, owed and the balance, as exact decimals in JSON."""
    counter = Counter(price="0.333", success=0, refund_delay="1h", deposit="100")
    first, second = counter.buy(), counter.buy()
    counter.advance(120)
    counter.text("setStatus", id=first, status=8)
    books = counter.books.as_json()
    assert [books[name] for name in ("spent", "refunded", "owed", "balance")] == [
        "0.666",
        "0.00",
        "0.333",
        "99.334",
    ]
    counter.advance(3600)
    assert (counter.books.refunded, counter.books.owed) == (Decimal("0.333"), Decimal("0.333"))
    rows = {row["id"]: row for row in counter.books.as_json()["leases"]}
    assert (rows[first]["state"], rows[first]["refunded_at"]) == ("cancelled", NOW + 120 + 3600)
    assert (rows[second]["state"], rows[second]["refund_due"]) == ("expired", NOW + 1200 + 3600)


def test_books_are_json_with_every_lease():
    """What the control endpoint shows can be serialised, codes and all."""
    counter = Counter()
    counter.buy()
    counter.rent()
    counter.advance(10)
    shown = json.loads(json.dumps(counter.books.as_json()))
    assert [(row["kind"], len(row["codes"])) for row in shown["leases"]] == [("activation", 1), ("rent", 1)]
    assert "leases" not in counter.books.as_json(leases=False)
    assert (shown["sold"], shown["open"], shown["states"]) == (2, 2, {"code": 2})


def test_calls_that_name_ids_never_issued_are_foreign():
    """Each such call counts, in whatever namespace, and is marked in the log."""
    counter = Counter()
    lease_id = counter.buy()
    counter.text("getStatus", id=lease_id)
    counter.text("getStatus", id=77)
    counter.text("getRentStatus", id=lease_id)
    counter.text("getStatusV2", id=f"{lease_id},88")
    assert counter.books.foreign == 3
    assert [entry.foreign for entry in counter.books.requests] == [False, False, True, True, True]
    assert counter.books.lease(lease_id, Kind.ACTIVATION).calls == 2


def test_a_mark_that_arrives_twice_was_repeated_on_the_way():
    """Calls with the same ref count as repeated, by effect; calls without one never do."""
    counter = Counter()
    for ref in ("a", "b", "a", None, None):
        counter.buy(ref=ref)
    counter.text("setStatus", id=counter.books.leases[0].id, status=1, ref="b")
    assert dict(counter.books.repeated) == {"purchase": 1, "lease_write": 1}
    assert [entry.repeated for entry in counter.books.requests] == [False, False, True, False, False, True]


def test_calls_are_counted_by_action_and_by_word():
    """The first word of an answer, or the fault that a call met."""
    counter = Counter()
    counter.buy()
    counter.text("getNumber", service="")
    counter.data("getPrices")
    counter.become(reset=1)
    counter.serve("getBalance")
    assert dict(counter.books.by_action) == {"getNumber": 2, "getPrices": 1, "getBalance": 1}
    assert dict(counter.books.by_word) == {"ACCESS_NUMBER": 1, "BAD_SERVICE": 1, "JSON": 1, "RESET": 1}
    assert counter.books.calls == 4


@pytest.mark.parametrize("place", ["query", "body", "header", "escaped"])
def test_no_key_is_in_the_books(place):
    """The log has the key's fingerprint, wherever the key was."""
    counter = Counter()
    query = {"query": f"api_key={CLIENT_KEY}&", "escaped": f"api%5Fkey={CLIENT_KEY}&"}.get(place, "")
    body = f"api_key={CLIENT_KEY}&id=7".encode() if place == "body" else b""
    headers = {"content-type": FORM} | ({"x-apikey": CLIENT_KEY} if place == "header" else {})
    counter.desk.serve(received("POST", f"{PATH}?{query}action=getBalance", headers, body, "192.0.2.7"))
    (entry,) = counter.books.log()
    assert entry["result"] == "ACCESS_BALANCE"
    assert len(entry["key"]) == 8
    assert CLIENT_KEY not in json.dumps(entry) + json.dumps(counter.books.as_json()) + repr(
        counter.books.requests
    )


def test_the_log_shows_what_arrived():
    """Method, path, query, names of headers, body and source; the latest of one action when asked."""
    counter = Counter()
    counter.text("getBalance", headers={"user-agent": "x"}, source="192.0.2.9")
    counter.text("getPrices")
    counter.text("getBalance")
    (first, second) = counter.books.log("getBalance")
    assert (first["method"], first["path"], first["source"], first["headers"]) == (
        "GET",
        PATH,
        "192.0.2.9",
        ("user-agent",),
    )
    assert first["query"].endswith("action=getBalance")
    assert counter.books.log(limit=1) == [second]


def test_the_log_is_bounded_and_the_counts_are_not():
    """Old requests go, counters stay."""
    desk = Desk(Behaviour(), lambda: NOW, "1", log_size=3)
    for _ in range(5):
        desk.serve(received("GET", f"{PATH}?api_key=k&action=getBalance", {}, b"", ""))
    assert (len(desk.books.requests), desk.books.calls) == (3, 5)
