"""Sightings as rows: written as totals, put together over proxies, judged when read."""

import json

import pytest

from canary.core.compare.judge import Exemption
from canary.core.compare.shape import Shape, TraitKey
from canary.core.compare.traits import Aspect, Trait
from canary.core.model import Arm
from canary.core.policy.load import parse_policy, policy_json
from canary.store.differences import exemptions_in
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.core.compare.replies import Reply, learned
from tests.factories import NOW, tcall, tdecision, trollout

NAME = "smsactivate-to-verifysms"

POLICY = """
arms:
  old: {url: "https://old.example/stubs/handler_api.php"}
  new: {url: "https://new.example/stubs/handler_api.php"}
"""


def wrote(store: Store, proxy: str, *shapes: tuple[Arm, Shape], attempt: int = 1, **counters: int) -> None:
    """One proxy's batch with these shapes."""
    sightings = {
        TraitKey(attempt, arm, shape.action, trait): sighting
        for arm, shape in shapes
        for trait, sighting in shape.sightings.items()
    }
    store.flush(
        NAME, proxy, leases_changed=[], purchases=[], tallies={}, counters=counters, sightings=sightings
    )


def purchases(*replies: Reply) -> Shape:
    """The shape of purchase replies."""
    return learned(tcall("getNumber"), replies)


OLD = purchases(*["ACCESS_NUMBER:635468024:79584123456"] * 5)
NEW = purchases(*["ACCESS_NUMBER:635468024:+79584123456"] * 5)
LITTLE = purchases("ACCESS_NUMBER:635468024:+79584123456")


def test_a_difference_comes_back_as_it_was_seen(store: Store) -> None:
    """Kind, sides, count, times and examples survive the way through the database."""
    wrote(store, "a", (Arm.OLD, OLD), (Arm.NEW, NEW))
    (found,) = store.differences(NAME)
    assert (found.action, found.path, found.kind) == ("getNumber", "phone", Aspect.PHONE)
    assert (found.old, found.new, found.count) == ("without +", "with +", 5)
    assert (found.first_at, found.last_at) == (NOW, NOW + 4)
    assert (found.old_example, found.new_example) == ("00000000000", "+00000000000")
    assert "drop the plus" in found.breaks


def test_what_proxies_saw_adds_up(store: Store) -> None:
    """Too little in each of three processes, enough in all."""
    for proxy in ("a", "b"):
        wrote(store, proxy, (Arm.OLD, OLD), (Arm.NEW, LITTLE))
    assert store.differences(NAME) == []
    wrote(store, "c", (Arm.NEW, LITTLE))
    (found,) = store.differences(NAME)
    assert found.count == 3


def test_writing_a_batch_twice_changes_nothing(store: Store) -> None:
    """Rows are totals of a process: a repeated batch does not count twice, a later one replaces it."""
    for _ in range(3):
        wrote(store, "a", (Arm.OLD, OLD), (Arm.NEW, LITTLE))
    assert store.differences(NAME) == []
    wrote(store, "a", (Arm.NEW, NEW))
    assert [found.count for found in store.differences(NAME)] == [5]


def test_one_lease_at_several_proxies_is_one_case(store: Store) -> None:
    """Replicas may all have polled the same lease: the largest count stands."""
    poll = tcall("getStatus", id="7")
    for proxy in ("a", "b", "c"):
        new = learned(poll, ["STATUS_WAIT_CODE\n"])
        wrote(store, proxy, (Arm.OLD, learned(poll, ["STATUS_WAIT_CODE"] * 9)), (Arm.NEW, new))
    assert store.differences(NAME) == []


def test_an_arm_alone_has_no_differences(store: Store) -> None:
    """Without the other arm there is nothing to compare with."""
    wrote(store, "a", (Arm.NEW, NEW))
    assert store.differences(NAME) == []


def test_an_unknown_rollout_has_nothing(store: Store) -> None:
    """No rollout, no differences and no unmapped actions."""
    assert store.differences("other") == []
    assert [*store.findings("other").unmapped] == []


def test_only_the_current_attempt_counts(store: Store) -> None:
    """After a rollback new may have been mended: what it showed in an earlier attempt is not held against it."""
    wrote(store, "a", (Arm.OLD, OLD), (Arm.NEW, NEW))
    before = store.rollout(NAME)
    assert before is not None
    after = trollout(attempt=2, revision=before.revision + 1)
    assert store.save(before, after, tdecision())
    assert store.differences(NAME) == []
    wrote(store, "b", (Arm.OLD, OLD), (Arm.NEW, NEW), attempt=2)
    assert len(store.differences(NAME)) == 1


def test_the_policys_exceptions_are_left_out(store: Store) -> None:
    """What the stored policy declares is neither listed nor counted."""
    text = f"{POLICY}\nshadow: {{exceptions: [{{action: getnumber, kind: phone}}]}}"
    policy = parse_policy(text, "policy.yaml", name="x")
    wrote(store, "a", (Arm.OLD, OLD), (Arm.NEW, NEW))
    before = store.rollout(NAME)
    assert before is not None
    after = trollout(revision=before.revision + 1)
    assert store.save(before, after, tdecision(), StoredPolicy("fedcba987654", policy_json(policy)))
    assert store.differences(NAME) == []


@pytest.mark.parametrize("policy", ["{}", '{"shadow": {}}', policy_json(parse_policy(POLICY, "p", name="x"))])
def test_a_policy_without_exceptions_has_none(policy: str) -> None:
    """Nothing written, nothing excused."""
    assert exemptions_in(policy) == []


def test_exceptions_are_read_as_written() -> None:
    """Action, path and kind, each possibly left open."""
    written = [
        {"action": "getPrices", "path": None, "kind": "field"},
        {"action": None, "path": "*.x", "kind": None},
    ]
    assert exemptions_in(json.dumps({"shadow": {"exceptions": written}})) == [
        Exemption("getPrices", None, Aspect.FIELD),
        Exemption(None, "*.x", None),
    ]


def test_unmapped_actions_are_known_from_replies_and_from_the_profile(store: Store) -> None:
    """An action that new denies, and one that its profile declares."""
    call = tcall("getOperators")
    well: list[Reply] = ['{"status":"success","countryOperators":{}}'] * 3
    denied = learned(call, ["BAD_ACTION"] * 3, well)
    wrote(
        store,
        "a",
        (Arm.OLD, learned(call, well, well)),
        (Arm.NEW, denied),
        unmapped_getRentList=2,
        shadow_sent=3,
    )
    assert [(found.action, found.calls) for found in [*store.findings(NAME).unmapped]] == [
        ("getOperators", 3),
        ("getRentList", 2),
    ]


def test_the_longest_row_fits(store: Store) -> None:
    """Bounds of paths, values and examples are those of the columns, in every database."""
    names = {f"{n:02d}{'n' * 60}": {"x" * 300: "y" * 900} for n in range(48)}
    shape = learned(
        tcall("getQiwiRequisites"), [json.dumps({"a" * 40: {"b" * 40: {"c" * 40: {"d" * 40: names}}}})]
    )
    trait = max(shape.sightings, key=lambda trait: len(trait.value))
    assert isinstance(trait, Trait)
    assert len(trait.value) <= 900
    assert max(len(trait.path) for trait in shape.sightings) <= 200
    assert max(len(sighting.example) for sighting in shape.sightings.values()) <= 200
    wrote(store, "a", (Arm.OLD, shape), (Arm.NEW, shape))
    assert store.differences(NAME) == []
