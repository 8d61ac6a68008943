"""Webhooks on their way to the client, as rows: known once, sent in order, by one process at a time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from canary.core.model import Arm
from canary.core.webhook import heard
from canary.store.outbox import KEEP, Message, Outbox, Waiting
from canary.store.store import Store
from tests.factories import NOW, tlease, tpurchase, trollout

NAME = trollout().name


@pytest.fixture
def outbox(store: Store) -> Outbox:
    """Of the store's rollout."""
    return store.outbox(NAME)


def tmessage(digest: str = "d-1", **changes: object) -> Message:
    """A webhook of old's."""
    fields = {
        "lane": f"old/activation/{digest}",
        "source": "192.0.2.1",
        "content_type": "application/json",
        "body": b'{"activationId":1}',
        "at": NOW,
        "next_at": NOW,
    }
    return Message(**{"arm": Arm.OLD, "digest": digest, **fields, **changes})  # type: ignore[arg-type]


def test_a_message_comes_back_as_it_was_written(outbox: Outbox) -> None:
    """Body and all, with a serial."""
    assert outbox.put(tmessage(body=b"\x00\xff {}"))
    [found] = outbox.due(NOW, 10)
    assert replace(found, serial=0) == tmessage(body=b"\x00\xff {}")
    assert outbox.waiting() == Waiting(1, NOW)


def test_a_repetition_changes_nothing(outbox: Outbox, store: Store) -> None:
    """Neither is it sent again nor its lease touched; the other arm's of the same digest is another one."""
    store.bind(NAME, [(tpurchase(), [tlease()])])
    assert outbox.put(tmessage())
    assert not outbox.put(tmessage(at=NOW + 9), heard(tlease(), NOW + 9))
    assert outbox.put(tmessage(arm=Arm.NEW, lane="new"))
    assert outbox.waiting().n == 2
    found = store.find(NAME, tlease().kind, tlease().visible_id)
    assert found is not None
    assert found.code_at is None


def test_the_lease_is_written_with_its_message(outbox: Outbox, store: Store) -> None:
    """Both or neither: a kill between them loses no code."""
    store.bind(NAME, [(tpurchase(), [tlease()])])
    assert outbox.put(tmessage(), heard(tlease(), NOW + 9))
    found = store.find(NAME, tlease().kind, tlease().visible_id)
    assert found is not None
    assert found.code_at == NOW + 9


def test_a_lane_keeps_its_order(outbox: Outbox) -> None:
    """The second message of a lease waits for the first, however long; other leases do not."""
    for n, lane in enumerate(("a", "a", "b")):
        outbox.put(tmessage(f"d-{n}", lane=lane))
    first, other = outbox.due(NOW, 10)
    assert [first.digest, other.digest] == ["d-0", "d-2"]
    outbox.put_off(first, NOW + 60)
    assert [one.digest for one in outbox.due(NOW, 10)] == ["d-2"]
    [again, _] = outbox.due(NOW + 60, 10)[::-1]
    assert (again.digest, again.tries) == ("d-0", 1)
    outbox.delivered(again, NOW + 61)
    assert [one.digest for one in outbox.due(NOW + 61, 10)] == ["d-1", "d-2"]


def test_one_process_sends_a_message(outbox: Outbox) -> None:
    """Of many that try at once exactly one; when it dies, another may after a while."""
    outbox.put(tmessage())
    [message] = outbox.due(NOW, 10)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: outbox.claim(message, NOW + 15), range(8)))
    assert sum(won) == 1
    assert outbox.due(NOW, 10) == []
    [again] = outbox.due(NOW + 15, 10)
    assert outbox.claim(again, NOW + 30)


def test_a_delivered_message_is_known_without_its_body(outbox: Outbox, store: Store) -> None:
    """A repetition that comes late is told; the code is no longer there. After hours the row goes, too."""
    outbox.put(tmessage())
    [message] = outbox.due(NOW, 10)
    outbox.delivered(message, NOW + 1)
    assert not outbox.put(tmessage())
    assert outbox.waiting() == Waiting()
    outbox.forget(NOW + KEEP)
    assert not outbox.put(tmessage())
    outbox.forget(NOW + KEEP + 2)
    assert outbox.put(tmessage())


def test_what_nobody_is_told_of_is_known_all_the_same(outbox: Outbox) -> None:
    """Recorded, never sent, and its body is not kept."""
    assert outbox.put(tmessage(), forward=False)
    assert outbox.due(NOW + 1, 10) == []
    assert not outbox.put(tmessage())
