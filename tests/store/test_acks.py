"""Acknowledgements as rows."""

from dataclasses import replace

import pytest

from canary.core.compare.acks import Ack, Place
from canary.core.model import Arm
from canary.store.errors import StoreError
from canary.store.store import Store
from tests.factories import NOW, tdecision
from tests.store.test_differences import NAME, NEW, OLD, wrote

PHONE = Ack(Place("getNumber", "phone", "phone"), "with +", "we strip it", "me@here", NOW)


def test_an_acknowledged_difference_is_kept_and_counts_no_more(store: Store) -> None:
    """It is still listed as a difference, with what was said of it."""
    wrote(store, "a", (Arm.OLD, OLD), (Arm.NEW, NEW))
    assert len(store.findings(NAME).open_differences) == 1
    store.acknowledge(NAME, [PHONE], tdecision(event="ack"))
    findings = store.findings(NAME)
    assert (findings.acks, findings.open_differences) == ((PHONE,), [])
    assert len(findings.differences) == len(store.differences(NAME)) == 1
    assert [decision.event for decision in store.decisions(NAME)] == ["ack"]


def test_the_latest_word_on_a_place_counts(store: Store) -> None:
    """One row per place; the log of decisions keeps every one."""
    later = replace(PHONE, reason="and so does the other team", at=NOW + 5)
    for ack in (PHONE, later):
        store.acknowledge(NAME, [ack], tdecision(event="ack"))
    assert store.findings(NAME).acks == (later,)
    assert len(store.decisions(NAME)) == 2


def test_nothing_is_half_acknowledged(store: Store) -> None:
    """When the decision cannot be written, the row is not either."""
    with pytest.raises(StoreError):
        store.acknowledge(NAME, [PHONE], tdecision(event=None))
    assert store.findings(NAME).acks == ()


def test_findings_tell_how_much_was_looked_at(store: Store) -> None:
    """Replies of new alone, each once, and the actions that were seen."""
    wrote(store, "a", (Arm.OLD, OLD), (Arm.NEW, NEW))
    findings = store.findings(NAME)
    assert (findings.looked_at, findings.actions) == (5, 1)
