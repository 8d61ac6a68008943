"""A dashboard in a window, with everything that its console and its network said."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from tests.web.serving import TOKEN

SHOWN = 20_000
"""Milliseconds that a busy machine may take to show something."""


@dataclass
class Window:
    """One open page.

    Attributes:
        complaints: errors and warnings of the console.
        asked: the addresses that were requested.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __getitem__(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def button(self, name: str) -> Locator:
        """The button of that name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def says(self, selector: str, text: str) -> None:
        """Wait until the element holds the text."""
        await expect(self[selector]).to_contain_text(text, timeout=SHOWN)

    async def value(self, selector: str) -> float:
        """The exact value behind a number."""
        shown = await self[selector].get_attribute("value")
        assert shown, f"{selector} has no value"
        return float(shown)

    async def sign_in(self, token: str = TOKEN) -> None:
        """Fill in the token that is asked for."""
        await self["#sign-in-token"].fill(token)
        await self["#sign-in"].get_by_role("button", name="Sign in").click()

    async def runs_over(self) -> bool:
        """Whether the page is wider than the window."""
        wider: bool = await self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return wider


@asynccontextmanager
async def opened(
    browser: Browser, url: str, *, width: int = 1280, scheme: Any = "light", shown: bool = True
) -> AsyncIterator[Window]:
    """A dashboard, by default once it shows a board."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = await context.new_page()
    found = Window(page)
    page.on("console", lambda said: found.complaints.append(said.text) if said.type in _BAD else None)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("request", lambda request: found.asked.append(request.url))
    await page.goto(url)
    if shown:
        await expect(page.locator("#main")).to_be_visible(timeout=SHOWN)
    try:
        yield found
    finally:
        await context.close()


_BAD = {"error", "warning"}
