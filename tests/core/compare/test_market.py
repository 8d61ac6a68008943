"""Prices and stock, told as figures."""

from collections import Counter
from decimal import Decimal

import pytest

from canary.core.compare.market import MAX_OFFERS, Market, market_counts
from canary.core.model import Arm
from tests.core.compare.replies import Reply, data, tseen
from tests.factories import tcall

SAME = dict.fromkeys(Arm, Decimal(1))


def counts(action: str, old: Reply, new: Reply, factors: dict[Arm, Decimal] = SAME) -> Counter[str]:
    call = tcall(action)
    return market_counts(call, tseen(call, old), tseen(call, new), factors)


def offer(cost: object, count: object = 5) -> dict[str, object]:
    return {"cost": cost, "count": count}


def test_offers_are_told_apart_by_who_has_them() -> None:
    """In stock at both, at old alone, at new alone; without stock at neither."""
    old = data({"6": {"tg": offer("0.20"), "wa": offer(1), "vk": offer(1, 0)}})
    new = data({"6": {"tg": offer(0.10), "ig": offer(1), "vk": offer(1, "0")}})
    market = Market.of(counts("getPrices", old, new))
    assert (market.pairs, market.both, market.only_old, market.only_new) == (1, 1, 1, 1)


def test_prices_are_a_ratio_over_what_both_have() -> None:
    """Half the price here and twice the price there is the same price on average."""
    old = data({"6": {"tg": offer(0.20), "wa": offer(1), "ig": offer(3)}})
    new = data({"6": {"tg": offer("0.10"), "wa": offer(2), "ig": offer(3)}})
    market = Market.of(counts("getPrices", old, new))
    assert (market.priced, market.cheaper, market.dearer) == (3, 1, 1)
    assert market.price_ratio == pytest.approx(1)


def test_currencies_are_made_comparable_by_the_policys_factors() -> None:
    """Old in roubles at 0.0125 dollars each: 80 roubles are a dollar."""
    factors = {Arm.OLD: Decimal("0.0125"), Arm.NEW: Decimal(1)}
    market = Market.of(
        counts("getPrices", data({"6": {"tg": offer(80)}}), data({"6": {"tg": offer(1)}}), factors)
    )
    assert (market.cheaper, market.dearer, market.price_ratio) == (0, 0, 1)


def test_stock_without_prices_is_compared_whatever_its_suffix() -> None:
    """``vk_0`` and ``vk`` are the same service."""
    market = Market.of(counts("getNumbersStatus", data({"vk_0": "7"}), data({"vk": 9})))
    assert (market.both, market.priced, market.price_ratio) == (1, 0, None)


def test_figures_of_many_pairs_add_up() -> None:
    """Counters are sums, so that proxies can be added up."""
    pair = counts("getPrices", data({"6": {"tg": offer(1)}}), data({"6": {"tg": offer(4)}}))
    other = counts("getPrices", data({"6": {"tg": offer(1)}}), data({"6": {"tg": offer(1)}}))
    market = Market.of(pair + other)
    assert (market.pairs, market.priced) == (2, 2)
    assert market.price_ratio == pytest.approx(2)


def test_a_whole_catalogue_is_looked_at_in_part_but_evenly() -> None:
    """Of many offers a bounded number counts, and those of either arm keep their share."""
    old = data({str(c): {f"s{n}": offer(1) for n in range(100)} for c in range(50)})
    new = data({str(c): {f"s{n}": offer(1) for n in range(100)} for c in range(100)})
    market = Market.of(counts("getPrices", old, new))
    assert market.both + market.only_new <= MAX_OFFERS
    assert market.both == pytest.approx(market.only_new, abs=2)


@pytest.mark.parametrize("junk", ["BAD_KEY", "{}", "[1]", data({"6": 1}), data({"6": {"tg": [1]}}), '{"6":'])
def test_junk_has_no_offers(junk: str) -> None:
    """What is no table of prices adds nothing to prices."""
    assert Market.of(counts("getPrices", data({"6": {"tg": offer(1)}}), junk)).priced == 0


@pytest.mark.parametrize("cost", [0, -1, "1e-400", "1e400", "NaN", None, True, "free"])
def test_a_price_that_is_none_is_left_out(cost: object) -> None:
    """Nothing, less than nothing, and numbers beyond all prices."""
    pair = counts("getPrices", data({"6": {"tg": offer(1)}}), data({"6": {"tg": offer(cost)}}))
    assert pair["market_priced"] == 0
