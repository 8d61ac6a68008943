"""Acknowledgements cover what was seen when they were made, and nothing beyond."""

from dataclasses import replace

import pytest

from canary.core.compare.acks import Ack, Findings, Place, place_of, shown_by, still_open
from canary.core.compare.coverage import Unmapped
from canary.core.compare.judge import Difference
from canary.core.compare.traits import Aspect
from tests.factories import NOW

RENT = Unmapped("getRentNumber", 3, "the profile of new declares it")


def tdifference(**changes: object) -> Difference:
    """A difference in the phone of getNumber."""
    fields = {
        "action": "getNumber",
        "path": "phone",
        "kind": Aspect.PHONE,
        "old": "without +",
        "new": "with +",
        "count": 5,
        "first_at": NOW,
        "last_at": NOW + 4,
        "old_example": "00000000000",
        "new_example": "+00000000000",
    }
    return Difference(**{**fields, **changes})  # type: ignore[arg-type]


def acked(found: Difference | Unmapped) -> Ack:
    """The finding as it was acknowledged."""
    return Ack(place_of(found), shown_by(found), "our code strips it", "me", NOW)


def test_what_was_acknowledged_is_covered() -> None:
    """The same finding seen more often is still the same."""
    found = tdifference()
    assert acked(found).covers(replace(found, count=900, last_at=NOW + 9, old="without +, none"))


@pytest.mark.parametrize("changes", [{"action": "getNumberV2"}, {"path": ""}, {"kind": Aspect.ID}])
def test_another_place_is_not_covered(changes: dict[str, object]) -> None:
    """Action, kind and path all belong to it."""
    assert not acked(tdifference()).covers(tdifference(**changes))


def test_another_value_at_the_place_counts_again() -> None:
    """Somebody who can live with JSON errors need not live with an empty body."""
    seen = tdifference(kind=Aspect.ENVELOPE, path="", old="text", new="JSON error in title")
    assert not acked(seen).covers(replace(seen, new="JSON error in title, empty body"))
    assert acked(replace(seen, new="JSON error in title, empty body")).covers(seen)


def test_the_commonest_refusal_may_change() -> None:
    """What always refuses is one finding, whichever word leads."""
    seen = tdifference(kind=Aspect.WORD, path="status 8: X", new="always state X, caller Y")
    assert acked(seen).covers(replace(seen, new="always caller Y, state X"))


def test_more_lost_countries_count_again() -> None:
    """Of countries it is old's side that tells what is missing."""
    seen = tdifference(kind=Aspect.COUNTRIES, path="", old="has 0", new="lacks them")
    assert not acked(seen).covers(replace(seen, old="has 0 187"))


def test_unmapped_actions_are_covered_by_name() -> None:
    """However often they are called."""
    assert acked(RENT).place == Place("getRentNumber", "unmapped", "")
    assert acked(RENT).covers(replace(RENT, calls=900, why="new answers that it does not know it"))
    assert not acked(RENT).covers(replace(RENT, action="getRentList"))


def test_open_is_what_nobody_acknowledged() -> None:
    """Findings keep all, and tell what still counts."""
    phone, text = tdifference(), tdifference(action="getBalance", kind=Aspect.WHITESPACE, path="")
    findings = Findings((phone, text), (RENT,), (acked(phone),))
    assert findings.open_differences == [text]
    assert findings.open_unmapped == [RENT]
    assert still_open([phone], [acked(phone), acked(RENT)]) == []
