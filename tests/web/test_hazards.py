"""The hazards object: what was seen, what it means, and the evidence for it."""

from decimal import Decimal

import pytest

from canary.core.hazards import MEANINGS, HazardName, Record, Suspect
from canary.store.errors import StoreError
from canary.store.store import Store
from canary.web.hazards import hazards_of
from tests.factories import NOW
from tests.web.serving import NAME, Client

RECORDS = {
    Suspect(HazardName.UNCLAIMED_REFUND, "192.0.2.7", "k1"): Record(2, NOW, NOW + 60, Decimal("0.55"), "one"),
    Suspect(HazardName.POLLING_TOO_FAST, "192.0.2.7", "k1"): Record(3, NOW, NOW + 9, Decimal(0), "two"),
    Suspect(HazardName.POLLING_TOO_FAST, "192.0.2.8", "k1"): Record(4, NOW, NOW + 8, Decimal(0), "three"),
}
COUNTERS = {"hazard_unclaimed_refund": 2, "hazard_polling_too_fast": 7}


def fill(store: Store) -> None:
    store.flush(NAME, "p", leases_changed=[], purchases=[], tallies={}, counters=COUNTERS, records=RECORDS)


def test_nothing_seen_is_an_empty_list(store: Store) -> None:
    """The shape is there from the start."""
    assert hazards_of(store, NAME) == {"name": NAME, "hazards": []}


def test_each_hazard_has_its_evidence(store: Store) -> None:
    """The most frequent first, with its meaning, and its clients by how often each was seen."""
    fill(store)
    first, second = hazards_of(store, NAME)["hazards"]
    assert (first["hazard"], first["n"]) == ("polling_too_fast", 7)
    assert first["meaning"] == MEANINGS[HazardName.POLLING_TOO_FAST]
    assert [(one["client"], one["n"]) for one in first["seen"]] == [("192.0.2.8", 4), ("192.0.2.7", 3)]
    assert second["seen"] == [
        {
            "client": "192.0.2.7",
            "key": "k1",
            "n": 2,
            "first_at": NOW,
            "last_at": NOW + 60,
            "amount": 0.55,
            "example": "one",
        }
    ]


def test_an_unknown_rollout_is_said_in_a_sentence(store: Store) -> None:
    """A name that the store does not hold is an error that names it."""
    with pytest.raises(StoreError, match="holds no rollout named 'other'"):
        hazards_of(store, "other")


async def test_the_admin_api_gives_the_hazards(store: Store, client: Client) -> None:
    """The same object as from the store."""
    fill(store)
    assert await client.get("/api/v1/hazards") == (200, hazards_of(store, NAME))
