import pytest

from tests.sim.counter import Counter


def test_prices_go_by_country_then_service():
    """getPrices has cost, count and physicalCount, filtered as asked."""
    counter = Counter(prices={"wa": "0.5", "wa/6": "0.25"})
    everything = counter.data("getPrices")
    assert everything["0"]["wa"]["cost"] == 0.5
    assert counter.data("getPrices", country=6, service="wa") == {"6": {"wa": everything["6"]["wa"]}}
    assert set(everything["6"]["wa"]) == {"cost", "count", "physicalCount"}
    assert everything["6"]["wa"]["cost"] == 0.25
    assert counter.data("getPrices", service="zz") == {}


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("getPricesExtended", {"6": {"tg": {"cost": 0.2, "count": 250}}}),
        ("getPricesVerification", {"tg": {"6": {"count": 250, "price": 0.2}}}),
        ("getPricesV2", {"6": {"tg": {"0.20": 250}}}),
        ("getPricesV3", {"6": {"tg": {"1": {"provider_id": 1, "price": 0.2, "count": 250}}}}),
    ],
)
def test_other_price_tables_have_their_own_shapes(action, answer):
    """Each variant of getPrices is answered as its documentation shows it."""
    assert Counter().data(action, country=6, service="tg") == answer


def test_free_prices_are_told_when_asked_for():
    """freePrice adds the map of prices to counts."""
    row = Counter().data("getPricesExtended", country=6, service="tg", freePrice="true")["6"]["tg"]
    assert row["freePriceMap"] == {"0.20": 250}
    assert "freePriceMap" in Counter().data("getTopCountriesByService", service="tg", freePrice=1)["0"]


def test_numbers_status_is_json_called_html_with_strings_in_it():
    """Captured in 2025: keys without suffix, values as strings, text/html."""
    answer = Counter().answer("getNumbersStatus", country=6)
    assert answer.content_type == "text/html; charset=UTF-8"
    assert Counter().data("getNumbersStatus", country=6)["tg"] == "250"


def test_a_stock_out_empties_the_tables():
    """What cannot be bought is not shown as there."""
    counter = Counter(stock_out_of={"tg": 1})
    assert counter.data("getNumbersStatus", country=6)["tg"] == "0"
    assert counter.data("getPrices", country=6, service="tg")["6"]["tg"]["count"] == 0


def test_countries_are_keyed_by_their_numeric_id():
    """The reference answers an object: Russia is 0, the USA 187, Indonesia 6."""
    countries = Counter().data("getCountries")
    assert {countries[n]["eng"] for n in ("0", "6", "187")} == {"Russia", "Indonesia", "USA"}
    assert all(row["id"] == int(key) for key, row in countries.items())


def test_services_are_listed_by_code():
    """Both lists name every service."""
    listed = Counter().data("getServicesList")
    assert listed["status"] == "success"
    assert {"code": "tg", "name": "Telegram"} in listed["services"]
    assert Counter().data("getServices")["tg"] == "Telegram"


def test_operators_are_listed_by_country():
    """One country or all of them; an unknown one has its word."""
    assert list(Counter().data("getOperators", country=6)["countryOperators"]) == ["6"]
    assert len(Counter().data("getOperators")["countryOperators"]) > 5
    assert Counter().text("getOperators", country=999) == "OPERATORS_NOT_FOUND"


@pytest.mark.parametrize("action", ["getTopCountriesByService", "getTopCountriesByServiceRank"])
def test_top_countries_are_keyed_by_rank_not_by_country(action):
    """The cheapest country comes first, under "0"."""
    table = Counter(prices={"tg/187": "0.05"}).data(action, service="tg")
    assert (table["0"]["country"], table["0"]["price"]) == (187, 0.05)
    assert set(table["0"]) == {"country", "count", "price", "retail_price"}
    assert Counter().text(action) == "BAD_SERVICE"


def test_the_list_of_top_countries_has_shares_and_rates():
    """Rates are the success that the behaviour gives."""
    rows = Counter(success=0.9).data("getListOfTopCountriesByService", service="tg", length=2)
    assert len(rows) == 2
    assert rows[0]["rate"] == 90.0
    assert set(rows[0]) == {"country", "share", "rate"}


@pytest.mark.parametrize("action", ["getPrices", "getNumbersStatus"])
def test_an_unknown_country_is_refused(action):
    """There is no country 999."""
    assert Counter().text(action, country=999) == "BAD_COUNTRY"
