"""The action catalogue: what every known handler_api action does, which leases it names, how it is answered.

Collected from SMS-Activate's 2025 documentation and official SDKs, and from the documentation of its
successors and clones (HeroSMS, DaisySMS, SMSBower, GrizzlySMS, resellers). ``get`` in a name does not mean
that an action is safe: purchases are GETs.
"""

from dataclasses import dataclass
from enum import StrEnum

from canary.core.model import Effect, Kind


class Grammar(StrEnum):
    """How a success is written; errors look alike for all actions."""

    BALANCE = "balance"  # ACCESS_BALANCE:17.15
    NUMBER = "number"  # ACCESS_NUMBER:id:phone, ADDITIONAL:id:phone, or an object with activationId
    MULTI = "multi"  # a list of {phone, activation, service}
    RENT = "rent"  # {"status": "success", "phone": {"id", "endDate", "number"}}
    STATUS = "status"  # STATUS_OK:code and its family, or an object with the sms
    SET_STATUS = "set_status"  # ACCESS_READY and its family, or 204 without a body
    RENT_STATUS = "rent_status"  # values of received sms; waiting comes as an error envelope
    SET_RENT = "set_rent"  # {"status": "success"}
    ACTIVE = "active"  # the account's leases
    JSON = "json"  # an object or a list
    TEXT = "text"  # anything


@dataclass(frozen=True, slots=True)
class Action:
    """One row of the catalogue.

    ``ids`` are the parameters that carry lease ids, in the order in which they are looked for. ``many``: the
    parameter may hold several ids with commas. ``merge``: while traffic is split, the answer is made of both
    arms' answers.
    """

    name: str
    effect: Effect
    grammar: Grammar
    kind: Kind = Kind.ACTIVATION
    ids: tuple[str, ...] = ()
    many: bool = False
    merge: bool = False


_GLOBAL = Effect.GLOBAL_READ
_ACCOUNT = Effect.ACCOUNT_READ
_READ = Effect.LEASE_READ
_WRITE = Effect.LEASE_WRITE
_BUY = Effect.PURCHASE
_G = Grammar
_RENT = Kind.RENT

_ID = ("id", "activationId")

CATALOGUE: tuple[Action, ...] = (
    # the account
    Action("getBalance", _ACCOUNT, _G.BALANCE),
    Action("getBalanceAndCashBack", _ACCOUNT, _G.BALANCE),
    Action("getActiveActivations", _ACCOUNT, _G.ACTIVE, merge=True),
    Action("getListOfActiveActivations", _ACCOUNT, _G.ACTIVE, merge=True),
    Action("getHistory", _ACCOUNT, _G.ACTIVE, merge=True),
    Action("getQiwiRequisites", _ACCOUNT, _G.JSON),
    # the market
    Action("getNumbersStatus", _GLOBAL, _G.JSON),
    Action("getPrices", _GLOBAL, _G.JSON),
    Action("getPricesExtended", _GLOBAL, _G.JSON),
    Action("getPricesVerification", _GLOBAL, _G.JSON),
    Action("getPricesV2", _GLOBAL, _G.JSON),
    Action("getPricesV3", _GLOBAL, _G.JSON),
    Action("getCountries", _GLOBAL, _G.JSON),
    Action("getServicesList", _GLOBAL, _G.JSON),
    Action("getServices", _GLOBAL, _G.JSON),
    Action("getOperators", _GLOBAL, _G.JSON),
    Action("getTopCountriesByService", _GLOBAL, _G.JSON),
    Action("getTopCountriesByServiceRank", _GLOBAL, _G.JSON),
    Action("getListOfTopCountriesByService", _GLOBAL, _G.JSON),
    # purchases
    Action("getNumber", _BUY, _G.NUMBER),
    Action("getNumberV2", _BUY, _G.NUMBER),
    Action("getMultiServiceNumber", _BUY, _G.MULTI),
    Action("getAdditionalService", _BUY, _G.NUMBER, ids=_ID),
    Action("getExtraActivation", _BUY, _G.NUMBER, ids=("activationId", "id")),
    Action("buyPartnerProduct", _BUY, _G.JSON),
    Action("reactivate", _BUY, _G.NUMBER, ids=_ID),
    Action("prolong", _BUY, _G.NUMBER, ids=_ID),
    # one activation
    Action("getStatus", _READ, _G.STATUS, ids=_ID),
    Action("getStatusV2", _READ, _G.STATUS, ids=_ID, many=True),
    Action("getFullSms", _READ, _G.STATUS, ids=_ID),
    Action("getAllSms", _READ, _G.JSON, ids=_ID),
    Action("checkExtraActivation", _READ, _G.JSON, ids=("activationId", "id")),
    Action("getIncomingCallStatus", _READ, _G.JSON, ids=("activationId", "id")),
    Action("getOutgoingCalls", _READ, _G.JSON, ids=("activationId", "id")),
    Action("reactivationPrice", _READ, _G.JSON, ids=_ID),
    Action("reactivateOptions", _READ, _G.JSON, ids=_ID),
    Action("prolongOptions", _READ, _G.JSON, ids=_ID),
    Action("prolongHistory", _READ, _G.JSON, ids=_ID),
    Action("setStatus", _WRITE, _G.SET_STATUS, ids=_ID),
    Action("finishActivation", _WRITE, _G.SET_STATUS, ids=_ID),
    Action("cancelActivation", _WRITE, _G.SET_STATUS, ids=_ID),
    Action("createTaskForCall", _WRITE, _G.JSON, ids=("activationId", "id")),
    Action("parseCall", _WRITE, _G.JSON, ids=_ID),
    Action("keep", _WRITE, _G.TEXT, ids=_ID),
    Action("setAutoRenew", _WRITE, _G.TEXT, ids=_ID),
    # rents
    Action("getRentServicesAndCountries", _GLOBAL, _G.JSON, _RENT),
    Action("serviceCountRent", _GLOBAL, _G.JSON, _RENT),
    Action("getRentNumber", _BUY, _G.RENT, _RENT),
    Action("continueRentNumber", _BUY, _G.RENT, _RENT, ids=("id",)),
    Action("getRentList", _ACCOUNT, _G.ACTIVE, _RENT, merge=True),
    Action("getRentStatus", _READ, _G.RENT_STATUS, _RENT, ids=("id",)),
    Action("setRentStatus", _WRITE, _G.SET_RENT, _RENT, ids=("id",)),
    Action("getContinueRentPriceNumber", _READ, _G.JSON, _RENT, ids=("id",)),
    Action("continueRentInfo", _READ, _G.JSON, _RENT, ids=("id",)),
)

_BY_NAME = {action.name: action for action in CATALOGUE}
_BY_LOWER_NAME = {action.name.lower(): action for action in CATALOGUE}


def lookup(name: str) -> Action | None:
    """The action of that name, or ``None`` when the catalogue does not know it.

    Names are camelCase; at least one public client sends them in lower case, so case is forgiven.
    """
    return _BY_NAME.get(name) or _BY_LOWER_NAME.get(name.lower())
