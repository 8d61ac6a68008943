"""The one table of countries: whole, and right where public tables are not."""

import pytest

from canary.gateway.countries import Country, by_id, by_iso, load


def test_the_table_is_whole() -> None:
    """Ids 0 to 204 and HeroSMS's Russia, each once, each with a code."""
    assert [country.id for country in load()] == [*range(205), 222]
    assert all(len(country.iso2) == 2 and country.iso2.isupper() and country.name for country in load())


@pytest.mark.parametrize(
    ("own", "iso2"),
    [
        ("0", "RU"),
        ("222", "RU"),
        ("12", "US"),
        ("187", "US"),
        ("6", "ID"),
        ("18", "CD"),
        ("150", "CG"),
        ("158", "BT"),
        ("195", "BM"),
    ],
)
def test_ids_are_no_iso_codes(own: str, iso2: str) -> None:
    """The ids that public tables have wrong."""
    assert by_id()[own].iso2 == iso2


def test_only_two_codes_have_two_ids() -> None:
    """Russia and the USA: there a code alone does not name an id."""
    codes = [country.iso2 for country in load()]
    assert {code for code in codes if codes.count(code) > 1} == {"RU", "US"}


def test_a_row_says_whose_it_is() -> None:
    """Each id is of SMS-Activate, of HeroSMS, or of both."""
    assert all(country.in_sms_activate or country.in_hero_sms for country in load())
    assert by_id()["0"] == Country(0, "Russia", "RU", True, False, by_id()["0"].notes)


def test_each_code_means_one_country() -> None:
    """By ISO code a country has the id that is meant where it has several."""
    assert (by_iso()["US"].id, by_iso()["RU"].id, by_iso()["ID"].id) == (187, 0, 6)
    assert set(by_iso()) == {country.iso2 for country in load()}
