from pathlib import Path

import pytest

from canary.core.dialects import DIALECTS as NATIVE
from canary.core.policy.load import parse_profile
from canary.sim.dialects import DIALECTS
from canary.sim.knobs import KnobError
from canary.sim.native import APIS
from canary.sim.profiles import PROFILES, profile

PROVIDERS = Path(__file__).parents[2] / "policies" / "providers"


SHIPPED = [parse_profile(path.read_text(), str(path)) for path in PROVIDERS.glob("*.yaml")]
BELIEVED = {one.name: one for one in SHIPPED}
"""What the harness believes, by provider."""


def test_every_provider_can_be_simulated():
    """Each shipped provider by its name, and each API of a provider's own."""
    assert set(PROFILES) == set(DIALECTS) == set(BELIEVED)
    assert {name for name, dialect in DIALECTS.items() if dialect.native} == set(APIS) == set(NATIVE)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_simulated_provider_agrees_with_the_harness_own_profile(name):
    """What the harness believes of a provider is what its simulation does."""
    believed, behaviour = BELIEVED[name], PROFILES[name]
    assert behaviour.lifetime == believed.lifetime
    assert behaviour.lifetimes == believed.lifetimes
    assert behaviour.auto_refund == believed.auto_refund_on_expiry
    assert [behaviour.cost_header] == [*believed.cost_headers, ""][:1]
    assert behaviour.sandbox_header == (believed.sandbox_header.name if believed.sandbox_header else "")
    if believed.refund_within:
        assert behaviour.refund_delay.p95 <= believed.refund_within


@pytest.mark.parametrize("name", sorted(set(PROFILES) - set(NATIVE)))
def test_a_handler_api_simulation_words_what_the_profile_says(name):
    """Ids, statuses, actions and Russia's number are as the profile has them."""
    believed, behaviour, dialect = BELIEVED[name], PROFILES[name], DIALECTS[name]
    assert behaviour.id_kind == ("int" if believed.id_kind == "unknown" else believed.id_kind)
    assert not set(believed.unsupported_actions) & dialect.actions
    assert bool(dialect.statuses) != believed.always_200
    if believed.countries:
        assert dialect.russia == believed.countries["RU"]


@pytest.mark.parametrize("name", sorted(NATIVE))
def test_a_native_simulation_holds_numbers_as_long_as_the_profile_says(name):
    """The minimum hold and the kind of ids are the provider's, not handler_api's."""
    believed, behaviour = BELIEVED[name], PROFILES[name]
    assert behaviour.minimum_hold == believed.minimum_hold
    assert (DIALECTS[name].id_kind is not None) == (believed.id_kind == "text")


def test_an_unknown_profile_is_refused_with_the_known_ones():
    """A wrong name is answered with the right ones."""
    with pytest.raises(
        KnobError, match="there is no profile sms-activte; expected one of generic, sms-activate"
    ):
        profile("sms-activte")
