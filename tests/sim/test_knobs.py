import re
from decimal import Decimal

import pytest

from canary.sim.behaviour import Behaviour, Spread
from canary.sim.knobs import KnobError, changed


def test_a_patch_merges_tables_and_leaves_the_rest():
    """A patch changes what it names, inside tables too."""
    before = changed(Behaviour(), {"price": "$0.30", "prices": {"wa": "0.50", "tg": "0.20"}})
    after = changed(before, {"prices": {"wa": "$0.75"}, "success": "80%"})
    assert after.price == Decimal("0.30")
    assert after.prices == {"wa": Decimal("0.75"), "tg": Decimal("0.20")}
    assert after.success == 0.8


def test_none_takes_a_knob_back_to_its_default():
    """A null in a patch removes what was set, whole or in a table."""
    before = changed(Behaviour(), {"success": 0.1, "prices": {"wa": "0.50"}})
    assert changed(before, {"success": None, "prices": {"wa": None}}) == Behaviour()


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"sucess": 1}, "unknown knob sucess; did you mean success?"),
        ({"zzz": 1}, "unknown knob zzz; expected one of auto_refund,"),
        ({"success": "120%"}, "success: expected a share such as 5% or 0.05"),
        ({"lifetime": "soon"}, "lifetime: expected a duration such as 90s"),
        ({"price": "free"}, "price: expected an amount such as $0.50"),
        ({"latency": {"median": "2s", "p95": "1s"}}, "latency: p95 needs a median above zero"),
        ({"latency": {"middle": "2s"}}, "unknown knob latency.middle"),
        ({"drifts": ["phone_pluss"]}, "drifts: there is no drift phone_pluss; did you mean phone_plus?"),
        ({"dialect": "nobody"}, "dialect: there is no dialect nobody; expected one of generic"),
        ({"id_kind": "guid"}, "id_kind: input should be 'int'"),
        ({"rate_limit": {"per_second": 0}}, "rate_limit.per_second: input should be greater than 0"),
    ],
)
def test_a_bad_knob_is_named_with_what_was_expected(patch, said):
    """A refused patch says which knob and what it takes."""
    with pytest.raises(KnobError, match=re.escape(said)):
        changed(Behaviour(), patch)


def test_several_bad_knobs_are_all_named():
    """Every problem of a patch is said at once."""
    with pytest.raises(KnobError) as caught:
        changed(Behaviour(), {"success": 2, "hang": "often"})
    assert "success:" in str(caught.value)
    assert "hang:" in str(caught.value)


def test_every_behaviour_survives_the_way_through_json():
    """A behaviour shown as JSON and read back is the same."""
    behaviour = changed(
        Behaviour(),
        {
            "code_delay": {"median": "2s", "p95": "1m"},
            "latencies": {"getNumber": "1s"},
            "rate_limit": {"per_second": 5, "scope": "key_and_source", "block": "10s"},
            "drifts": "phone_plus,big_id",
            "prices": {"wa/6": "0.123456789"},
        },
    )
    assert Behaviour.model_validate_json(behaviour.model_dump_json()) == behaviour
    assert behaviour.code_delay == Spread(median=2, p95=60)
