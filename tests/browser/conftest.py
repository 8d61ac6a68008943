"""A real Chromium on a real admin server over a store with a past."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright

from canary.core.model import Arm
from canary.store.store import Store
from tests.browser.page import Window, opened
from tests.factories import NOW, FakeClock
from tests.story import HOUR, NAME, Story
from tests.web.serving import Client, begun, serving

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

type Open = Callable[..., AbstractAsyncContextManager[Window]]


def executable() -> str:
    """The browser on this machine."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(
            "the browser tests need Chromium; install it with: apt-get install chromium", pytrace=False
        )
    return found


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable(), args=list(QUIET))
        yield running
        await running.close()


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with four hours of a rollout, two of them in its canary stage; told once, and copied for each test."""
    state = tmp_path_factory.mktemp("past") / "canary.db"
    told = Story(Store(state), rate=120, tick=600)
    told.goes_on(4 * HOUR)
    told.counts(shadow_sent=1843, shadow_dropped=2, hazard_repeated_purchase=1)
    told.answers("getStatus", {Arm.OLD: "STATUS_WAIT_CODE", Arm.NEW: "STATUS_WAIT_CODE:0"})
    told.store.close()
    return state


@pytest.fixture
def store(tmp_path: Path, past: Path) -> Iterator[Store]:
    """A store of its own with that past."""
    opened_store = Store(shutil.copy(past, tmp_path / "canary.db"))
    yield opened_store
    opened_store.close()


@pytest.fixture
def story(store: Store) -> Story:
    """The rollout, four hours after it began."""
    return Story(store, rate=120, tick=600, now=NOW + 4 * HOUR)


@pytest.fixture
async def client(store: Store, story: Story) -> AsyncIterator[Client]:
    """The admin server of the told rollout."""
    async with serving(store, story.clock, name=NAME) as asking:
        yield asking


@pytest.fixture
async def bare(store: Store) -> AsyncIterator[Client]:
    """The admin server of another rollout, which has just begun."""
    clock = FakeClock()
    begun(store, clock)
    async with serving(store, clock) as asking:
        yield asking


@pytest.fixture
def window(browser: Any) -> Open:
    """Open a dashboard."""

    @asynccontextmanager
    async def opening(url: str, **options: Any) -> AsyncIterator[Window]:
        async with opened(browser, url, **options) as found:
            yield found

    return opening
