from decimal import Decimal

import pytest

from tests.sim.counter import Counter


def test_any_key_is_good_unless_keys_are_configured():
    """A configured provider knows its keys; no key at all is never good."""
    assert Counter().text("getBalance", key="whatever").startswith("ACCESS_BALANCE")
    assert Counter().text("getBalance", key=None) == "NO_KEY"
    assert Counter(keys=("right",)).text("getBalance", key="right").startswith("ACCESS_BALANCE")
    assert Counter(keys=("right",)).text("getBalance", key="wrong") == "BAD_KEY"


def test_a_limited_call_is_told_when_to_come_back():
    """429 with Retry-After, and nothing is bought."""
    counter = Counter(rate_limit={"per_second": 0.1, "burst": 1})
    counter.buy()
    answer = counter.answer("getNumber", service="tg")
    assert (answer.status, answer.text, answer.headers) == (429, "RATE_LIMITED", (("Retry-After", "10"),))
    assert len(counter.books.leases) == 1


def test_the_limit_is_per_key_and_source_when_it_says_so():
    """Each address has the limit for itself."""
    counter = Counter(rate_limit={"per_second": 0.1, "burst": 1, "scope": "key_and_source"})
    statuses = [counter.answer("getBalance", source=source).status for source in ("a", "b", "a")]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("action", "params", "price"),
    [
        ("getNumber", {}, "0.20"),
        ("getNumberV2", {}, "0.20"),
        ("getMultiServiceNumber", {"multiService": "tg,wa"}, "0.70"),
        ("getRentNumber", {"rent_time": 2}, "1.00"),
    ],
)
def test_purchases_tell_their_price_in_the_cost_header(action, params, price):
    """The header has the exact amount; other calls have none."""
    counter = Counter(cost_header="X-VerifySMS-Cost", prices={"wa": "0.50"})
    answer = counter.answer(action, service="tg", country=6, **params)
    assert answer.headers == (("X-VerifySMS-Cost", price),)
    assert counter.books.spent == Decimal(price)
    assert counter.answer("getBalance").headers == ()


@pytest.mark.parametrize(("value", "spent"), [("1", "0"), ("true", "0"), ("0", "0.20"), ("", "0.20")])
def test_the_sandbox_header_makes_purchases_free(value, spent):
    """A sandboxed lease is marked in the books and costs nothing."""
    counter = Counter(sandbox_header="X-Sandbox-Mode")
    counter.buy(headers={"x-sandbox-mode": value})
    assert counter.books.spent == Decimal(spent)
    assert counter.books.leases[0].sandbox == (spent == "0")


def test_without_a_sandbox_the_header_means_nothing():
    """A provider without one charges."""
    counter = Counter()
    counter.buy(headers={"x-sandbox-mode": "1"})
    assert counter.books.spent == Decimal("0.20")


def test_latency_goes_by_action():
    """An action may have a latency of its own."""
    counter = Counter(latency="50ms", latencies={"getNumber": "2s"})
    assert counter.serve("getBalance").delay == 0.05
    assert counter.serve("getNumber", service="tg").delay == 2.0


def test_the_same_calls_with_the_same_seed_are_served_the_same():
    """Everything random repeats."""

    def run(seed: str) -> list[tuple]:
        counter = Counter(
            seed=seed,
            success=0.5,
            stock_out=0.3,
            empty=0.2,
            latency={"median": 1, "p95": 4},
            code_delay={"median": 5, "p95": 9},
        )
        served = [counter.serve("getNumber", service="tg", country=6) for _ in range(50)]
        return [(one.answer, one.fault, one.delay) for one in served]

    assert run("1") == run("1")
    assert run("1") != run("2")
