"""How an arm's own API is spoken, by its policy and profile."""

from pathlib import Path

import pytest

from canary.core.dialects import DIALECTS
from canary.core.dialects.model import Naming
from canary.core.model import Arm
from canary.core.policy.load import parse_profile
from canary.gateway.config import Loaded, load, shipped_profile
from canary.gateway.natives import native_of, settings_of
from tests.rig import policy, written


def loaded(folder: Path, **new: object) -> Loaded:
    return load(written(folder, policy("http://old.test/handler_api.php", "http://new.test/v1/", new=new)))


def test_most_arms_speak_handler_api(tmp_path: Path) -> None:
    """They need nothing."""
    assert native_of(loaded(tmp_path, provider="verifysms"), Arm.NEW) is None


def test_an_arm_is_spoken_to_below_its_address(tmp_path: Path) -> None:
    """With its timeout for a whole call; of a client's headers its name and the sandbox's alone."""
    native = native_of(loaded(tmp_path, provider="verifysms-native", timeout="7s"), Arm.NEW)
    assert native is not None
    assert (native.base, native.patience) == ("/v1", 7.0)
    assert native.forwarded == {"user-agent", "x-sandbox-mode"}
    assert native.kept == {"retry-after", "x-verifysms-cost"}
    assert native.dialect.authorization("key") == ("Authorization", "Bearer key")


def test_a_profile_may_say_where_the_key_goes(tmp_path: Path) -> None:
    """Where that is not public."""
    (tmp_path / "own.yaml").write_text(
        "name: own\ntitle: Own\ndialect: verifysms-native\nnative: {key_header: X-Key, scheme: ''}\n"
    )
    native = native_of(loaded(tmp_path, provider="./own.yaml"), Arm.NEW)
    assert native is not None
    assert native.dialect.authorization("key") == ("X-Key", "key")


@pytest.mark.parametrize(
    ("profile", "said", "own", "shown"),
    [
        ("5sim-native", "6", "indonesia", "6"),
        ("5sim-native", "id", "indonesia", "6"),
        ("5sim-native", "187", "usa", "187"),
        ("5sim-native", "12", "usa", "187"),
        ("5sim-native", "16", "england", "16"),
        ("smspva", "16", "UK", "16"),
        ("smspva", "0", "RU", "0"),
        ("smspva", "US", "US", "187"),
        ("herosms-v1", "0", "222", "0"),
        ("herosms-v1", "222", "222", "0"),
        ("herosms-v1", "RU", "222", "0"),
        ("herosms-v1", "6", "6", "6"),
        ("textverified", "187", "US", "187"),
        ("verifysms-native", "6", "6", "6"),
        ("5sim-native", "atlantis", "atlantis", "atlantis"),
    ],
)
def test_countries(profile: str, said: str, own: str, shown: str) -> None:
    """Legacy ids and ISO codes in the provider's own names, and its names in legacy ids."""
    found = shipped_profile(profile)
    names = settings_of(DIALECTS[found.dialect], found)
    assert (names.country(said), names.id(own)) == (own, shown)


def test_services_go_by_the_client_s_codes() -> None:
    """Numbers in a profile are names all the same."""
    profile = parse_profile("name: x\ntitle: X\ndialect: smspva\nnative: {services: {tg: 29}}\n", "x")
    names = settings_of(DIALECTS["smspva"], profile)
    assert (names.service("tg"), names.code("29"), names.lifetime) == ("29", "tg", 1200.0)


@pytest.mark.parametrize("name", ["5sim-native", "smspva", "textverified", "herosms-v1", "verifysms-native"])
def test_shipped_tables_are_unambiguous(name: str) -> None:
    """No two countries have one name, and every profile of a dialect that names numbers apart has all dial codes."""
    profile = shipped_profile(name)
    dialect = DIALECTS[profile.dialect]
    names = settings_of(dialect, profile)
    if dialect.naming is not Naming.ID:
        assert len(names.ids) == len(set(names.ids.values()))
    assert all(code.isdecimal() for code in names.dial_codes.values())
    assert set(names.dial_codes) <= set(names.ids)
