"""Whole traffic against two simulated providers, and what must be found of each of their drifts."""

from collections.abc import Mapping
from random import Random

from canary.core.compare.judge import Difference, differences
from canary.core.compare.shape import Shape, Sighting, TraitKey
from canary.core.compare.traits import Aspect
from canary.core.model import Arm, Effect, Exchange, Progress, Reply, Response
from canary.core.protocol.read import read
from canary.gateway.asking import Asked
from canary.gateway.differences import Contract
from tests.factories import tcall
from tests.sim.counter import Counter

_EVEN = {"success": 0.5, "stock_out": 0.2, "call_error": 0.02, "html_error": 0.02, "empty": 0.02}
"""Knobs of both arms: everything that happens happens on both, faults included."""


class Traffic:
    """Clients' leases split over two providers, and their reads asked of both.

    Args:
        weight: the share of leases that new gets.
        old, new: knobs of the providers.
    """

    def __init__(
        self, seed: str, weight: float, old: Mapping[str, object], new: Mapping[str, object]
    ) -> None:
        self.contract = Contract(lambda: 1, lambda: weight, lambda: 0.0)
        self.calls = 0
        self._random = Random(seed)
        self._weight = weight
        self._counters = {
            arm: Counter(
                seed=f"{seed}/{arm}", **{**_EVEN, "code_delay": {"median": "8s", "p95": "45s"}, **knobs}
            )
            for arm, knobs in ((Arm.OLD, old), (Arm.NEW, new))
        }
        self._changed: dict[TraitKey, Sighting] = {}

    async def run(self, leases: int, reads: int) -> None:
        """So many leases, and so many rounds of reads among them."""
        for n in range(leases):
            if n % max(1, leases // reads) == 0:
                await self._reads()
            self._lease()

    def found(self) -> list[Difference]:
        """The differences so far."""
        self._changed.update(self.contract.take_changed())
        shapes: dict[str, dict[Arm, Shape]] = {}
        for key, sighting in self._changed.items():
            shape = shapes.setdefault(key.action, {}).setdefault(key.arm, Shape(key.action))
            shape.sightings[key.trait] = sighting
        both = [arms for _, arms in sorted(shapes.items()) if len(arms) == 2]
        return [found for arms in both for found in differences(arms[Arm.OLD], arms[Arm.NEW])]

    async def _reads(self) -> None:
        random = self._random
        service, country = random.choice(["tg", "wa"]), random.choice(["0", "6", "187"])
        for action, params in (
            ("getBalance", {}),
            ("getPrices", random.choice([{}, {"service": service}, {"service": service, "country": "999"}])),
            ("getNumbersStatus", {"country": country}),
            ("getCountries", {}),
            ("getServicesList", {}),
            ("getOperators", {"country": "6"}),
            ("getTopCountriesByService", {"service": service}),
            ("getActiveActivations", {}),
            ("getHistory", {}),
        ):
            served = self._ask(Arm.OLD, action, **params)
            copy = self._ask(Arm.NEW, action, **params)
            await self.contract.pair(served.exchange.call, served, copy)

    def _lease(self) -> None:
        random = self._random
        arm = Arm.NEW if random.random() < self._weight else Arm.OLD
        version = random.choice(["", "V2"])
        bought = self._say(
            arm, f"getNumber{version}", service=random.choice(["tg", "wa"]), country=random.choice("06")
        )
        if not bought.issued:
            return
        own = bought.issued[0].id
        poll = f"getStatus{random.choice(['', version])}"
        if random.random() < 0.3:
            self._say(arm, "setStatus", id=own, status="1")
        for _ in range(random.randrange(2, 8)):
            self._counters[arm].advance(5)
            status = self._say(arm, poll, id=own)
        if status.progress is Progress.CODE and random.random() < 0.3:
            self._say(arm, "setStatus", id=own, status="3")
            self._say(arm, "getStatus", id=own)
        self._end(arm, own, status)

    def _end(self, arm: Arm, own: str, status: Reply) -> None:
        late = self._random.random() < 0.8
        if late:
            self._counters[arm].advance(130)
        # some clients cancel although the code has come, and some say everything twice
        cancel = status.progress is not Progress.CODE or self._random.random() < 0.3
        for _ in range(self._random.choice([1, 2, 2, 2])):
            self._say(arm, "setStatus", id=own, status="8" if cancel else "6")
        self._say(arm, "getStatus", id=own)

    def _say(self, arm: Arm, action: str, **params: str) -> Reply:
        asked = self._ask(arm, action, **params)
        self.contract.served(asked)
        return asked.exchange.reply

    def _ask(self, arm: Arm, action: str, **params: str) -> Asked:
        self.calls += 1
        call = tcall(action, **params)
        assert call.effect is not Effect.UNKNOWN
        answer = self._counters[arm].serve(action, **params).answer
        if answer is None:
            return Asked(Exchange(call, arm, read(call, 502, "", b""), 0.0, 0.1), None)
        content = answer.text.encode()
        reply = read(call, answer.status, answer.content_type, content)
        response = Response(answer.status, (("content-type", answer.content_type),), content)
        return Asked(Exchange(call, arm, reply, 0.0, 0.1, status=answer.status), response, content)


# drift -> knobs of old besides the even ones, and (action, kind, path) of what must be found
FOUND: dict[str, tuple[dict[str, object], tuple[str, Aspect, str]]] = {
    "phone_plus": ({}, ("getNumber", Aspect.PHONE, "phone")),
    "phone_bare": ({"drifts": "phone_plus"}, ("getNumber", Aspect.PHONE, "phone")),
    "trailing_newline": ({}, ("getNumber", Aspect.WHITESPACE, "")),
    "text_id": ({}, ("getNumber", Aspect.ID, "id")),
    "big_id": ({}, ("getNumber", Aspect.ID, "id")),
    "fourth_field": ({}, ("getNumber", Aspect.PARTS, "")),
    "json_as_html": ({}, ("getNumberV2", Aspect.CONTENT_TYPE, "")),
    "hero_v2": ({}, ("getNumberV2", Aspect.DATE, "activationTime")),
    "no_operator": ({}, ("getNumberV2", Aspect.FIELD, "activationOperator")),
    "v2_numbers": ({"drifts": "v2_strings"}, ("getNumberV2", Aspect.TYPE, "activationId")),
    "v2_strings": ({}, ("getNumberV2", Aspect.TYPE, "activationCost")),
    "empty_body": ({}, ("getBalance", Aspect.WORD, "EMPTY")),
    "http_statuses": ({}, ("setStatus", Aspect.STATUS, "")),
    "banned": ({}, ("getNumber", Aspect.WORD, "BANNED:…")),
    "wrong_max_price": ({}, ("getNumber", Aspect.WORD, "WRONG_MAX_PRICE:…")),
    "title_200": ({}, ("setStatus", Aspect.ENVELOPE, "")),
    "colon_code": ({}, ("getStatus", Aspect.CODE, "code")),
    "word_code": ({}, ("getStatus", Aspect.CODE, "code")),
    "wait_retry": ({}, ("getStatus", Aspect.WORD, "STATUS_WAIT_RETRY")),
    "wait_resend": ({}, ("getStatus", Aspect.WORD, "STATUS_WAIT_RESEND")),
    "status_cancel": ({}, ("getStatus", Aspect.WORD, "STATUS_CANCEL")),
    "cancel_already": ({}, ("setStatus", Aspect.WORD, "ACCESS_CANCEL_ALREADY")),
    "set_status_204": ({}, ("setStatus", Aspect.ENVELOPE, "")),
    "early_cancel": ({}, ("setStatus", Aspect.WORD, "status 8: EARLY_CANCEL_DENIED")),
    "whole_balance": ({}, ("getBalance", Aspect.AMOUNT, "balance")),
    "comma_balance": ({}, ("getBalance", Aspect.AMOUNT, "balance")),
    "status_plain": ({"drifts": "status_suffix"}, ("getNumbersStatus", Aspect.KEYS, "")),
    "status_suffix": ({}, ("getNumbersStatus", Aspect.KEYS, "")),
    "no_country_zero": ({}, ("getCountries", Aspect.COUNTRIES, "")),
    "bad_key": ({}, ("getBalance", Aspect.WORD, "BAD_KEY")),
    "quoted": ({}, ("getStatus", Aspect.ENVELOPE, "")),
    "spaced": ({}, ("getNumber", Aspect.ENVELOPE, "")),
    "title_errors": ({}, ("setStatus", Aspect.STATUS, "")),
    "msg_errors": ({}, ("setStatus", Aspect.ENVELOPE, "")),
    "message_errors": ({}, ("setStatus", Aspect.ENVELOPE, "")),
    "error_errors": ({}, ("setStatus", Aspect.ENVELOPE, "")),
    "no_numbers_404": ({}, ("getNumber", Aspect.STATUS, "")),
    "cancel_ready": ({}, ("setStatus", Aspect.WORD, "ACCESS_READY")),
    "wait_with_code": ({}, ("getStatus", Aspect.PARTS, "")),
    "status_v2_data": ({}, ("getStatusV2", Aspect.FIELD, "sms")),
    "active_hero": ({}, ("getActiveActivations", Aspect.FIELD, "activeActivations")),
    "active_list": ({}, ("getActiveActivations", Aspect.TYPE, "")),
    "countries_list": ({}, ("getCountries", Aspect.TYPE, "")),
    "text_prices": ({}, ("getPrices", Aspect.TYPE, "*.*.cost")),
}

UNSEEN = {
    "no_code": "the word for no code is what a client gets; its form is that of a code",
    "body_only": "it shows in how a POST is read, and the answer then is BAD_KEY",
}
"""Drifts that are no difference in the form of an answer."""
