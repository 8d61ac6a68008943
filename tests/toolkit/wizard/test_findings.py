"""What a repository says about its migration."""

from pathlib import Path

import pytest

from canary.gateway.config import shipped_profile, shipped_profiles
from canary.toolkit.inventory.tree import TreeError, take
from canary.toolkit.wizard.findings import Findings, Place, findings, named, provider_at, webhook_files
from tests.toolkit.wizard.shop import shop, tidy

OLD = "https://api.sms-activate.org/stubs/handler_api.php"


def of(root: Path) -> Findings:
    return findings(take([root], shipped_profile("generic")), [*webhook_files(root)])


def names(places: object) -> list[str]:
    assert isinstance(places, list | tuple)
    return [f"{Path(one.path).name}:{one.line}" for one in places]


def test_addresses_calls_and_countries_have_their_places(tmp_path: Path) -> None:
    """Of code in every language; what documents say comes last."""
    found = of(shop(tmp_path))
    assert [*found.urls][-1] == "https://smshub.org/stubs/handler_api.php"
    assert names(found.urls[OLD]) == ["buy.py:3"]
    assert {name: len(places) for name, places in found.calls.items()} == {
        "getNumber": 1,
        "getRentNumber": 1,
        "getStatus": 1,
    }
    assert found.rents == ["getRentNumber"]
    assert names(found.numeric) == ["buy.py:8"]
    assert [Path(path).name for path in found.webhooks] == ["hook.js"]


def test_what_new_does_not_have_is_found(tmp_path: Path) -> None:
    """By its profile."""
    found = of(shop(tmp_path))
    assert [*found.unsupported(shipped_profile("verifysms"))] == ["getRentNumber"]
    assert found.unsupported(shipped_profile("generic")) == {}


def test_only_the_old_provider_s_hosts_count_as_its_own(tmp_path: Path) -> None:
    """Another provider that the code knows must not be answered by this harness."""
    found = of(shop(tmp_path))
    assert found.of_provider(OLD) == ["sms-activate.org"]
    assert [Path(path).name for path in found.hard_coded(OLD)] == ["buy.py", "hook.js"]
    assert found.fixed(OLD)
    assert found.of_provider("https://daisysms.com/stubs/handler_api.php") == ["daisysms.com"]


def test_an_address_in_one_place_is_changed_there(tmp_path: Path) -> None:
    """A setting is no hard-coded address."""
    found = of(tidy(tmp_path))
    [url] = found.urls
    assert names(found.urls[url]) == ["settings.env:1"]
    assert not found.fixed(url)


def test_a_library_s_address_cannot_be_changed(tmp_path: Path) -> None:
    """Where nothing but a client library of the old provider is used."""
    (tmp_path / "requirements.txt").write_text("smsactivate==1.5\n")
    assert of(tmp_path).fixed(OLD)


def test_a_host_that_nobody_knows_is_one_all_the_same(tmp_path: Path) -> None:
    """A reseller's own address."""
    url = "http://numbers.example/api/handler_api.php"
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(f'get("{url}?api_key=" + key + "&action=getBalance")\n')
    found = of(tmp_path)
    assert found.of_provider(url) == ["numbers.example"]
    assert len(found.urls[url]) == 2


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        (OLD, "sms-activate"),
        ("https://hero-sms.com/stubs/handler_api.php", "herosms"),
        ("https://api.verifysms.app/compat/handler_api.php", "verifysms"),
        ("https://api.verifysms.app", "verifysms-native"),
        ("https://5sim.net", "5sim-native"),
        ("http://api1.5sim.net/stubs/handler_api.php", "5sim"),
        ("http://numbers.example/stubs/handler_api.php", ""),
        ("http://numbers.example/", ""),
    ],
)
def test_an_address_tells_its_provider(url: str, provider: str) -> None:
    """By host, and by whether handler_api.php is asked; the profile is one that comes with the package."""
    assert provider_at(url) == provider
    assert provider in {"", *shipped_profiles()}


def test_many_places_are_a_few_and_a_number() -> None:
    """A comment is no list."""
    places = [Place("a.py", n) for n in range(9)]
    assert named(places[:2]) == "a.py:0, a.py:1"
    assert named(places).endswith("a.py:4 and 4 more")


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By the same error as the inventory's."""
    with pytest.raises(TreeError):
        [*webhook_files(tmp_path / "nothing")]
