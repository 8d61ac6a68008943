"""Asks the arms' own lists about refunds that have not come: what is still charged, and what was given back."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from canary.core.accounts import Terms, Word, word_of
from canary.core.leases import SKEW
from canary.core.model import Arm, Request
from canary.core.protocol.listing import Listed, listed
from canary.core.protocol.parse import ENDPOINT, parse
from canary.gateway.asking import Arms, Asked
from canary.gateway.listing import MOST_PAGES, PAGE, open_numbers
from canary.gateway.rounds import rounds
from canary.store.statements import Statements

log = logging.getLogger(__name__)

BEAT = 5.0
"""Seconds between two looks at whether it is time."""


class Histories:
    """Looks up overdue refunds in the history of the account that they are owed by.

    Only arms with a key of their own are asked, and only those whose profile names an action for it, and only while
    refunds are missing.

    Args:
        arms: to ask by itself.
        actions: each arm's action for its history; ``None`` where its provider has none.
        terms: of each arm's money.
        every: seconds between two looks; ``None`` never asks.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        statements: Statements,
        arms: Arms,
        actions: Mapping[Arm, str | None],
        terms: Mapping[Arm, Terms],
        *,
        every: float | None,
        clock: Callable[[], float],
    ) -> None:
        self._statements = statements
        self._arms = arms
        self._actions = {
            arm: action for arm, action in actions.items() if action and arms[arm].key is not None
        }
        self._terms = terms
        self._every = every
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        await rounds(self.work, BEAT, log, "refunds could not be looked up")

    async def work(self) -> None:
        """Ask the arms whose turn it is.

        Raises:
            StoreError: the store cannot be asked.
        """
        for arm, action in self._actions.items() if self._every is not None else ():
            await self._look(arm, action)

    async def _look(self, arm: Arm, action: str) -> None:
        now, every = self._clock(), self._every or 0.0
        due_before = now - self._terms[arm].refund_within - SKEW
        wanted = await asyncio.to_thread(self._statements.wanted, arm, due_before)
        if not wanted or not await asyncio.to_thread(self._statements.turn, arm, now, every):
            return
        ids = {one.id for one in wanted}
        since = min(one.opened_at for one in wanted) - SKEW
        words = await self._words(arm, action, since, now) or {}
        await asyncio.to_thread(
            self._statements.note, arm, {own: word for own, word in words.items() if own in ids}, now
        )

    async def _words(self, arm: Arm, action: str, since: float, now: float) -> dict[str, Word]:
        past = await self._history(arm, action, since, now)
        still = await open_numbers(lambda page: self._ask(arm, "getActiveActivations", page)) or ()
        said = [(row.id, word_of(row, active=False)) for row in past]
        said += [(row.id, word_of(row, active=True)) for row in still]
        return {own: word for own, word in said if word is not None}

    async def _history(self, arm: Arm, action: str, since: float, now: float) -> list[Listed]:
        """The account's history; as much of it as the arm tells."""
        rows: dict[str, Listed] = {}
        span = {"start": str(int(since)), "end": str(int(now + SKEW)), "limit": str(PAGE), "size": str(PAGE)}
        for _ in range(MOST_PAGES):
            asked = await self._ask(arm, action, span | {"offset": str(len(rows))})
            found = listed(asked.content) if asked.well else None
            news = {row.id: row for row in found or () if row.id not in rows}
            rows |= news
            if not news or len(found or ()) < PAGE:
                break
        return [*rows.values()]

    async def _ask(self, arm: Arm, action: str, params: Mapping[str, str]) -> Asked:
        request = Request("GET", f"/{ENDPOINT}", urlencode({"action": action, **params}))
        return await self._arms.ask(arm, request, parse(request))
