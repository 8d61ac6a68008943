"""An hour of updates, shortened: the page's memory stays flat."""

import copy
import re
from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, Route

from canary.store.store import Store
from canary.web import dashboard as dashboard_module
from canary.web import live as live_module
from canary.web.board import board_of
from tests.browser.conftest import Open
from tests.browser.page import SHOWN, Window
from tests.story import NAME, Story
from tests.web.serving import serving

UPDATES = 200
"""In an hour there are more, but what leaks a little with each shows here too."""

POINTS = 60
"""Points of evidence after which the page fetches the thinned history anew; as it is made it takes an hour."""

ALLOWED = 1_500_000
"""Bytes by which the heap may differ: evidence of ``POINTS`` in eight charts, compiled code, and the sizes of texts, of
which the chart library remembers ten thousand at most."""

PACE = 0.05
"""Seconds between two boards: about as fast as a busy machine paints them."""

PARTS = ("JSHeapUsedSize", "Nodes", "JSEventListeners")


class Moving:
    """A board in which everything moves with every reading, until ``limit`` of them."""

    def __init__(self, store: Store, story: Story) -> None:
        self._first = board_of(store, NAME, story.clock())
        self._read = 0
        self.limit = 0

    def __call__(self, _store: Store, _name: str, _now: float) -> dict[str, Any]:
        self._read = n = min(self._read + 1, self.limit)
        board = copy.deepcopy(self._first)
        board["at"] += n
        board["headline"]["sentence"] = f"Holding at 25%, look {n}."
        board["headline"]["why"] = [f"reason {n} of {i}" for i in range(5)]
        for metric in board["status"]["metrics"].values():
            metric["new"] = {"n": n, "value": 0.5 + n / 1000}
            if metric["evidence"]:
                metric["evidence"]["rollback"] = 1 + n % 7
        for arm in board["leases"].values():
            arm["succeeded"] += n
        for action in board["latency"]:
            action["new"]["n"] += n
        board["status"]["shadow"]["sent"] = n
        board["differences"][0]["count"] = n
        board["hazards"][0]["n"] = n
        board["decisions"][-1]["reason"] = f"decided {n}"
        return board


async def measured(cdp: CDPSession) -> dict[str, float]:
    """Heap, nodes and listeners after the garbage is gone."""
    for _ in range(3):
        await cdp.send("HeapProfiler.collectGarbage")
    found = {one["name"]: one["value"] for one in (await cdp.send("Performance.getMetrics"))["metrics"]}
    return {part: found[part] for part in PARTS}


async def shown(page: Window, look: int) -> None:
    """Wait until the page has painted a board as late as this."""
    await page.page.wait_for_function(
        "n => Number(document.querySelector('[data-shadow=sent]')?.value) >= n", arg=look, timeout=3 * SHOWN
    )


async def with_few_points(page: Page) -> None:
    """Let the page keep ``POINTS`` points of evidence."""

    async def answer(route: Route) -> None:
        script = await (await route.fetch()).text()
        shorter, changed = re.subn(r"const MOST = \d+;", f"const MOST = {POINTS};", script)
        assert changed == 1
        await route.fulfill(body=shorter, content_type="text/javascript")

    await page.route("**/static/evidence.js", answer)


async def test_an_hour_of_updates_leaves_memory_flat(
    store: Store, story: Story, window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After hundreds of boards in which everything moves: as many nodes and listeners, and a heap as large."""
    moving = Moving(store, story)
    monkeypatch.setattr(dashboard_module, "board_of", moving)
    monkeypatch.setattr(live_module, "EVERY", PACE)
    monkeypatch.setattr(live_module, "REST", 0.0)
    async with serving(store, story.clock, name=NAME) as client, window(client.url) as page:
        await with_few_points(page.page)
        await page.page.reload()
        cdp = await page.page.context.new_cdp_session(page.page)
        await cdp.send("Performance.enable")
        found = []
        for moving.limit in (UPDATES // 4, UPDATES):
            await shown(page, moving.limit)
            found.append(await measured(cdp))
        assert page.complaints == []
    early, late = found
    assert late["Nodes"] <= early["Nodes"] + 50
    assert late["JSEventListeners"] <= early["JSEventListeners"]
    assert late["JSHeapUsedSize"] < early["JSHeapUsedSize"] + ALLOWED
