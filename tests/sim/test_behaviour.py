from decimal import Decimal
from random import Random
from statistics import median

import pytest

from canary.sim.behaviour import Behaviour, Spread


def test_a_spread_has_its_median_and_95th_percentile():
    """Drawn lengths have the stated median and 95th percentile."""
    spread, random = Spread(median=2.0, p95=9.0), Random(7)
    drawn = sorted(spread.draw(random) for _ in range(20_000))
    assert median(drawn) == pytest.approx(2.0, rel=0.05)
    assert drawn[19_000] == pytest.approx(9.0, rel=0.1)


def test_a_spread_without_percentile_is_constant():
    """A bare duration never varies."""
    assert {Spread(median=3.0).draw(Random(n)) for n in range(20)} == {3.0}


def test_tables_go_by_service_and_country_then_by_service_then_by_default():
    """The most exact entry of a table wins."""
    behaviour = Behaviour(
        price="0.20",
        prices={"wa": "0.50", "wa/6": "0.40"},
        success=0.9,
        success_of={"tg": 0.1},
        stock_out_of={"tg/0": 1},
    )
    assert behaviour.price_of("wa", "6") == Decimal("0.40")
    assert behaviour.price_of("wa", "0") == Decimal("0.50")
    assert behaviour.price_of("tg", "6") == Decimal("0.20")
    assert (behaviour.success_for("tg", "6"), behaviour.success_for("wa", "6")) == (0.1, 0.9)
    assert (behaviour.stock_out_for("tg", "0"), behaviour.stock_out_for("tg", "6")) == (1.0, 0.0)
