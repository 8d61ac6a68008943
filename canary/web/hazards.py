"""The hazards of a rollout as one JSON object, with the evidence for each."""

from typing import Any

from canary.core.hazards import COUNTER, MEANINGS
from canary.store.errors import StoreError
from canary.store.store import Store
from canary.web.status import amount


def hazards_of(store: Store, name: str) -> dict[str, Any]:
    """The hazards of the rollout ``name``; those with the most sightings first, times in seconds.

    Raises:
        StoreError: the store cannot be read, or holds no such rollout.
    """
    if store.rollout(name) is None:
        raise StoreError(f"{store.name} holds no rollout named {name!r}; start it with canary run")
    counters, records = store.counters(name), store.hazards(name)
    counts = {hazard: counters[f"{COUNTER}{hazard}"] for hazard in MEANINGS}
    seen = sorted((one for one in MEANINGS if counts[one]), key=lambda one: -counts[one])
    return {
        "name": name,
        "hazards": [
            {
                "hazard": hazard.value,
                "n": counts[hazard],
                "meaning": MEANINGS[hazard],
                "seen": [
                    {
                        "client": suspect.client,
                        "key": suspect.key,
                        "n": record.n,
                        "first_at": record.first_at,
                        "last_at": record.last_at,
                        "amount": amount(record.amount),
                        "example": record.example,
                    }
                    for suspect, record in records.items()
                    if suspect.name is hazard
                ],
            }
            for hazard in seen
        ],
    }
