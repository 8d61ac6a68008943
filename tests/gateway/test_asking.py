"""Asking an arm that speaks an API of its own: what the client, the ledger and the comparison get of it."""

import json
from decimal import Decimal

import pytest

from canary.core.aliases import numeric
from canary.core.dialects import DIALECTS
from canary.core.model import Arm, Outcome
from canary.gateway.asking import Arms, ArmSide, Asked
from canary.gateway.config import shipped_profile
from canary.gateway.differences import seen
from canary.gateway.native import Native
from canary.gateway.natives import settings_of
from canary.gateway.tokens import Tokens
from canary.sim.desk import Desk
from canary.sim.knobs import changed
from canary.sim.native import APIS
from canary.sim.profiles import PROFILES
from tests.desks import DeskUpstream
from tests.factories import NEW_KEY, FakeClock, tcall, treq

SELLING = {"success": 1, "code_delay": "10s", "rate_limit": None}


class Line:
    """A line to a simulated provider, as the gateway has one."""

    def __init__(self, name: str, profile: str) -> None:
        self.clock = FakeClock()
        self.desk = Desk(changed(PROFILES[name], SELLING), self.clock, "asking", frozenset({NEW_KEY}))
        dialect, known = DIALECTS[name], shipped_profile(profile)
        native = Native(dialect, settings_of(dialect, known), APIS[name].base, 20.0, Tokens())
        pool = DeskUpstream(self.desk, (("X-API-USERNAME", "somebody"),))
        self.heard: list[Asked] = []
        side = ArmSide(pool, NEW_KEY, native=native)  # type: ignore[arg-type]
        self.arms = Arms({Arm.NEW: side}, self.clock, self.heard.append)

    async def ask(self, action: str, ids: dict[str, str] | None = None, **params: str) -> Asked:
        call = tcall(action, **params)
        return await self.arms.ask(Arm.NEW, treq(action, **params), call, ids)


@pytest.fixture
def line() -> Line:
    """TextVerified: its ids are words."""
    return Line("textverified", "textverified")


async def test_a_purchase_tells_its_price_and_its_life(line: Line) -> None:
    """Beyond what the client sees: they are the lease's."""
    asked = await line.ask("getNumber", service="tg", country="187")
    [issued] = asked.exchange.reply.issued
    sold = line.desk.books.leases[-1]
    assert (issued.id, issued.phone, issued.price) == (sold.id, sold.phone, Decimal("0.20"))
    assert issued.expires_at.startswith("20")
    assert asked.content == f"ACCESS_NUMBER:{sold.id}:{sold.phone}".encode()
    assert line.arms[Arm.NEW].visible(sold.id) == numeric(sold.id) != sold.id
    assert line.heard == [asked]


async def test_what_is_compared_is_what_the_client_sees(line: Line) -> None:
    """With numbers for ids, as many as there are."""
    bought = await line.ask("getNumberV2", service="tg", country="187")
    own = line.desk.books.leases[-1].id
    shown = seen(bought)
    assert json.loads(shown.content)["activationId"] == int(numeric(own))
    assert shown.reply.issued[0].id == numeric(own)
    listed = seen(await line.ask("getActiveActivations"))
    assert [row["activationId"] for row in json.loads(listed.content)["activeActivations"]] == [
        int(numeric(own))
    ]
    status = await line.ask("getStatusV2", {"7": own}, id="7")
    assert seen(status).content == status.content


async def test_a_call_of_a_lease_names_the_arm_s_own_id(line: Line) -> None:
    """One or several, whatever the client calls them."""
    await line.ask("getNumber", service="tg", country="187")
    own = line.desk.books.leases[-1].id
    assert (await line.ask("getStatus", {"7": own}, id="7")).content == b"STATUS_WAIT_CODE"
    several = await line.ask("getStatusV2", {"7": own, "8": "lr_none"}, id="7,8")
    assert json.loads(several.content) == {own: "STATUS_WAIT_CODE", "lr_none": "NO_ACTIVATION"}
    assert several.exchange.reply.parts is not None


async def test_what_makes_no_sense_is_no_answer(line: Line) -> None:
    """Its status tells the outcome; a purchase without any may have been made."""
    line.desk.become(changed(line.desk.behaviour, {"html_error": 1, "faults_on": "getNumber"}))
    asked = await line.ask("getNumber", service="tg", country="187")
    assert (asked.response, asked.exchange.status, asked.well) == (None, 502, False)
    assert (asked.exchange.reply.outcome, asked.exchange.reply.code) == (Outcome.PROVIDER, "HTTP_502")
    line.desk.become(changed(line.desk.behaviour, {"html_error": 0, "empty": 1}))
    empty = await line.ask("getNumber", service="tg", country="187")
    assert (empty.exchange.reply.outcome, empty.exchange.reply.code) == (Outcome.UNKNOWN, "UNREADABLE")


async def test_another_path_is_not_there(line: Line) -> None:
    """Nothing beside a handler_api endpoint is passed on to an API that has none."""
    calls = line.desk.books.calls
    sent = await line.arms.pass_on(Arm.NEW, treq("getBalance", path="/stubs/rent.php"))
    assert sent.response is not None
    assert (sent.response.status, line.desk.books.calls) == (404, calls)


async def test_a_country_that_the_policy_translates_is_translated_on(line: Line) -> None:
    """First by the policy, then by the profile."""
    asked = await line.ask("getPrices", service="tg", country="12")
    assert json.loads(asked.content) == {"187": {"tg": {"cost": 0.2, "count": 166, "physicalCount": 166}}}
