"""The contract check before any traffic: new is asked all that may be asked, and held against old.

Old is what its provider is documented to answer (``canary.toolkit.reference``), or itself where it is asked too.
Nothing is bought except in the provider's own sandbox, and there only while the account's balance stays as it is.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from canary.core.compare.judge import Difference, Exemption, differences
from canary.core.compare.rules import CERTAIN
from canary.core.compare.shape import Shape
from canary.core.compare.traits import UNKNOWN_ACTION
from canary.core.model import Arm, Call, Effect, Outcome
from canary.core.policy.model import Profile
from canary.core.protocol.read import price_from_headers
from canary.gateway.asking import Asked
from canary.gateway.differences import seen
from canary.toolkit.countries import Listed, Mapped, Provider, compared, documented, listed, live
from canary.toolkit.pools import Asker, call_of
from canary.toolkit.probed import Probe, Result, Row
from canary.toolkit.reference import Reference, contexts_of

UNKNOWN_LEASE = "1"
"""An id that no account has; what is asked of it changes nothing."""

NAMED_COUNTRIES = ("RU", "US")
"""Countries whose ids differ between providers; prices are asked for by each of them."""

EARLY = "EARLY_CANCEL_DENIED"

READS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("getBalanceAndCashBack", ()),
    ("getActiveActivations", ()),
    ("getListOfActiveActivations", ()),
    ("getHistory", ()),
    ("getNumbersStatus", ("country",)),
    ("getPrices", ("service", "country")),
    ("getPrices", ()),
    ("getPricesExtended", ("service", "country")),
    ("getPricesVerification", ("service",)),
    ("getPricesV2", ("service", "country")),
    ("getPricesV3", ("service", "country")),
    ("getServicesList", ()),
    ("getServices", ()),
    ("getOperators", ("country",)),
    ("getTopCountriesByService", ("service",)),
    ("getTopCountriesByServiceRank", ("service",)),
    ("getListOfTopCountriesByService", ("service",)),
    ("getRentServicesAndCountries", ()),
    ("serviceCountRent", ("country",)),
    ("getRentList", ()),
)
"""Calls that read, with the parts of the offer that they name; the balance and the countries come by themselves."""

_HOPELESS = frozenset({Outcome.ACCOUNT, Outcome.PROVIDER, Outcome.LIMIT})
"""Answers to the first call after which all others would say the same."""

MUST_MAP = frozenset(
    {
        *("getBalance", "getNumbersStatus", "getNumber", "setStatus", "getStatus"),
        *("getPrices", "getCountries", "getTopCountriesByService"),
    }
)
"""Actions that every client is taken to need; others that new does not know may have no caller."""

LEASE_READS = ("getStatus", "getStatusV2", "getFullSms")
LISTS = ("getActiveActivations", "getHistory")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of the arms beforehand.

    ``profiles``: of both. ``translated``: new's own country ids by old's. ``exemptions``: differences that the policy
    declares as known. ``service`` and ``country`` (an id of old) are asked for.
    """

    profiles: Mapping[Arm, Profile]
    translated: Mapping[str, str] = field(default_factory=dict)
    exemptions: Sequence[Exemption] = ()
    service: str = "tg"
    country: str = "6"


class Prober:
    """Asks and compares.

    Args:
        new: asks new with the policy's key.
        stranger: asks new with a wrong key; ``None`` when the arm does not take its key from the query.
        old: asks old; ``None``: its documentation stands for it.
        sandbox: whether purchases may be made in new's sandbox.
        tell: is told what is being asked.
    """

    def __init__(
        self,
        subject: Subject,
        new: Asker,
        stranger: Asker | None,
        old: Asker | None,
        *,
        sandbox: bool,
        tell: Callable[[str], None] = lambda what: None,
    ) -> None:
        self._subject = subject
        self._new = new
        self._stranger = stranger
        self._old = old
        self._sandbox = sandbox
        self._tell = tell
        self._reference = Reference(subject.profiles[Arm.OLD].name)
        self._shapes: dict[Arm, dict[str, Shape]] = {arm: {} for arm in Arm}
        self._trouble: dict[str, str] = {}
        self._too_early = False

    async def run(self) -> Probe:
        """Ask everything."""
        rows = [row async for row in self._rows()]
        documented_as = f"{self._reference.title} as documented"
        against = f"old ({self._subject.profiles[Arm.OLD].title})" if self._old else documented_as
        return Probe(against, self._sandbox, tuple(rows))

    async def _rows(self) -> AsyncIterator[Row]:
        key = await self._key()
        yield key
        if key.result is Result.FAILED:
            return
        if self._stranger is not None:
            yield await self._wrong_key(self._stranger)
        for action, names in READS:
            await self._ask(action, self._offer(*names))
        for action in LEASE_READS:
            await self._ask(action, {"id": UNKNOWN_LEASE}, sold=False)
        countries = [row async for row in self._countries()]
        bought = [row async for row in self._purchases()]
        for row in (*self._actions(), *countries, *bought):
            yield row
        if self._new.limited:
            yield Row(
                "pace", Result.OK, f"new throttled {self._new.limited} calls; they were asked again later"
            )

    # --- one call -------------------------------------------------------------------------------------------------

    async def _ask(
        self,
        action: str,
        params: Mapping[str, str],
        *,
        sandbox: bool = False,
        first: bool = False,
        sold: bool = True,
    ) -> Asked | None:
        """Ask new and learn what its answer looks like; ``None`` when old does not know the action.

        Args:
            first: whether it is the first question about a lease.
            sold: whether the lease was ever sold.
        """
        self._tell(action)
        expected = await self._expected(action, params, sold=sold)
        if expected is None:
            return None
        asked = await self._new.ask(action, params, sandbox=sandbox)
        self._learn(Arm.OLD, action, expected)
        self._hear(asked, first=first)
        return asked

    def _hear(self, asked: Asked, *, first: bool = False) -> None:
        call, reply = asked.exchange.call, asked.exchange.reply
        if asked.response is None:
            self._trouble[call.action] = f"no answer ({asked.exchange.failure})"
        elif reply.outcome in {Outcome.PROVIDER, Outcome.LIMIT}:
            self._trouble[call.action] = reply.code
        elif reply.code == EARLY:  # a refusal by the clock, not by contract
            self._too_early = True
        else:
            self._learn(Arm.NEW, call.action, _shape(call, asked, first=first))

    async def _expected(self, action: str, params: Mapping[str, str], *, sold: bool) -> Shape | None:
        call = call_of(action, params)
        documented_shape = self._reference.shape(call, sold=sold)
        if self._old is None or call.effect not in {Effect.GLOBAL_READ, Effect.ACCOUNT_READ}:
            return documented_shape
        asked = await self._old.ask(action, params)
        reply = asked.exchange.reply
        if asked.response is None or reply.outcome in {Outcome.PROVIDER, Outcome.LIMIT}:
            return documented_shape
        return None if reply.code in UNKNOWN_ACTION else _shape(asked.exchange.call, asked)

    def _learn(self, arm: Arm, action: str, shape: Shape) -> None:
        known = self._shapes[arm].get(action)
        self._shapes[arm][action] = known.merge(shape) if known else shape

    def _offer(self, *names: str) -> dict[str, str]:
        offer = {"service": self._subject.service, "country": self._subject.country}
        return {name: offer[name] for name in names}

    # --- the key --------------------------------------------------------------------------------------------------

    async def _key(self) -> Row:
        asked = await self._ask("getBalance", {})
        assert asked is not None, "every provider knows the balance"
        reply = asked.exchange.reply
        if asked.response is None:
            return Row(
                "key",
                Result.FAILED,
                f"new gives no answer ({asked.exchange.failure}); nothing more was asked",
            )
        if reply.outcome in _HOPELESS:
            return Row(
                "key", Result.FAILED, f"new answers {reply.code} to getBalance; nothing more was asked"
            )
        return Row("key", Result.OK, "accepted")

    async def _wrong_key(self, stranger: Asker) -> Row:
        self._tell("a wrong key")
        asked = await stranger.ask("getBalance", {})
        reply = asked.exchange.reply
        if reply.outcome is Outcome.OK:
            return Row("wrong key", Result.FAILED, "accepted as though it were right")
        self._hear(asked)
        return Row("wrong key", Result.OK, f"refused with {reply.code}")

    # --- what came of it ------------------------------------------------------------------------------------------

    def _actions(self) -> Iterator[Row]:
        for action, expected in self._shapes[Arm.OLD].items():
            shown = self._shapes[Arm.NEW].get(action)
            if shown is None:
                if action in self._trouble:
                    yield Row(action, Result.FAILED, self._trouble[action])
            elif action not in MUST_MAP and _denied(shown):
                yield Row(
                    action, Result.UNMAPPED, "new does not know it; find its callers before the cutover"
                )
            else:
                yield _judged(action, differences(expected, shown, self._subject.exemptions, CERTAIN))

    # --- countries ------------------------------------------------------------------------------------------------

    async def _countries(self) -> AsyncIterator[Row]:
        old, new = await self._providers()
        translated = self._subject.translated
        comparison = compared(old, new, translated)
        if comparison.translate:
            pairs = ", ".join(f"{theirs}: {own}" for theirs, own in comparison.translate.items())
            detail = f"the same country has another id; put arms.new.countries: {{{pairs}}} into the policy"
            yield Row("country ids", Result.DIFFERS, detail)
        else:
            yield Row("country ids", Result.OK, f"{len(comparison.rows)} compared ({new.source})")
        for row in comparison.rows:
            if row.iso2 in NAMED_COUNTRIES and row.new:
                yield await self._country(row)

    async def _providers(self) -> tuple[Provider, Provider]:
        profiles = self._subject.profiles
        asked = await self._ask("getCountries", {})
        rows = _table(asked) if asked else ()
        new = live(profiles[Arm.NEW], "new", rows) if rows else documented(profiles[Arm.NEW], "new")
        own = _table(await self._old.ask("getCountries", {})) if self._old else ()
        old = live(profiles[Arm.OLD], "old", own) if own else documented(profiles[Arm.OLD], "old")
        return old, new

    async def _country(self, row: Mapped) -> Row:
        """New's own ids of a country, each tried on the prices."""
        what = f"country {row.iso2}"
        known = f"old {', '.join(row.old) or '-'}, new {', '.join(row.new)}"
        for own in row.new:
            self._tell(what)
            asked = await self._new.ask("getPrices", {"service": self._subject.service, "country": own})
            if asked.exchange.reply.outcome is Outcome.CALLER:
                refused = asked.exchange.reply.code
                return Row(what, Result.FAILED, f"{known}; new refuses its own {own} with {refused}")
        return Row(what, Result.OK, known)

    # --- purchases ------------------------------------------------------------------------------------------------

    async def _purchases(self) -> AsyncIterator[Row]:
        if not self._sandbox:
            yield Row(
                "purchases",
                Result.SKIPPED,
                "new has no sandbox, and nothing is bought; they are compared from the first leases on new",
            )
            return
        before = await self._balance()
        bought = await self._ask("getNumber", self._offer("service", "country"), sandbox=True)
        after = await self._balance()
        lease = _issued(bought)
        if lease and (before is None or after is None or after < before):
            await self._new.ask("setStatus", {"id": lease, "status": "8"}, sandbox=True)
            yield Row("sandbox", Result.FAILED, _charged(before, after))
            return
        if not lease or bought is None:
            code = bought.exchange.reply.code if bought else "nothing"
            detail = f"no number was to be had ({code}); name another --service or --country"
            yield Row("sandbox", Result.SKIPPED, detail)
            return
        await self._live(lease)
        second = _issued(await self._ask("getNumberV2", self._offer("service", "country"), sandbox=True))
        if second:
            await self._live(second)
        left = "; it may not be cancelled so early, and expires by itself" if self._too_early else ""
        yield Row("sandbox", Result.OK, f"a purchase was made and nothing charged{left}")
        yield self._cost(bought)

    async def _balance(self) -> Decimal | None:
        """The account's own balance, outside the sandbox."""
        return (await self._new.ask("getBalance", {})).exchange.reply.balance

    async def _live(self, lease: str) -> None:
        """All that a client does with a number, and its end."""
        for action in LEASE_READS:
            await self._ask(action, {"id": lease}, sandbox=True, first=action == LEASE_READS[0])
        for action in LISTS:
            await self._ask(action, {}, sandbox=True)
        for status in ("1", "8", "8"):
            await self._ask("setStatus", {"id": lease, "status": status}, sandbox=True)
        await self._ask("getStatus", {"id": lease}, sandbox=True)

    def _cost(self, bought: Asked) -> Row:
        names = self._subject.profiles[Arm.NEW].cost_headers
        if not names:
            return Row("cost header", Result.SKIPPED, "the profile names none")
        headers = bought.response.headers if bought.response else ()
        price = price_from_headers(headers, names)
        if price is None:
            return Row("cost header", Result.FAILED, f"{', '.join(names)} is not in the answer of a purchase")
        return Row("cost header", Result.OK, f"{names[0]}: {price}")


def _shape(call: Call, asked: Asked, *, first: bool = False) -> Shape:
    return Shape.of(call, seen(asked), asked.exchange.at, contexts_of(call, first=first))


def _denied(shape: Shape) -> bool:
    """Whether new answered nothing else than that it does not know the action."""
    return all(value.partition(" ")[2] in UNKNOWN_ACTION for value, _ in shape.words())


def _judged(action: str, found: Sequence[Difference]) -> Row:
    if not found:
        return Row(action, Result.OK)
    kinds = ", ".join(dict.fromkeys(one.kind.value.replace("_", " ") for one in found))
    return Row(action, Result.DIFFERS, kinds, tuple(found))


def _table(asked: Asked) -> tuple[Listed, ...]:
    try:
        return listed(json.loads(asked.content))
    except ValueError:
        return ()


def _issued(asked: Asked | None) -> str:
    issued = asked.exchange.reply.issued if asked else ()
    return issued[0].id if issued else ""


def _charged(before: Decimal | None, after: Decimal | None) -> str:
    if before is None or after is None:
        return "the balance cannot be read, so it is not known whether the sandbox charges; nothing more was bought"
    return (
        f"the balance fell from {before} to {after} with a purchase in the sandbox; nothing more was bought. "
        "If other traffic uses this account, probe again when it is quiet"
    )
