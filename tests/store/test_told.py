"""Who tells of a decision, where several could."""

from dataclasses import replace
from threading import Barrier, Thread

from canary.core.model import Decision
from canary.store.store import Store
from tests.factories import tdecision, trollout

NAME = trollout().name
MEANT = ("advance", "rollback")


def decide(store: Store, *events: str) -> None:
    """Append decisions, as changes of the rollout do."""
    for event in events:
        before = store.rollout(NAME)
        assert before is not None
        assert store.save(before, replace(before, revision=before.revision + 1), tdecision(event=event))


def test_the_past_is_told_to_nobody(store: Store) -> None:
    """The first claim begins; later ones give what came since, in order, and once."""
    decide(store, "advance")
    assert store.claim_news(NAME, MEANT) == []
    decide(store, "advance", "ack", "rollback")
    assert [one.event for one in store.claim_news(NAME, MEANT)] == ["advance", "rollback"]
    assert store.claim_news(NAME, MEANT) == []


def test_a_rollout_without_decisions_begins_too(store: Store) -> None:
    """Its first decision is news."""
    assert store.claim_news(NAME, MEANT) == []
    decide(store, "rollback")
    assert len(store.claim_news(NAME, MEANT)) == 1


def test_of_many_that_claim_at_once_one_gets_each(store: Store) -> None:
    """None is claimed twice, and none is lost."""
    store.claim_news(NAME, MEANT)
    claimed: list[Decision] = []
    for _ in range(10):
        decide(store, "advance", "rollback")
        ready = Barrier(4)

        def claim(ready: Barrier = ready) -> None:
            ready.wait()
            claimed.extend(store.claim_news(NAME, MEANT))

        threads = [Thread(target=claim) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [one.event for one in claimed] == ["advance", "rollback"] * 10
