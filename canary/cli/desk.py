"""Where a rollout is looked at and acted on: at a running harness, or at its store with everything else dead."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import time
from typing import Any, Protocol

import click

from canary.cli.errors import RefusedError, UsageError
from canary.cli.remote import RemoteAdmin
from canary.cli.state import existing_state
from canary.cli.tokens import known_token
from canary.control.acknowledge import acknowledge
from canary.control.operator import Operator
from canary.core.compare import acks
from canary.core.compare.acks import Place, Which
from canary.core.policy.notation import show_share
from canary.core.stage import Event
from canary.store.shadow_leases import Switch
from canary.store.store import Store
from canary.web.acks import acks_of
from canary.web.gate import Answer, UnknownStage, gate_of
from canary.web.hazards import hazards_of
from canary.web.ledger import ledger_of
from canary.web.shadow import shadow_of
from canary.web.status import place_of, status_of


class Desk(Protocol):
    """Where a rollout is looked at and acted on."""

    def status(self) -> dict[str, Any]:
        """The rollout's status."""
        ...

    def gate(self, stage: str) -> Answer:
        """May a pipeline go on that waits for ``stage``?"""
        ...

    def ledger(self) -> dict[str, Any]:
        """The rollout's ledger."""
        ...

    def hazards(self) -> dict[str, Any]:
        """The rollout's hazards."""
        ...

    def acks(self) -> dict[str, Any]:
        """What was acknowledged, and what is open."""
        ...

    def shadow(self) -> dict[str, Any]:
        """The rollout's shadow leases."""
        ...

    def act(self, event: Event, actor: str, reason: str) -> dict[str, Any]:
        """Carry out ``event``; the status after it, or at least where the rollout stands."""
        ...

    def acknowledge(self, which: Which, actor: str, reason: str) -> list[Place]:
        """Acknowledge findings; which they were."""
        ...

    def turn_shadow(self, *, stopped: bool, actor: str, reason: str) -> dict[str, Any]:
        """Stop shadow leases, or let them go on; what there is of them."""
        ...


class StoreDesk:
    """A rollout in a store, with everything else possibly dead."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name

    def status(self) -> dict[str, Any]:
        """The rollout's status."""
        return status_of(self._store, self._name, time())

    def gate(self, stage: str) -> Answer:
        """May a pipeline go on that waits for ``stage``?

        Raises:
            RefusedError: the policy has no such stage.
        """
        try:
            return gate_of(self._store, self._name, time(), stage)
        except UnknownStage as error:
            raise RefusedError(str(error)) from None

    def ledger(self) -> dict[str, Any]:
        """The rollout's ledger."""
        return ledger_of(self._store, self._name)

    def hazards(self) -> dict[str, Any]:
        """The rollout's hazards."""
        return hazards_of(self._store, self._name)

    def act(self, event: Event, actor: str, reason: str) -> dict[str, Any]:
        """Carry out ``event``; where the rollout stands after it, without a look that could still fail."""
        return place_of(Operator.of_store(self._store, self._name, time).act(event, actor, reason))

    def acks(self) -> dict[str, Any]:
        """What was acknowledged, and what is open."""
        return acks_of(self._store, self._name)

    def shadow(self) -> dict[str, Any]:
        """The rollout's shadow leases."""
        return shadow_of(self._store, self._name, time())

    def acknowledge(self, which: Which, actor: str, reason: str) -> list[Place]:
        """Acknowledge findings; which they were.

        Raises:
            UsageError: there are none.
        """
        done = acknowledge(self._store, self._name, which, reason=reason, actor=actor, clock=time)
        if not done:
            raise UsageError(which.missed(self._store.findings(self._name).open))
        return [acks.place_of(one) for one in done]

    def turn_shadow(self, *, stopped: bool, actor: str, reason: str) -> dict[str, Any]:
        """Stop shadow leases, or let them go on; what there is of them."""
        self.shadow()  # an unknown rollout is told before anything is written
        self._store.shadow_book(self._name).turn(Switch(stopped, reason, actor, time()))
        return self.shadow()


@contextmanager
def desk(admin: str | None, state: str | None, name: str | None) -> Iterator[Desk]:
    """The desk that the command line names.

    Raises:
        UsageError: it names none, or more than one.
        StoreError: the store cannot be read.
    """
    if admin is not None:
        if state is not None or name is not None:
            raise UsageError(
                "--admin names a running harness with its one rollout; leave out --state and --name"
            )
        yield RemoteAdmin(admin, known_token())
        return
    store = Store(existing_state(state))
    try:
        yield StoreDesk(store, name or only_rollout(store))
    finally:
        store.close()


@contextmanager
def rollout_in(state: str | None, name: str | None) -> Iterator[tuple[Store, str]]:
    """A store and the rollout in it that the command line means.

    Raises:
        UsageError: the command line names none, or more than one.
        StoreError: the store cannot be read.
    """
    store = Store(existing_state(state))
    try:
        rollout = name or only_rollout(store)
        if store.rollout(rollout) is None:
            raise UsageError(
                f"{store.name} holds no rollout named {rollout!r}; it holds {', '.join(store.names())}"
            )
        yield store, rollout
    finally:
        store.close()


def only_rollout(store: Store) -> str:
    """The name of the only rollout in a store.

    Raises:
        UsageError: it holds none, or several.
    """
    names = store.names()
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError(f"{store.name} holds no rollout; start one with canary run")
    raise UsageError(f"{store.name} holds more than one rollout ({', '.join(names)}); choose one with --name")


def stage_line(status: Mapping[str, Any]) -> str:
    """Where the rollout of a status stands, in one line."""
    return (
        f"{status['name']}: {status['state'].replace('_', ' ')} in stage {status['stage']}, "
        f"{show_share(status['weight'])} of new leases go to new, safe arm {status['safe_arm']}"
    )


def states[**P, T](command: Callable[P, T]) -> Callable[P, T]:
    """The options that say which rollout of which state is meant."""
    options = (
        click.option("--name", help="The rollout, when the state holds several."),
        click.option("--state", help="SQLite file or postgresql:// URL.  [default: the one in .canary/]"),
    )
    for option in options:
        command = option(command)
    return command


def places[**P, T](command: Callable[P, T]) -> Callable[P, T]:
    """The options that say which rollout is meant."""
    return click.option("--admin", metavar="URL", help="Admin address of a running harness.")(states(command))
