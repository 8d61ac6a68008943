"""Acting on a rollout from the dashboard, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from canary.core.model import RolloutState
from canary.store.store import Store
from tests.browser.conftest import Open
from tests.browser.page import SHOWN, Window
from tests.story import NAME, Story, policy
from tests.web.serving import TOKEN, Client, serving


async def confirmed(page: Window, reason: str, button: str) -> None:
    """Fill in the dialog that asks for a reason, and confirm."""
    await expect(page["#confirm"]).to_be_visible(timeout=SHOWN)
    await page["#confirm-reason"].fill(reason)
    await page["#confirm-actor"].fill("ada")
    await page["#confirm"].get_by_role("button", name=button).click()
    await expect(page["#confirm"]).to_be_hidden(timeout=SHOWN)


async def test_a_rollback_takes_effect_and_is_on_the_record(
    client: Client, store: Store, window: Open
) -> None:
    """Signed in, confirmed with a reason: the rollout is rolled back, and the log says by whom and why."""
    async with window(client.url) as page:
        await page.button("Roll back").click()
        await page.sign_in()
        await confirmed(page, "codes stopped coming", "Roll back")
        await page.says("h1", "Rolled back: no new lease goes to new.")
        await page.says("#log li:first-child", "codes stopped coming")
        assert page.complaints == []
    rollout = store.rollout(NAME)
    assert rollout is not None
    assert (rollout.state, rollout.weight) == (RolloutState.ROLLED_BACK, 0.0)
    last = store.decisions(NAME)[-1]
    assert (last.event, last.reason) == ("rollback", "codes stopped coming")
    assert last.actor == "ada (dashboard) from 127.0.0.1"


async def test_every_event_can_be_given(client: Client, store: Store, window: Open) -> None:
    """Pause, resume, promote to the stage that needs approval and beyond, roll back, restart: each by its button."""
    steps = [
        ("Pause", "Paused at 25%"),
        ("Resume", "Holding at 25%"),
        ("Promote", "at 50%"),
        ("Promote", "Cut over"),
        ("Roll back", "Rolled back"),
        ("Restart", "Shadowing"),
    ]
    async with window(client.url) as page:
        await page["#sign"].click()
        await page.sign_in()
        await expect(page["#sign"]).to_have_text("Sign out", timeout=SHOWN)
        for button, headline in steps:
            await page["#actions"].get_by_role("button", name=button).click()
            await confirmed(page, f"test of {button}", button)
            await page.says("h1", headline)
    assert [one.reason for one in store.decisions(NAME)][-len(steps) :] == [f"test of {b}" for b, _ in steps]


async def test_a_wrong_token_is_refused(client: Client, store: Store, window: Open) -> None:
    """The dialog says so and stays, and nothing can be done without the right one."""
    async with window(client.url) as page:
        await page.button("Pause").click()
        await page.sign_in("not-the-token")
        await page.says("#sign-in-error", "this is not the admin token")
        await page["#sign-in"].get_by_role("button", name="Cancel").click()
        await expect(page["#confirm"]).to_be_hidden()
        assert await page.page.context.cookies() == []
    rollout = store.rollout(NAME)
    assert rollout is not None
    assert rollout.state is RolloutState.RUNNING


async def test_a_reason_is_asked_for(client: Client, store: Store, window: Open) -> None:
    """All but a rollback need a reason: the browser keeps the dialog open until there is one."""
    async with window(client.url) as page:
        await page.button("Promote").click()
        await page.sign_in()
        await expect(page["#confirm"]).to_be_visible(timeout=SHOWN)
        await page["#confirm"].get_by_role("button", name="Promote").click()
        await expect(page["#confirm"]).to_be_visible()
    assert [one.event for one in store.decisions(NAME)] == ["advance"]


async def test_an_event_that_is_no_longer_legal_is_explained(client: Client, window: Open) -> None:
    """Somebody else was faster: the dialog says what is possible now."""
    async with window(client.url) as page:
        await page.button("Pause").click()
        await page.sign_in()
        await expect(page["#confirm"]).to_be_visible(timeout=SHOWN)
        await client.act("rollback")
        await page["#confirm-reason"].fill("late")
        await page["#confirm"].get_by_role("button", name="Pause").click()
        await page.says("#confirm-error", "pause is not possible while the rollout is rolled_back")


async def test_the_keyboard_is_enough(client: Client, store: Store, window: Open) -> None:
    """Tab finds the skip link and the buttons, Enter opens a dialog, Escape closes it and gives the focus back."""
    async with window(client.url) as page:
        keyboard = page.page.keyboard
        await keyboard.press("Tab")
        await expect(page[".skip"]).to_be_focused()
        await page.button("Roll back").focus()
        await keyboard.press("Enter")
        await expect(page["#sign-in-token"]).to_be_focused(timeout=SHOWN)
        await keyboard.type(TOKEN)
        await keyboard.press("Enter")
        await expect(page["#confirm-reason"]).to_be_focused(timeout=SHOWN)
        await keyboard.press("Escape")
        await expect(page["#confirm"]).to_be_hidden()
        await expect(page.button("Roll back")).to_be_focused()
    assert [one.event for one in store.decisions(NAME)] == ["advance"]


async def test_signing_out_forgets_the_browser(client: Client, window: Open) -> None:
    """After signing out the cookie is gone, and acting asks for the token again."""
    async with window(client.url) as page:
        await page["#sign"].click()
        await page.sign_in()
        await expect(page["#sign"]).to_have_text("Sign out", timeout=SHOWN)
        await page["#sign"].click()
        await expect(page["#sign"]).to_have_text("Sign in", timeout=SHOWN)
        assert await page.page.context.cookies() == []


@pytest.fixture
async def far(store: Store, story: Story) -> AsyncIterator[Client]:
    """An admin server that others can reach too, so that reading needs the token."""
    async with serving(store, story.clock, host="0.0.0.0", name=NAME) as asking:
        yield asking


async def test_reading_from_afar_needs_the_token_first(far: Client, window: Open) -> None:
    """Nothing of the rollout is shown before the token is given; then everything is."""
    async with window(far.url, shown=False) as page:
        await expect(page["#sign-in"]).to_be_visible(timeout=SHOWN)
        assert NAME not in await page.page.content()
        await page.sign_in()
        await page.says("h1", "Holding at 25%")


async def test_a_difference_is_acknowledged(client: Client, store: Store, window: Open) -> None:
    """Its button asks for a reason, which goes on the record; the difference leaves the page and is still counted."""
    async with window(client.url) as page:
        await page["#differences"].get_by_role("button", name="Acknowledge getStatus: parts").click()
        await page.sign_in()
        await page.says("#confirm-text", "getStatus: parts")
        await confirmed(page, "we split at the colon", "Acknowledge")
        await page.says("#differences", "1 acknowledged, and no longer counted.")
        await expect(page["#differences article"]).to_have_count(0)
        await page.says("#log li:first-child", "we split at the colon")
        assert page.complaints == []
    assert store.decisions(NAME)[-1].event == "ack"


async def test_shadow_leases_are_stopped(tmp_path: Path, window: Open) -> None:
    """Where the policy buys them they have a switch: stopped with or without a reason, and started again."""
    budget = {"run": "$5", "day": "$5"}
    shadowed = policy(shadow={"leases": "live", "budget": budget})
    story = Story(Store(tmp_path / "canary.db"), policy=shadowed)
    async with serving(story.store, story.clock, name=NAME) as asking, window(asking.url) as page:
        await page.says("#shadow-leases", "shadow leases, live")
        await page.button("Stop shadow leases").click()
        await page.sign_in()
        await confirmed(page, "", "Stop")
        await page.says("#shadow-leases", "Stopped by ada (dashboard)")
        assert story.store.shadow_book(NAME).switch().stopped
        await page.button("Start shadow leases").click()
        await confirmed(page, "cheap again", "Start")
        await page.says("#shadow-leases", "Started by ada (dashboard) from 127.0.0.1: cheap again")
        assert page.complaints == []
    assert not story.store.shadow_book(NAME).switch().stopped
