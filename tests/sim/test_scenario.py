import asyncio
import re

import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.knobs import KnobError
from canary.sim.provider import Provider
from canary.sim.scenario import SHIPPED, load, parse, play

TWO = """
- {at: 30s, set: {success: 10%, drifts: [phone_plus]}}
- at: 1m30s
  set: {success: 90%}
"""


def test_a_scenario_is_a_list_of_timed_changes():
    """Times and knobs are written as everywhere."""
    steps = parse(TWO, "two.yaml", Behaviour())
    assert [(step.at, step.set) for step in steps] == [
        (30.0, {"success": "10%", "drifts": ["phone_plus"]}),
        (90.0, {"success": "90%"}),
    ]
    assert parse("", "empty.yaml", Behaviour()) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "- {at: 30s, set: {sucess: 1}}",
            "two.yaml: the step at 30s: unknown knob sucess; did you mean success?",
        ),
        ("- {at: soon, set: {}}", "two.yaml: 0.at: "),
        ("- {at: 1s}", "expected a list of {at: 30s, set: {knob: value}}"),
        ("at: 1s", "expected a list of {at: 30s, set: {knob: value}}"),
        ("- {at: 1s, set: {", "two.yaml: not valid YAML"),
        ("- {at: 2s, set: {}}\n- {at: 1s, set: {}}", "the step at 1s stands after one at 2s; sort them"),
    ],
)
def test_a_bad_scenario_is_refused_before_it_starts(text, said):
    """The message names the file, the step and the remedy."""
    with pytest.raises(KnobError, match=re.escape(said)):
        parse(text, "two.yaml", Behaviour())


def test_a_scenario_that_is_not_there_is_named_with_those_that_are():
    """Shipped scenarios go by their name."""
    with pytest.raises(
        KnobError, match="the scenario nope cannot be read; expected a YAML file, or one of code-outage,"
    ):
        load("nope", Behaviour())


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.yaml")))
def test_every_shipped_scenario_is_valid(name):
    """Each can be played on the default behaviour, and says in its first line what it shows."""
    assert load(name, Behaviour())
    assert (SHIPPED / f"{name}.yaml").read_text().startswith("# ")


async def test_changes_are_made_in_order_at_their_times():
    """Each change waits for its own time, and the next one for it."""
    waits: asyncio.Queue[tuple[float, asyncio.Event]] = asyncio.Queue()

    async def until(at: float) -> None:
        reached = asyncio.Event()
        await waits.put((at, reached))
        await reached.wait()

    async with Provider(Behaviour(), seed=1) as provider:
        playing = asyncio.create_task(
            play(parse(TWO, "two.yaml", provider.behaviour), provider.change, until)
        )
        at, reached = await waits.get()
        assert (at, provider.behaviour.success) == (30.0, 0.9)
        reached.set()
        at, reached = await waits.get()
        assert (at, provider.behaviour.success, provider.behaviour.drifts) == (90.0, 0.1, {"phone_plus"})
        reached.set()
        await playing
        assert (provider.behaviour.success, provider.behaviour.drifts) == (0.9, {"phone_plus"})


async def test_by_default_time_is_the_event_loops():
    """A scenario at once is over at once."""
    made = []

    async def change(patch) -> None:
        made.append(patch)

    await play(parse("- {at: 0s, set: {success: 1}}\n- {at: 1ms, set: {}}", "x", Behaviour()), change)
    assert made == [{"success": 1}, {}]
