"""Probing new: what is asked, what is never done, and what is found."""

from pathlib import Path

import pytest

from canary.core.compare.judge import Exemption
from canary.core.compare.traits import Aspect
from canary.core.dialects import DIALECTS
from canary.sim.profiles import PROFILES
from canary.toolkit.probed import Result
from tests.gateway.traffic import FOUND
from tests.toolkit.probing import probed
from tests.upstreams import nobody, url_of

NEEDS_A_CODE = {"colon_code", "word_code", "cancel_ready"}
NEEDS_TIME = {"early_cancel"}
NEEDS_ANOTHER_OLD = {drift for drift, (old, _) in FOUND.items() if old} | {"big_id"}


@pytest.mark.parametrize("name", sorted(set(PROFILES) - set(DIALECTS)))
async def test_a_provider_is_no_different_from_its_documentation(name: str, tmp_path: Path) -> None:
    """Each known dialect against itself, purchases included: nothing would break, and nothing is charged."""
    subject = {"service": "telegram"} if name == "5sim" else {}
    async with probed(tmp_path, name, name, subject=subject) as done:
        assert done.worse == {}
        assert done.found.sound
        assert done.new.books.spent == 0


LACKS = {
    "5sim-native": {"getPrices"},  # of everything at once
    "smspva": {"getNumbersStatus", "getPrices", "getTopCountriesByService", "getCountries"},
    "textverified": {"getNumbersStatus", "getPrices", "getTopCountriesByService", "getCountries"},
    "herosms-v1": {"getBalance", "getCountries"},
    "verifysms-native": set(),
}
"""Where clients of SMS-Activate would break on a provider's own API: docs/dialects.md says the same."""


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_api_of_its_own_differs_where_it_has_no_counterpart(dialect: str, tmp_path: Path) -> None:
    """Everything else is what clients of SMS-Activate are used to, ids and purchases in the sandbox included."""
    subject = {"country": "187"} if dialect == "textverified" else {}
    side = {"provider": dialect, "headers": {"X-API-USERNAME": "somebody"}}
    sandbox = dialect == "verifysms-native"
    async with probed(tmp_path, dialect, subject=subject, side=side, sandbox=sandbox) as done:
        assert set(done.worse) == LACKS[dialect]
        assert done.new.books.spent == 0


@pytest.mark.parametrize("drift", sorted({*FOUND} - NEEDS_A_CODE - NEEDS_TIME - NEEDS_ANOTHER_OLD))
async def test_a_drift_shows_before_any_traffic(drift: str, tmp_path: Path) -> None:
    """What a new provider answers otherwise is found in two minutes of asking."""
    async with probed(tmp_path, drifts=drift, minimum_hold="0s") as done:
        assert not done.found.sound


async def test_a_difference_says_what_it_breaks(tmp_path: Path) -> None:
    """The action, both sides and the clients."""
    async with probed(tmp_path, drifts="phone_plus") as done:
        row = done.row("getNumber")
        assert (row.result, row.detail) == (Result.DIFFERS, "phone")
        [found] = row.differences
        assert (found.old, found.new) == ("without +", "with +")
        assert "drop the plus" in found.breaks


async def test_what_the_policy_excuses_is_not_told(tmp_path: Path) -> None:
    """Exceptions of the shadow comparison hold for the probe too."""
    subject = {"exemptions": [Exemption(kind=Aspect.PHONE)]}
    async with probed(tmp_path, drifts="phone_plus", subject=subject) as done:
        assert done.found.sound


# --- side effects -------------------------------------------------------------------------------------------------


async def test_without_a_sandbox_nothing_is_bought_or_changed(tmp_path: Path) -> None:
    """Reads alone; of leases only one that does not exist is asked for."""
    async with probed(tmp_path, sandbox=False) as done:
        books = done.new.books
        assert (len(books.leases), books.spent) == (0, 0)
        assert not {"getNumber", "getNumberV2", "setStatus"} & books.by_action.keys()
        assert done.row("purchases").result is Result.SKIPPED


async def test_a_sandbox_that_charges_is_left_at_once(tmp_path: Path) -> None:
    """The header was not obeyed: one number was bought, it is cancelled, and nothing more is."""
    async with probed(tmp_path, sandbox_header="X-Another", minimum_hold="0s") as done:
        row = done.row("sandbox")
        assert row.result is Result.FAILED
        assert "the balance fell from 10000.00 to 9999.80 with a purchase in the sandbox" in row.detail
        assert [lease.state.value for lease in done.new.books.leases] == ["cancelled"]
        assert "getNumberV2" not in done.new.books.by_action


async def test_a_balance_that_cannot_be_read_ends_the_purchases(tmp_path: Path) -> None:
    """It could not be told whether the sandbox charges: one number is bought there, given back, and no more."""
    async with probed(tmp_path, drifts="comma_balance", minimum_hold="0s") as done:
        assert "the balance cannot be read" in done.row("sandbox").detail
        assert [lease.state.value for lease in done.new.books.leases] == ["cancelled"]


async def test_old_is_only_read(tmp_path: Path) -> None:
    """Asked for comparison, it sells nothing."""
    async with probed(tmp_path, both=True) as done:
        assert done.found.sound
        assert done.found.against.startswith("old (SMS-Activate")
        assert done.old.books.calls > 0
        assert (len(done.old.books.leases), done.old.books.spent) == (0, 0)


async def test_no_key_but_the_policys_is_tried_twice(tmp_path: Path) -> None:
    """A wrong key is tried once: providers ban those who guess."""
    async with probed(tmp_path) as done:
        assert done.new.books.by_word["BAD_KEY"] == 1
        assert done.row("wrong key").detail == "refused with BAD_KEY"


# --- keys and reach -----------------------------------------------------------------------------------------------


async def test_a_refused_key_ends_the_probe(tmp_path: Path) -> None:
    """Everything else would only say the same."""
    async with probed(tmp_path, key="another") as done:
        [row] = done.found.rows
        assert (row.what, row.result) == ("key", Result.FAILED)
        assert row.detail == "new answers BAD_KEY to getBalance; nothing more was asked"
        assert done.new.books.calls == 1


async def test_an_arm_out_of_reach_ends_the_probe(tmp_path: Path) -> None:
    """Said in a row, with why."""
    with nobody() as socket:
        async with probed(tmp_path, url=url_of(socket)) as done:
            [row] = done.found.rows
            assert row.detail == "new gives no answer (connect); nothing more was asked"


async def test_a_provider_that_takes_any_key_is_told(tmp_path: Path) -> None:
    """Whoever can reach it can spend."""
    async with probed(tmp_path, key="") as done:
        assert done.worse == {"wrong key": "accepted as though it were right"}


# --- what must be there -------------------------------------------------------------------------------------------


async def test_an_action_that_few_call_is_unmapped(tmp_path: Path) -> None:
    """New does not know it: its callers must be found, but perhaps there are none."""
    async with probed(tmp_path, "verifysms", drifts="phone_bare") as done:
        assert done.row("getRentList").result is Result.UNMAPPED
        assert done.row("getFullSms").result is Result.UNMAPPED


async def test_an_action_that_all_call_must_be_there(tmp_path: Path) -> None:
    """HeroSMS has no getNumbersStatus."""
    async with probed(tmp_path, "herosms") as done:
        row = done.row("getNumbersStatus")
        assert row.result is Result.DIFFERS
        assert any(one.path == "BAD_ACTION" for one in row.differences)


async def test_an_arm_that_fails_is_told(tmp_path: Path) -> None:
    """A fault is no difference, and no answer either."""
    async with probed(tmp_path, call_error=1, faults_on="getPrices") as done:
        assert done.worse == {"getPrices": "ERROR_SQL"}


async def test_a_lost_cost_header_is_told(tmp_path: Path) -> None:
    """Cost tracking would stop without a word."""
    async with probed(tmp_path, "verifysms", "verifysms", cost_header="") as done:
        assert done.worse == {"cost header": "X-VerifySMS-Cost is not in the answer of a purchase"}
    async with probed(tmp_path, "verifysms", "verifysms") as done:
        assert done.row("cost header").detail == "X-VerifySMS-Cost: 0.00"


async def test_countries_with_another_id_need_a_line_in_the_policy(tmp_path: Path) -> None:
    """Russia is 0 at SMS-Activate and 222 at HeroSMS; once the policy says so, it is no difference any more."""
    async with probed(tmp_path, "herosms") as done:
        assert "put arms.new.countries: {0: 222} into the policy" in done.row("country ids").detail
        assert done.row("country RU").detail == "old 0, new 222"
        assert done.row("country US").detail == "old 187, 12, new 187"
    async with probed(tmp_path, "herosms", subject={"translated": {"0": "222"}}) as done:
        assert done.row("country ids").result is Result.OK


async def test_no_stock_is_no_finding(tmp_path: Path) -> None:
    """Another service or country may have some."""
    async with probed(tmp_path, stock_out=1) as done:
        assert done.row("sandbox").result is Result.SKIPPED
        assert done.found.sound
