"""The profile's say in a provider's own API."""

import pytest

from canary.core.dialects import DIALECTS, HANDLER_API
from canary.core.dialects.speech import actions
from canary.core.policy.load import PolicyError, parse_profile
from canary.core.policy.native import known_dialect, with_unsupported


def profile(text: str) -> str:
    return f"name: own\ntitle: Own\n{text}\n"


def test_dialects_have_names() -> None:
    """An unknown one is refused with those that there are."""
    assert [known_dialect(name) for name in (HANDLER_API, *DIALECTS)] == [HANDLER_API, *DIALECTS]
    with pytest.raises(
        PolicyError, match=r"p:3: dialect: there is no dialect 5sim; expected one of handler_api, "
    ):
        parse_profile(profile("dialect: 5sim"), "p")


@pytest.mark.parametrize("name", DIALECTS)
def test_what_a_dialect_has_no_counterpart_for_is_unsupported(name: str) -> None:
    """Beside what the profile names itself: it is counted before the cutover, and its callers are found."""
    found = parse_profile(
        profile(f"dialect: {name}\nunsupported_actions: [getStatus]"), "p"
    ).unsupported_actions
    assert found[0] == "getStatus"
    assert set(found) - {"getStatus"} == set(with_unsupported(name, ()))
    assert not set(found[1:]) & actions(DIALECTS[name])
    assert parse_profile(profile("unsupported_actions: [keep]"), "p").unsupported_actions == ("keep",)


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ("native: {statuses: {a: b}}", r"p:3: native\.statuses\.a: "),
        ("native: {refusals: {a: no numbers}}", r"p:3: native\.refusals\.a: expected a word of handler_api"),
        ("native: {field: {}}", r"p:3: native\.field: unknown key; did you mean fields\?"),
        ("native: {services: [tg]}", r"p:3: native\.services: expected a mapping"),
    ],
)
def test_a_bad_table_is_refused_with_its_place(section: str, place: str) -> None:
    """File, line and key."""
    with pytest.raises(PolicyError, match=place):
        parse_profile(profile(section), "p")


def test_countries_of_an_api_of_its_own_are_not_what_clients_say() -> None:
    """They say the legacy's ids, which are translated."""
    table = "countries: {RU: russia}"
    assert parse_profile(profile(table), "p").client_countries == {"RU": "russia"}
    assert parse_profile(profile(f"dialect: 5sim-native\n{table}"), "p").client_countries == {}
