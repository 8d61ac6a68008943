"""The catalogue holds every documented action with the effect, ids, kind and grammar that the protocol gives it."""

import pytest

from canary.core.actions import CATALOGUE, Action, Grammar, lookup
from canary.core.model import Effect, Kind

# The protocol's tables of actions: R global read, A account read, L lease read, W lease write, B purchase.
TABLE = {
    "R": (
        "getNumbersStatus getPrices getPricesExtended getPricesVerification getPricesV2 getPricesV3 getCountries "
        "getServicesList getServices getOperators getTopCountriesByService getTopCountriesByServiceRank "
        "getListOfTopCountriesByService getRentServicesAndCountries serviceCountRent"
    ),
    "A": (
        "getBalance getBalanceAndCashBack getActiveActivations getListOfActiveActivations getHistory "
        "getQiwiRequisites getRentList"
    ),
    "L": (
        "checkExtraActivation getStatus getStatusV2 getFullSms getIncomingCallStatus getOutgoingCalls getAllSms "
        "reactivationPrice reactivateOptions prolongOptions prolongHistory getRentStatus "
        "getContinueRentPriceNumber continueRentInfo"
    ),
    "W": (
        "setStatus createTaskForCall parseCall finishActivation cancelActivation keep setAutoRenew setRentStatus"
    ),
    "B": (
        "getNumber getNumberV2 getMultiServiceNumber getAdditionalService getExtraActivation buyPartnerProduct "
        "reactivate prolong getRentNumber continueRentNumber"
    ),
}
EFFECTS = {
    "R": Effect.GLOBAL_READ,
    "A": Effect.ACCOUNT_READ,
    "L": Effect.LEASE_READ,
    "W": Effect.LEASE_WRITE,
    "B": Effect.PURCHASE,
}
DOCUMENTED = {name: EFFECTS[letter] for letter, names in TABLE.items() for name in names.split()}


def test_the_catalogue_is_the_documented_one() -> None:
    """Every documented action is there with its effect, and no other."""
    assert {action.name: action.effect for action in CATALOGUE} == DOCUMENTED


def test_names_are_unique_whatever_their_case() -> None:
    """Case is forgiven, so no two actions may differ by it alone."""
    assert len({action.name.lower() for action in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("action", CATALOGUE, ids=lambda a: a.name)
def test_actions_are_found_in_any_case(action: Action) -> None:
    """The name as documented, in lower case and in capitals all mean the action."""
    assert lookup(action.name) is lookup(action.name.lower()) is lookup(action.name.upper()) is action


@pytest.mark.parametrize(
    "name", ["", "getEverything", "getNumber ", "getNumberV3", "setParams", "get_balance"]
)
def test_what_is_not_documented_is_not_known(name: str) -> None:
    """A near miss is no action of the catalogue: nothing is guessed about what it does."""
    assert lookup(name) is None


@pytest.mark.parametrize("action", CATALOGUE, ids=lambda a: a.name)
def test_only_what_concerns_a_lease_names_ids(action: Action) -> None:
    """Lease actions and purchases that build on a lease name its id; reads of market and account never do."""
    of_lease = action.effect in {Effect.LEASE_READ, Effect.LEASE_WRITE}
    builds_on_one = {
        "getAdditionalService",
        "getExtraActivation",
        "reactivate",
        "prolong",
        "continueRentNumber",
    }
    assert bool(action.ids) == (of_lease or action.name in builds_on_one)
    assert set(action.ids) <= {"id", "activationId"}


@pytest.mark.parametrize("action", CATALOGUE, ids=lambda a: a.name)
def test_rents_have_a_kind_of_their_own(action: Action) -> None:
    """Rent ids are a separate, small namespace."""
    rents = "Rent" in action.name
    assert (action.kind is Kind.RENT) == rents


@pytest.mark.parametrize(
    ("grammar", "names"),
    [
        (Grammar.BALANCE, "getBalance getBalanceAndCashBack"),
        (
            Grammar.NUMBER,
            "getNumber getNumberV2 getAdditionalService getExtraActivation reactivate prolong",
        ),
        (Grammar.MULTI, "getMultiServiceNumber"),
        (Grammar.RENT, "getRentNumber continueRentNumber"),
        (Grammar.STATUS, "getStatus getStatusV2 getFullSms"),
        (Grammar.SET_STATUS, "setStatus finishActivation cancelActivation"),
        (Grammar.RENT_STATUS, "getRentStatus"),
        (Grammar.SET_RENT, "setRentStatus"),
        (Grammar.ACTIVE, "getActiveActivations getListOfActiveActivations getHistory getRentList"),
        (Grammar.TEXT, "keep setAutoRenew"),
    ],
)
def test_answers_have_their_grammar(grammar: Grammar, names: str) -> None:
    """Each grammar belongs to the actions that are answered in it; all others answer in JSON."""
    assert {action.name for action in CATALOGUE if action.grammar is grammar} == set(names.split())


def test_lists_of_leases_are_merged_and_only_those() -> None:
    """While traffic is split a client sees the leases of both arms in every list of its account."""
    assert {a.name for a in CATALOGUE if a.merge} == {
        a.name for a in CATALOGUE if a.grammar is Grammar.ACTIVE
    }
    assert [action.name for action in CATALOGUE if action.many] == ["getStatusV2"]
