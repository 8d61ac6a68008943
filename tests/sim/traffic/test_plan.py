from collections import Counter

import pytest

from canary.sim.knobs import KnobError, changed
from canary.sim.traffic.plan import STYLES, TrafficPlan


def test_a_plan_is_written_in_the_notations_of_a_policy():
    """Durations, shares and lists are understood as text."""
    plan = changed(
        TrafficPlan(),
        {
            "duration": "1m",
            "poll_interval": "500ms",
            "another_code": "10%",
            "services": "tg,wa",
            "countries": 6,
        },
    )
    assert (plan.duration, plan.poll_interval, plan.another_code) == (60.0, 0.5, 0.1)
    assert (plan.services, plan.countries) == (("tg", "wa"), ("6",))


@pytest.mark.parametrize(
    "patch", [{"rate": 0}, {"clients": 0}, {"style": "rude"}, {"poll_interval": 0}, {"speed": 1}]
)
def test_a_plan_that_makes_no_sense_is_refused(patch):
    """The knob is named."""
    with pytest.raises(KnobError, match=next(iter(patch))):
        changed(TrafficPlan(), patch)


def test_one_style_is_everybodys_and_mixed_has_all():
    """mixed gives every style to some clients, the same ones in every run."""
    assert [name for name, _ in TrafficPlan(style="legacy", clients=3).styles()] == ["legacy"] * 3
    mixed = TrafficPlan(style="mixed", clients=20).styles()
    assert Counter(name for name, _ in mixed) == {"polite": 10, "forgetful": 4, "legacy": 6}
    assert mixed == TrafficPlan(style="mixed", clients=20).styles()
    assert {name for name, _ in mixed} == set(STYLES)


def test_open_leases_have_time_to_end():
    """By default three patiences and one timeout, or as told."""
    assert TrafficPlan(patience=10, timeout=5).drain_time == 35
    assert TrafficPlan(drain=1).drain_time == 1
