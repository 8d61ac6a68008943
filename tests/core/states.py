"""Draws docs/states.md from the tables of the two state machines; ``python -m tests.core.states`` writes it anew."""

from collections.abc import Iterable
from pathlib import Path

from canary.core import leases, stage
from canary.core.model import LeaseState, RolloutState
from canary.core.stage import Move

PAGE = Path(__file__).parents[2] / "docs" / "states.md"

type Arrow = tuple[str, str, str]

_TEXT = """# States

Drawn from the tables in `canary/core/stage.py` and `canary/core/leases.py`; do not edit, run
`python -m tests.core.states`.

## A rollout

`advance` and `harm` come from the controller, everything else from an operator. What is not drawn is refused and
changes nothing. `rollback` is possible in every state. A stage with `approval: required` is entered through
`awaiting_approval`; the last stage is left to `complete`, where `new` is the safe arm and `old` stays reachable.

{rollout}
## A lease

A code that is shown while the lease is open changes no state: it is remembered, and whatever ends the lease then
makes it a success. `claimed` is the client's cancel, `closed` the provider's word that the lease is over,
`lifetime` silence until its lifetime has passed.

{lease}"""


def rollout_arrows() -> list[Arrow]:
    """Every arrow of the rollout's machine; an event that may lead on to completion has an arrow there too."""
    ends = {
        Move.NEXT: [RolloutState.COMPLETE],
        Move.ASK: [RolloutState.AWAITING_APPROVAL, RolloutState.COMPLETE],
    }
    return [
        (state, target, event)
        for state, row in stage.TRANSITIONS.items()
        for event, (following, move) in row.items()
        for target in [following, *ends.get(move, [])]
    ]


def lease_arrows() -> list[Arrow]:
    """Every arrow of the lease's table."""
    return [
        (state, target, event) for state, row in leases.TRANSITIONS.items() for event, target in row.items()
    ]


def page() -> str:
    """The whole page."""
    return _TEXT.format(
        rollout=_diagram(RolloutState.RUNNING, rollout_arrows()),
        lease=_diagram(LeaseState.OPEN, lease_arrows()),
    )


def _diagram(first: str, arrows: Iterable[Arrow]) -> str:
    """A mermaid diagram with one arrow per pair of states, labelled with all its events."""
    labels: dict[tuple[str, str], list[str]] = {}
    for source, target, event in arrows:
        labels.setdefault((source, target), []).append(event)
    lines = [f"    {source} --> {target}: {', '.join(events)}" for (source, target), events in labels.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {first}", *lines, "```", ""])


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
