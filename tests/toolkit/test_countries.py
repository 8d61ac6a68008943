"""One table of countries, read from any shape of getCountries, and every known disagreement found."""

import pytest

from canary.core.policy.load import parse_profile
from canary.core.policy.model import Profile
from canary.gateway.config import SHIPPED, shipped_profile
from canary.gateway.countries import load
from canary.toolkit.countries import (
    Comparison,
    Listed,
    Mapped,
    compared,
    documented,
    listed,
    live,
)

LEGACY, HERO, COMPAT = (shipped_profile(name) for name in ("sms-activate", "herosms", "verifysms"))


def between(old: Profile, new: Profile, **translated: str) -> Comparison:
    """Two documented providers."""
    return compared(documented(old, "old"), documented(new, "new"), translated)


def against(*rows: Listed) -> Comparison:
    """The legacy table beside what a provider lists itself."""
    profile = parse_profile("name: x\ntitle: X\n", "x")
    return compared(documented(LEGACY, "old"), live(profile, "new", rows), {})


def row(found: Comparison, iso2: str) -> Mapped:
    return next(one for one in found.rows if one.iso2 == iso2)


# --- getCountries ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"0": {"id": 0, "rus": "Россия", "eng": "Russia", "visible": 1}}, Listed("0", "Russia")),
        ({"6": {"eng": "Indonesia"}}, Listed("6", "Indonesia")),
        ([{"id": 6, "eng": "Indonesia"}], Listed("6", "Indonesia")),
        ([{"id": "6", "name": "Indonesia", "iso": "id"}], Listed("6", "Indonesia", "ID")),
        ([{"countryName": "Tajikistan", "countryCode": "tj"}], Listed("tj", "Tajikistan", "TJ")),
        ({"status": "success", "countries": {"6": {"id": 6}}}, Listed("6")),
        ({"data": [{"id": 6, "title": "Indonesia", "code": "62"}]}, Listed("6", "Indonesia")),
    ],
)
def test_every_shape_is_read(answer: object, expected: Listed) -> None:
    """An object keyed by id, a list, an envelope around either; names and codes where there are some."""
    assert listed(answer) == (expected,)


@pytest.mark.parametrize(
    "answer", [None, "BAD_KEY", 1, [], {}, [1, "x"], {"0": "Russia"}, {"status": "error"}]
)
def test_what_is_no_table_has_no_rows(answer: object) -> None:
    """Nothing is made up, and nothing breaks."""
    assert listed(answer) == ()


# --- disagreements --------------------------------------------------------------------------------------------


def test_russia_is_another_id_at_herosms() -> None:
    """0 becomes 222, and the policy's line says so."""
    found = between(LEGACY, HERO)
    assert row(found, "RU").old == ("0",)
    assert row(found, "RU").new == ("222",)
    assert "0 at old is 222 at new" in row(found, "RU").disagreements
    assert found.translate == {"0": "222"}


def test_a_policy_that_translates_has_nothing_left_to_do() -> None:
    """What the policy says is taken into account."""
    found = between(LEGACY, HERO, **{"0": "222"})
    assert found.translate == {}
    assert not any("is 222 at new" in one for one in row(found, "RU").disagreements)


def test_a_policy_that_translates_wrongly_is_told() -> None:
    """A translation to an id that means nothing there is no translation."""
    assert between(LEGACY, HERO, **{"0": "223"}).translate == {"0": "222"}


@pytest.mark.parametrize("iso2", ["RU", "US", "CD", "CG", "BT"])
def test_the_known_traps_are_always_shown(iso2: str) -> None:
    """Even between providers that agree: clients' own tables may not."""
    assert row(between(LEGACY, COMPAT), iso2).disagreements


def test_the_usa_are_ambiguous() -> None:
    """187 is preferred; 12 is not known to exist elsewhere, and nothing is proposed for it."""
    found = between(LEGACY, COMPAT)
    assert (row(found, "US").old, row(found, "US").new) == (("187", "12"), ("187",))
    assert "12 at old is not known to be at new" in row(found, "US").disagreements
    assert found.translate == {}


def test_countries_on_which_all_agree_are_no_disagreement() -> None:
    """Indonesia is 6 everywhere."""
    assert row(between(LEGACY, HERO), "ID") == Mapped("ID", "Indonesia", ("6",), ("6",), ("6",))


def test_every_shipped_profile_can_be_compared() -> None:
    """No profile names a country that the comparison cannot place."""
    for path in sorted((SHIPPED / "providers").glob("*.yaml")):
        assert len(between(LEGACY, shipped_profile(path.stem)).rows) == len({c.iso2 for c in load()})


# --- live tables ----------------------------------------------------------------------------------------------


def test_swapped_ids_are_found_by_name() -> None:
    """A provider that numbers the Congos the other way round needs both translated."""
    found = against(Listed("18", "Congo"), Listed("150", "DR Congo"))
    assert found.translate == {"18": "150", "150": "18"}
    assert "18 at new is Congo" in row(found, "CD").disagreements


def test_a_name_that_nobody_knows_proves_nothing() -> None:
    """England and United Kingdom are the same id: names differ between providers, so the id decides."""
    found = against(Listed("16", "United Kingdom of Great Britain"))
    assert row(found, "GB").new == ("16",)
    assert not row(found, "GB").disagreements


def test_a_country_that_is_not_listed_is_missing() -> None:
    """What old offers and new does not list is said."""
    found = against(Listed("6", "Indonesia"))
    assert row(found, "UA").new == ()
    assert row(found, "UA").disagreements == ("1 at old is not known to be at new",)


def test_a_code_in_the_row_decides() -> None:
    """A provider with ids of its own and ISO codes can be mapped whole."""
    found = against(Listed("70", "Somewhere", "RU"), Listed("indonesia", "", "ID"))
    assert found.translate == {"0": "70", "6": "indonesia"}
