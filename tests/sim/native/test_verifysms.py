"""VerifySMS's own API by its public paths."""

import json

from tests.sim.native.counter import Counter

ORDER = {"service": "tg", "country": "6"}


def test_a_life() -> None:
    """Statuses in handler_api's numbers; the price in the body and in the header."""
    counter = Counter("verifysms-native")
    answer = counter.ask("POST", "/rentals", ORDER)
    rental = json.loads(answer.text)["data"]
    assert (answer.status, rental["status"], rental["price"]) == (201, "waiting", 0.2)
    assert ("X-VerifySMS-Cost", "0.20") in answer.headers
    path = f"/rentals/{rental['id']}"
    counter.clock.advance(11)
    assert counter.get(path)["data"]["status"] == "received"
    for status, said in ((3, "retry"), (6, "completed")):
        told = counter.ask("POST", f"{path}/status", {"status": status})
        assert json.loads(told.text)["data"]["status"] == said
    assert counter.ask("POST", f"{path}/status", {"status": 8}).status == 409


def test_the_sandbox_costs_nothing() -> None:
    """With its header."""
    counter = Counter("verifysms-native")
    sold = json.loads(counter.ask("POST", "/rentals", ORDER, **{"x-sandbox-mode": "1"}).text)["data"]
    assert (sold["price"], counter.desk.books.spent) == (0, 0)


def test_refusals_and_lists() -> None:
    """Words of handler_api under ``error``; lists under ``data``."""
    refused = Counter("verifysms-native", stock_out=1).ask("POST", "/rentals", ORDER)
    assert (refused.status, json.loads(refused.text)) == (404, {"error": "NO_NUMBERS"})
    counter = Counter("verifysms-native")
    assert counter.get("/balance")["data"]["balance"] == 10000
    assert len(counter.get("/prices?service=tg&country=6")["data"]) == 1
    assert {"id", "iso2", "name"} == counter.get("/countries")["data"][0].keys()
    assert (
        json.loads(counter.ask("POST", "/rentals/long", {**ORDER, "hours": 24}).text)["data"]["price"] == 12
    )
