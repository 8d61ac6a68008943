"""What the dashboard shows, in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from canary.core.model import Arm, LeaseState
from canary.core.tally import Tally, TallyKey, bucket_of
from canary.store.store import Store
from tests.browser.conftest import Open
from tests.browser.page import SHOWN
from tests.factories import NOW, tlease, tpurchase
from tests.story import HOUR, NAME, Story
from tests.web.serving import NAME as BARE
from tests.web.serving import Client, broken

MARKUP = "<img src=x onerror=\"document.body.dataset.owned='yes'\">"


async def test_it_is_quiet_and_asks_nobody_else(client: Client, window: Open) -> None:
    """The page with all its charts loads without a complaint, and every request goes to its own server."""
    async with window(client.url) as page:
        await expect(page[".gate .chart .main-svg"].first).to_be_visible(timeout=SHOWN)
        await expect(page["#latency-chart .main-svg"].first).to_be_visible(timeout=SHOWN)
        assert page.complaints == []
        assert {url for url in page.asked if not url.startswith(client.url)} == set()


async def test_the_numbers_are_those_of_the_status(client: Client, window: Open) -> None:
    """Every number that is shown has the exact value that the status has."""
    status: dict[str, Any] = (await client.get("/api/v1/status"))[1]
    async with window(client.url) as page:
        judged = {name: gate for name, gate in status["metrics"].items() if gate["old"]}
        assert judged
        for name, gate in judged.items():
            for arm in ("old", "new"):
                shown = await page.value(f"[data-gate={name}] [data-arm={arm}]")
                assert shown == gate[arm]["value"]
        for arm in ("old", "new"):
            assert await page.value(f"[data-leases={arm}]") == status["leases"][arm]["total"]
            for key, amount in status["money"][arm].items():
                shown = await page[f"[data-money='{arm}.{key}']"].get_attribute("value")
                assert (float(shown) if shown else None) == amount
        for key in ("sent", "dropped", "differences"):
            assert await page.value(f"[data-shadow={key}]") == status["shadow"][key]
        assert await page.value("[aria-current] .weight data") == status["weight"]


async def test_it_tells_where_the_rollout_stands(client: Client, window: Open) -> None:
    """Verdict, stages, the time that the stage still holds, differences, hazards and the log."""
    async with window(client.url) as page:
        await page.says("h1", "Holding at 25%")
        await page.says("[data-stage=canary]", "22 h of 24 h left")
        await page.says("[data-stage=shadow]", "done")
        await page.says("[data-stage=cutover]", "needs approval")
        await page.says("#differences", "getStatus: parts")
        await page.says("#hazards", "repeated purchase")
        await page.says("#log", "the stage has held for 2 h")
        assert "Holding" in await page.page.title()


async def test_the_evidence_is_drawn_over_time(client: Client, story: Story, window: Open) -> None:
    """A gate's chart has both sides' evidence as the controller's looks found it, and both thresholds."""
    looks = [point for point in story.store.history(NAME) if "lease_success" in point.metrics]
    async with window(client.url) as page:
        chart = page["[data-gate=lease_success] .chart"]
        await expect(chart.locator(".scatterlayer .trace")).to_have_count(2, timeout=SHOWN)
        drawn = await chart.evaluate("node => node.data.map(trace => [...trace.y])")
        assert drawn[0][: len(looks)] == [point.metrics["lease_success"]["rollback"] for point in looks]
        assert drawn[1][: len(looks)] == [point.metrics["lease_success"]["promote"] for point in looks]
        assert await chart.locator(".shapelayer path").count() >= 2
        assert "good enough" in (await chart.get_attribute("aria-label") or "")


async def test_what_comes_over_the_wire_is_text(
    store: Store, story: Story, window: Open, client: Client
) -> None:
    """Markup in reasons, names, actions and examples is shown as it is, and never run."""
    key = TallyKey(1, 1, bucket_of(story.clock()), Arm.OLD, MARKUP)
    tally = Tally()
    tally.add("ok", "OK", 100)
    store.flush(
        NAME,
        "proxy-2",
        leases_changed=[],
        purchases=[],
        tallies={key: tally},
        counters={f"hazard_{MARKUP}": 1, f"unmapped_{MARKUP}": 2},
    )
    await client.act("pause", json={"reason": MARKUP, "actor": MARKUP})
    async with window(client.url) as page:
        for selector in ("#log", "#why", "#hazards", "#unmapped"):
            await page.says(selector, "<img src=x")
        await page["#action"].select_option(MARKUP)
        await expect(page["#latency table"]).to_have_attribute("aria-label", f"Latency of {MARKUP}")
        assert await page["main img"].count() == 0
        assert await page.page.evaluate("document.body.dataset.owned ?? null") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_shows_all_of_it(client: Client, window: Open, scheme: str) -> None:
    """At 390 pixels nothing runs over the edge, in light and in dark."""
    async with window(client.url, width=390, scheme=scheme) as page:
        await expect(page[".gate .chart .main-svg"].first).to_be_visible(timeout=SHOWN)
        assert not await page.runs_over()
        assert page.complaints == []


async def test_a_rollout_without_data_says_so(bare: Client, window: Open) -> None:
    """Before the first call and the first look every part says that there is nothing yet."""
    async with window(bare.url, width=390) as page:
        await page.says("h1", "the controller has not been seen yet")
        await page.says("#gates", "Nothing has been judged yet")
        await page.says("#latency", "No call has been answered")
        await page.says("#hazards", "None seen")
        await page.says("#log", "Nothing has been decided yet")
        assert not await page.runs_over()
        assert page.complaints == []


async def test_a_single_lease_is_shown(bare: Client, store: Store, window: Open) -> None:
    """One lease with an unknown price is counted, and nothing divides by zero."""
    store.bind(BARE, [(tpurchase(), [tlease(price=None, price_source="")])])
    async with window(bare.url) as page:
        assert await page.value("[data-leases=old]") == 1
        assert await page.value("[data-leases=new]") == 0
        await page.says("#money", "–")
        assert page.complaints == []


async def test_it_is_live(client: Client, store: Store, story: Story, window: Open) -> None:
    """What happens elsewhere is seen without loading the page again: a lease, and a rollback by someone else."""
    async with window(client.url) as page:
        before = await page.value("[data-leases=new]")
        bought = tlease(arm=Arm.NEW, id="live-1", purchase="live-1", state=LeaseState.OPEN)
        store.bind(NAME, [(tpurchase(id="live-1", arm=Arm.NEW), [bought])])
        await expect(page["[data-leases=new]"]).to_have_attribute("value", f"{before + 1:.0f}", timeout=SHOWN)
        await client.act("rollback", json={"reason": "night shift"})
        await page.says("h1", "Rolled back")
        await page.says("#why", "night shift")
        await page.says("#pulse", "live")


async def test_a_store_that_does_not_answer_is_told(client: Client, store: Store, window: Open) -> None:
    """The page keeps the last numbers and says that the store is in trouble."""
    async with window(client.url) as page:
        broken(Path(store.name))
        await page.says("#trouble", "no such table")
        await page.says("h1", "Holding")


async def test_a_restart_begins_another_picture(client: Client, story: Story, window: Open) -> None:
    """After a rollback and a restart the evidence of the attempt before is no longer drawn."""
    await client.act("rollback")
    await client.act("restart", json={"reason": "once more"})
    story.goes_on(HOUR / 2)
    assert story.store.history(NAME)[0].at > NOW + 4 * HOUR
    async with window(client.url) as page:
        await page.says("h1", "Shadowing")
        await expect(page[".gate .chart:not([hidden])"]).to_have_count(0, timeout=SHOWN)
