"""What the bench makes of a hostile shadow arm."""

from collections import Counter

import pytest

from bench.figures import Run, Runs, Sample
from bench.hostile import MOST, PLAIN, SHADOWING, Case


def case(slower: float = 1.0, grown: int = 0, errors: int = 0) -> Case:
    """Two turns of each harness; with shadowing its calls take so many times as long."""
    runs = [
        Run(
            "hangs",
            peer,
            "close",
            number,
            Sample(1.0, {"old": [n * factor / 1000 for n in range(1, 101)]}, Counter({"reset": errors})),
        )
        for number in range(2)
        for peer, factor in ((PLAIN, 1.0), (SHADOWING, slower))
    ]
    return Case("hangs", Runs(runs), {PLAIN: 0, SHADOWING: grown})


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        (case(), True),
        (case(slower=1.09), True),
        (case(slower=1.11), False),
        (case(grown=MOST + 1), False),
        (case(errors=1), False),
    ],
)
def test_clients_must_not_notice(found: Case, holds: bool) -> None:
    """By the p95 of all their calls, by memory, and by a right reply to each."""
    assert found.holds is holds
