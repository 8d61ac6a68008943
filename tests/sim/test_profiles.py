from pathlib import Path

import pytest

from canary.core.policy.load import parse_profile
from canary.sim.dialects import DIALECTS
from canary.sim.knobs import KnobError
from canary.sim.profiles import PROFILES, profile

PROVIDERS = Path(__file__).parents[2] / "policies" / "providers"


def test_every_handler_api_provider_can_be_simulated():
    """Each dialect has a profile and each shipped provider of the handler_api dialect too, SMSPVA's apart."""
    shipped = [parse_profile(path.read_text(), str(path)) for path in PROVIDERS.glob("*.yaml")]
    assert set(PROFILES) == set(DIALECTS)
    assert set(PROFILES) == {one.name for one in shipped if one.dialect == "handler_api"}


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_simulated_provider_agrees_with_the_harness_own_profile(name):
    """What the harness believes of a provider is what its simulation does."""
    believed = parse_profile((PROVIDERS / f"{name}.yaml").read_text(), name)
    behaviour, dialect = PROFILES[name], DIALECTS[name]
    assert behaviour.lifetime == believed.lifetime
    assert behaviour.lifetimes == believed.lifetimes
    assert behaviour.auto_refund == believed.auto_refund_on_expiry
    assert [behaviour.cost_header] == [*believed.cost_headers, ""][:1]
    assert behaviour.sandbox_header == (believed.sandbox_header.name if believed.sandbox_header else "")
    assert behaviour.id_kind == ("int" if believed.id_kind == "unknown" else believed.id_kind)
    assert not set(believed.unsupported_actions) & dialect.actions
    assert bool(dialect.statuses) != believed.always_200
    if believed.refund_within:
        assert behaviour.refund_delay.p95 <= believed.refund_within
    if believed.countries:
        assert dialect.russia == believed.countries["RU"]


def test_an_unknown_profile_is_refused_with_the_known_ones():
    """A wrong name is answered with the right ones."""
    with pytest.raises(
        KnobError, match="there is no profile sms-activte; expected one of generic, sms-activate"
    ):
        profile("sms-activte")
