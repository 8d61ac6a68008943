"""A scenario: knobs that change at given times, as a YAML list of ``{at: 30s, set: {success: 50%}}``."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from canary.core.policy.gates import Strict
from canary.core.policy.notation import Duration
from canary.sim.behaviour import Behaviour
from canary.sim.knobs import KnobError, changed

SHIPPED = Path(__file__).parent / "scenarios"
"""Ready scenarios, by the name of the file without ``.yaml``."""


class Step(Strict):
    """``at``: seconds from the start; ``set``: a merge patch of the behaviour."""

    at: Duration
    set: dict[str, Any]


type Scenario = tuple[Step, ...]

_STEPS = TypeAdapter(tuple[Step, ...])


def load(name: str, behaviour: Behaviour) -> Scenario:
    """The scenario in a file, or the shipped one of that name.

    Raises:
        KnobError: there is none, or it is not valid for ``behaviour``.
    """
    shipped = SHIPPED / f"{name}.yaml"
    path = shipped if shipped.is_file() else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        known = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.yaml")))
        raise KnobError(
            f"the scenario {name} cannot be read; expected a YAML file, or one of {known}"
        ) from None
    return parse(text, str(path), behaviour)


def parse(text: str, source: str, behaviour: Behaviour) -> Scenario:
    """The scenario that ``text`` describes, tried out on ``behaviour`` to the end.

    Raises:
        KnobError: it is not valid; the message says where and why.
    """
    try:
        steps = _STEPS.validate_python(yaml.safe_load(text) or ())
    except yaml.YAMLError as error:
        raise KnobError(f"{source}: not valid YAML: {error}") from None
    except ValidationError as error:
        detail = error.errors(include_input=False)[0]
        where = ".".join(map(str, detail["loc"]))
        raise KnobError(
            f"{source}: {where or 'the file'}: {detail['msg']}; expected a list of {{at: 30s, set: {{knob: value}}}}"
        ) from None
    for before, after in pairwise(steps):
        if after.at < before.at:
            raise KnobError(
                f"{source}: the step at {after.at:g}s stands after one at {before.at:g}s; sort them"
            )
    for step in steps:
        try:
            behaviour = changed(behaviour, step.set)
        except KnobError as error:
            raise KnobError(f"{source}: the step at {step.at:g}s: {error}") from None
    return steps


async def play(
    steps: Sequence[Step],
    change: Callable[[Mapping[str, Any]], Awaitable[object]],
    until: Callable[[float], Awaitable[object]] | None = None,
) -> None:
    """Make every change at its time.

    Args:
        until: waits for a number of seconds from the start; by default on the event loop's clock.
    """
    wait = until or _from_now()
    for step in steps:
        await wait(step.at)
        await change(step.set)


def _from_now() -> Callable[[float], Awaitable[object]]:
    loop = asyncio.get_running_loop()
    start = loop.time()
    return lambda at: asyncio.sleep(max(0.0, start + at - loop.time()))
