"""What the bench makes of its runs: quantiles, ratios, verdicts on the targets, and a table."""

import io
from collections import Counter
from math import isnan
from typing import Any

import pytest
from rich.console import Console

from bench import mix, report
from bench.figures import Run, Runs, Sample, quantile
from bench.peers import BARE, CANARY, DIRECT, PASS
from bench.targets import judge


def sample(calls: int, **changes: Any) -> Sample:
    """A second's run with that many calls of 1, 2, 3... ms."""
    return Sample(1.0, {"": [n / 1000 for n in range(1, calls + 1)]}, **changes)


def turns(peer: str, client: str, *samples: Sample, scenario: str = "https") -> list[Run]:
    """A peer's runs, one for each round."""
    return [Run(scenario, peer, client, number, one) for number, one in enumerate(samples)]


def verdicts(*runs: Run) -> dict[str, str]:
    """The targets' words by target."""
    return {one.target: one.word for one in judge(Runs(runs))}


def test_quantiles_are_by_nearest_rank() -> None:
    """Half, most and all of the values; nothing of none."""
    values = [float(n) for n in range(100)]
    assert [quantile(values, share) for share in (0.5, 0.95, 1.0)] == [50.0, 95.0, 99.0]
    assert isnan(quantile([], 0.5))


def test_ratios_are_taken_within_each_round() -> None:
    """A round in which the machine is slow counts like the others: the ratio's median, not the medians' ratio."""
    runs = Runs(
        [
            *turns(CANARY, "close", sample(40), sample(4), sample(44)),
            *turns(BARE, "close", sample(10), sample(1), sample(11)),
        ]
    )
    found = runs.ratio("https", "close", lambda one: one.rate, CANARY, BARE)
    assert found is not None
    assert (found.middle, found.low, found.high) == (4.0, 4.0, 4.0)


@pytest.mark.parametrize(("calls", "word"), [(21, "holds"), (19, "does not hold")])
def test_a_target_is_judged_by_its_bound(calls: int, word: str) -> None:
    """Twice bare mitmdump is asked for: just above it holds, just below it does not."""
    said = verdicts(*turns(CANARY, "keep-alive", sample(calls)), *turns(BARE, "keep-alive", sample(10)))
    assert said["calls/s >= 2.0x bare mitmdump, keep-alive"] == word


def test_cpu_is_judged_per_call() -> None:
    """A quarter more CPU per call than the pass-through is allowed, whatever the number of calls."""
    said = verdicts(
        *turns(CANARY, "close", sample(10, cpu=1.2)),
        *turns(PASS, "close", sample(20, cpu=2.0)),
    )
    assert said["CPU <= 1.25x pass-through, close"] == "holds"


def test_what_was_not_measured_is_not_judged() -> None:
    """A peer that is missing fails no target and holds none."""
    assert set(verdicts(*turns(CANARY, "close", sample(1)))) == {one.target for one in judge(Runs(()))}
    assert set(verdicts(*turns(CANARY, "close", sample(1))).values()) == {"-"}


def test_errors_are_told_apart() -> None:
    """Calls without a right reply are in no figure, and the table says how many there were."""
    runs = Runs(turns(DIRECT, "close", sample(3, errors=Counter({"ConnectionRefusedError": 7}))))
    console = Console(file=io.StringIO(), width=120)
    report.show(console, runs, judge(runs))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "direct, no proxy gave no right reply to 7 calls" in shown
    assert runs.all[0].figures()["calls"] == 3


def test_a_lease_walks_from_purchase_to_finish() -> None:
    """One purchase, eight polls of the number bought, one finish, each with what a right reply begins with."""
    script, reply, said = mix.lease(), None, []
    try:
        while True:
            query, expected = script.send(reply) if reply else next(script)
            reply = expected + b"77:79"
            said.append(query)
    except StopIteration:
        pass
    actions = Counter(query.split("&")[0] for query in said)
    assert actions == {"action=getNumber": 1, "action=getStatus": mix.POLLS, "action=setStatus": 1}
    assert all("id=77" in query for query in said[1:])
    assert len(said) == mix.LEASE_CALLS
