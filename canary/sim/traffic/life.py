"""The life of one lease from its client's side: buy, poll, finish, ask again, cancel or forget."""

import asyncio
from random import Random

from canary.core.model import Outcome, Progress, Reply
from canary.sim.ids import code_for
from canary.sim.market import COUNTRIES
from canary.sim.traffic.caller import Caller, Told
from canary.sim.traffic.plan import Style, TrafficPlan
from canary.sim.traffic.report import Life, Recorder

READY, ANOTHER, FINISH, CANCEL = "1", "3", "6", "8"
"""setStatus values."""

_ISO = {str(country.id): country.iso for country in COUNTRIES}
_READS = ("getBalance", "getPrices", "getNumbersStatus")
_REPEATED = frozenset({"EMPTY", "HTML"})


class LeaseClient:
    """Lives one lease and writes it down in ``life``."""

    def __init__(
        self, plan: TrafficPlan, style: Style, caller: Caller, recorder: Recorder, life: Life, random: Random
    ) -> None:
        self._plan = plan
        self._style = style
        self._caller = caller
        self._recorder = recorder
        self._random = random
        self.life = life

    async def live(self) -> None:
        """From the first look at the market to the lease's end."""
        if self._chance(self._plan.global_reads):
            await self._look_around()
        bought = await self._buy()
        if not bought:
            return
        if self._chance(self._style.ready):
            await self._call("setStatus", status=READY)
        if self._chance(self._style.hasty):
            await self._end(FINISH, "hasty")
            return
        await self._wait_and_end()

    async def _look_around(self) -> None:
        action = self._random.choice(_READS)
        params = {} if action == "getBalance" else {"country": self.life.country}
        await self._caller.call(action, **params)

    # --- buying -------------------------------------------------------------------------------------------------

    async def _buy(self) -> bool:
        told = await self._purchase()
        for _ in range(self._style.repeats):
            if told.reply is None or not _looks_transient(told):
                break
            told = await self._purchase()  # what a client made for the legacy provider does
        life, reply = self.life, told.reply
        if reply is None or not reply.issued:
            life.outcome, life.why = _without_number(reply), told.word
            return False
        life.id, life.phone, life.arm = reply.issued[0].id, reply.issued[0].phone, told.arm
        return True

    async def _purchase(self) -> Told:
        life = self.life
        params = {"service": life.service}
        if not (self._style.drops_zero and life.country == "0"):
            iso = _ISO.get(life.country) if self._chance(self._plan.iso_countries) else None
            params["country"] = iso or life.country
        life.calls += 1
        self._recorder.purchases += 1
        return await self._caller.call(life.action, **params)

    # --- waiting and ending -------------------------------------------------------------------------------------

    async def _wait_and_end(self) -> None:
        progress = await self._wait_for_code()
        if progress is Progress.CODE and self._chance(self._plan.another_code):
            await self._call("setStatus", status=ANOTHER)
            await self._wait_for_code()
        if self.life.outcome != "cut":
            return
        if self._chance(self._style.forget):
            self.life.outcome = "forgotten"
        elif self.life.codes:
            await self._end(FINISH, "succeeded")
        else:
            await self._end(CANCEL, "cancelled")

    async def _wait_for_code(self) -> Progress | None:
        """Poll until a code that is new to us, the lease's end, or the end of our patience."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._plan.patience
        while True:
            await asyncio.sleep(min(self._plan.poll_interval, max(0.0, deadline - loop.time())))
            reply = (await self._call("getStatus")).reply
            if reply is not None and self._over(reply):
                return None
            if reply is not None and reply.progress is Progress.CODE and self._new_code(reply.sms or ""):
                return Progress.CODE
            if loop.time() >= deadline:
                return None

    def _over(self, reply: Reply) -> bool:
        """Whether the lease has ended without our doing; if so, that is its outcome."""
        if reply.unknown_lease:
            self.life.outcome, self.life.why = "lost", reply.code
        elif reply.progress in {Progress.CANCELLED, Progress.REVOKED}:
            self.life.outcome = "succeeded" if self.life.codes else "expired"
        else:
            return False
        return True

    def _new_code(self, sms: str) -> bool:
        codes = self.life.codes
        if sms in codes:
            return False
        digits = "".join(c for c in sms if c.isdigit())
        if self._plan.check_codes and digits != code_for(self.life.phone, len(codes)):
            self.life.foreign_codes += 1
        codes.append(sms)
        return True

    async def _end(self, status: str, outcome: str) -> None:
        """End the lease; a cancel that is refused because a code came after all becomes a finish."""
        told = await self._insist("setStatus", status=status)
        if told.well:
            self.life.outcome = outcome
            return
        last = (await self._insist("getStatus")).reply
        if last is not None and self._over(last):
            return
        if status == CANCEL and last is not None and last.progress is Progress.CODE:
            self._new_code(last.sms or "")
            await self._end(FINISH, "succeeded")
            return
        self.life.outcome, self.life.why = "stuck", told.word

    async def _insist(self, action: str, **params: str) -> Told:
        """Call until it is heard: again after faults, and while it is too early to cancel."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + 2 * self._plan.patience
        told = await self._call(action, **params)
        while _try_again(told) and loop.time() < deadline:
            await asyncio.sleep(self._plan.poll_interval)
            told = await self._call(action, **params)
        return told

    # --- calls --------------------------------------------------------------------------------------------------

    async def _call(self, action: str, **params: str) -> Told:
        life = self.life
        life.calls += 1
        told = await self._caller.call(action, id=life.id, **params)
        life.strangers += bool(told.arm and life.arm and told.arm != life.arm)
        life.unknown += bool(told.reply and told.reply.unknown_lease)
        return told

    def _chance(self, share: float) -> bool:
        return share > 0 and self._random.random() < share


def _try_again(told: Told) -> bool:
    reply = told.reply
    return reply is None or reply.code == "EARLY_CANCEL_DENIED" or reply.outcome is Outcome.PROVIDER


def _looks_transient(told: Told) -> bool:
    return told.word in _REPEATED or told.status >= 500


def _without_number(reply: Reply | None) -> str:
    if reply is None or reply.outcome in {Outcome.PROVIDER, Outcome.UNKNOWN}:
        return "failed"
    return "no_stock" if reply.outcome is Outcome.BUSINESS else "refused"
