"""The soak's judgement: what grows beyond its bound is found, and what does not is let be."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import soak
from bench.soak import MEGABYTE, Reading, astray, judged
from canary.core.model import Effect
from canary.sim.traffic.report import Recorder

FIRST = Reading(60, 100 * MEGABYTE, 30, 40, 2 * MEGABYTE, 300, 3000, 0.005, 0.02)
LAST = replace(FIRST, at=600, leases=3300, calls=33_000)


def failing(found: list[soak.Finding]) -> list[str]:
    return [one.name for one in found if not one.holds]


def test_what_grows_with_its_leases_is_let_be() -> None:
    """A lease costs something in memory and in the store."""
    last = replace(LAST, resident=FIRST.resident + 9 * MEGABYTE, store=FIRST.store + 8 * MEGABYTE)
    assert failing(judged(FIRST, [FIRST, last], last)) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"resident": 200 * MEGABYTE}, "memory"),
        ({"files": 50}, "files"),
        ({"tasks": 60}, "tasks"),
        ({"store": 40 * MEGABYTE}, "store"),
        ({"p50": 0.05}, "p50"),
        ({"p95": 0.5}, "p95"),
    ],
)
def test_what_grows_beyond_its_bound_is_found(changes: dict[str, Any], name: str) -> None:
    """Each of them by its name."""
    last = replace(LAST, **changes)
    assert failing(judged(FIRST, [FIRST, FIRST, last], last)) == [name]


def test_a_call_that_goes_astray_is_found() -> None:
    """At an arm that never issued its lease, or sent twice; a read may be."""
    books = SimpleNamespace(foreign=0, repeated=Counter({Effect.LEASE_READ: 2}))
    report = Recorder().report(1.0)
    assert failing(astray(report, SimpleNamespace(books=books))) == []  # type: ignore[arg-type]
    books.foreign, books.repeated[Effect.PURCHASE] = 1, 1
    assert len(failing(astray(report, SimpleNamespace(books=books)))) == 2  # type: ignore[arg-type]


async def test_a_short_soak_runs_through(tmp_path: Path) -> None:
    """Every part of it, for three seconds: lines are said and everything is judged."""
    said: list[str] = []
    found = await soak.soak(tmp_path, 3.0, 2.0, "asgi", said.append)
    assert len(said) >= 3
    assert {one.name for one in found} >= {"memory", "files", "tasks", "store", "p50", "p95"}
    assert not {"calls at a foreign arm", "clients' view"} & {*failing(found)}
