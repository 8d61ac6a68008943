"""The one meeting point of proxies, controller and operators: a facade over transactions."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from canary.core.accounts import Account, Books, Promises, Reading, Terms
from canary.core.compare.acks import Ack, Findings
from canary.core.compare.coverage import unmapped
from canary.core.compare.judge import Difference
from canary.core.compare.judge import differences as contract_of
from canary.core.compare.shape import Sighting, TraitKey
from canary.core.hazards import Record, Suspect
from canary.core.model import Arm, Decision, Fate, Kind, Lease, LeaseState, Purchase, Rollout
from canary.core.money import NOTHING, Money
from canary.core.pairs import PairKey, Pairs
from canary.core.tally import Tally, TallyKey
from canary.store import (
    accounts,
    acks,
    counts,
    differences,
    hazards,
    history,
    leases,
    money,
    recoveries,
    rollouts,
    ticks,
    told,
)
from canary.store import pairs as pair_counts
from canary.store.accounts import Lag, Overdue
from canary.store.engine import translated
from canary.store.history import Point
from canary.store.leases import Bought
from canary.store.money import Offer
from canary.store.postgresql import take_turns
from canary.store.rollouts import Look, StoredPolicy
from canary.store.shared import Shared
from canary.store.ticks import Evidence, Tick


class Store(Shared):
    """Rollouts with their leases, tallies and decisions. Methods block; call them from a thread.

    Every method raises ``StoreError`` when the database does not do what was asked; nothing is changed then.
    """

    # --- the rollout ------------------------------------------------------------------------------------------

    def create(self, rollout: Rollout, policy: StoredPolicy) -> Rollout:
        """The rollout of that name; the given one is written when there is none."""
        with self._write() as connection:
            rollouts.create(connection, rollout, policy)
            found = rollouts.look(connection, rollout.name)
        assert found is not None, "a row that was just written is there"
        return found.rollout

    def rollout(self, name: str) -> Rollout | None:
        """The rollout of that name."""
        found = self.look(name)
        return found.rollout if found else None

    def look(self, name: str) -> Look | None:
        """The rollout and the controller's last sign of life."""
        with self._read() as connection:
            return rollouts.look(connection, name)

    def names(self) -> list[str]:
        """All rollouts."""
        with self._read() as connection:
            return rollouts.names(connection)

    def policy(self, name: str) -> StoredPolicy | None:
        """The policy that a rollout runs under."""
        with self._read() as connection:
            return rollouts.policy_of(connection, name)

    def policy_by_hash(self, hash_: str) -> StoredPolicy | None:
        """The policy of that hash, if a rollout ever ran under it: decisions name theirs."""
        with self._read() as connection:
            return rollouts.policy_by_hash(connection, hash_)

    def save(
        self, before: Rollout, after: Rollout, decision: Decision, policy: StoredPolicy | None = None
    ) -> bool:
        """Replace ``before`` by ``after`` and append the decision; ``False`` when it has changed meanwhile."""
        with self._write() as connection:
            return rollouts.save(connection, before, after, decision, policy)

    def decisions(self, name: str, limit: int | None = None) -> list[Decision]:
        """The decisions in order; with ``limit`` only the last ones."""
        with self._read() as connection:
            return rollouts.decided(connection, name, limit)

    def claim_news(self, name: str, events: Collection[str]) -> list[Decision]:
        """The decisions of these events that nobody has been told of; whoever gets them tells of them."""
        with self._write() as connection:
            return told.claim(connection, name, events)

    def beat(self, name: str, at: float, verdict: Mapping[str, Any] | None = None) -> None:
        """Leave the controller's sign of life, and its verdict if it has one."""
        with self._write() as connection:
            rollouts.beat(connection, name, at, verdict)

    def tick(self, name: str, tick: Tick) -> bool:
        """Write all that one tick of the controller found, or nothing.

        ``False`` when another controller ticked, or the rollout changed, since this one looked.
        """
        with translated(self.name), self._engine.connect() as connection, connection.begin() as transaction:
            if ticks.write(connection, name, tick):
                return True
            transaction.rollback()
            return False

    def evidence(self, name: str, era: int) -> Evidence:
        """The controller's memory of an era."""
        with self._read() as connection:
            return ticks.read(connection, name, era)

    def verdict(self, name: str) -> dict[str, Any] | None:
        """The controller's last verdict."""
        with self._read() as connection:
            return rollouts.verdict_of(connection, name)

    def history(self, name: str) -> list[Point]:
        """The controller's looks of the latest era, thinned to a few hundred."""
        with self._read() as connection:
            return history.read(connection, name)

    # --- leases -------------------------------------------------------------------------------------------------

    def bind(
        self, rollout: str, bought: Sequence[tuple[Purchase, Sequence[Lease]]]
    ) -> list[tuple[Lease, ...]]:
        """Write purchases with their leases in one transaction; durable when this returns.

        Each purchase's leases come back with the ids that the client may see.
        """

        def do(connection: Connection) -> list[tuple[Lease, ...]]:
            take_turns(connection, rollout)
            return leases.bind(connection, rollout, bought)

        return self._write_anew(do)

    def adopt(self, rollout: str, lease: Lease) -> Lease:
        """Write a lease first seen in traffic, unless its visible id is known; what the store then holds."""
        return self._write_anew(lambda connection: leases.adopt(connection, rollout, lease))

    def find(self, rollout: str, kind: Kind, visible_id: str) -> Lease | None:
        """The lease that clients know by ``visible_id``."""
        with self._read() as connection:
            return leases.find(connection, rollout, kind, visible_id)

    def arm_of_unit(self, rollout: str, unit: str) -> Arm | None:
        """The arm that was drawn for a unit's first purchase."""
        with self._read() as connection:
            return leases.arm_of_unit(connection, rollout, unit)

    def visible_ids(self, rollout: str, arm: Arm, kind: Kind, own: Sequence[str]) -> dict[str, str]:
        """Those of an arm's own ids that clients know by another one."""
        with self._read() as connection:
            return leases.visible_ids(connection, rollout, arm, kind, own)

    def known(
        self, rollout: str, arm: Arm, own: Sequence[str], kind: Kind = Kind.ACTIVATION
    ) -> dict[str, Lease]:
        """Those of an arm's numbers of a kind that are clients' leases, by the arm's own ids."""
        with self._read() as connection:
            return leases.known(connection, rollout, arm, own, kind)

    def lost_purchases(self, rollout: str) -> list[Purchase]:
        """The lost purchases that nothing has become of yet."""
        with self._read() as connection:
            return recoveries.open_ones(connection, rollout)

    def recover(self, rollout: str, lease: Lease) -> Lease | None:
        """Write the lease that was found for its lost purchase, which is being cancelled from now on.

        ``None`` when something has become of the purchase already, or the lease is known.
        """
        return self._write_anew(lambda connection: recoveries.begin(connection, rollout, lease))

    def set_fate(self, rollout: str, purchase: str, fate: Fate) -> None:
        """Write what became of a lost purchase."""
        with self._write() as connection:
            recoveries.close(connection, rollout, purchase, fate)

    def issuers(self, rollout: str) -> set[Arm]:
        """The arms that ever issued a lease."""
        with self._read() as connection:
            return leases.issuers(connection, rollout)

    def load_live(self, rollout: str, ended_after: float) -> list[Lease]:
        """The open leases, and those that ended after a time."""
        with self._read() as connection:
            return leases.live(connection, rollout, ended_after)

    def lease_counts(self, rollout: str) -> dict[Arm, Counter[LeaseState]]:
        """Leases per arm and state."""
        with self._read() as connection:
            return leases.counts(connection, rollout)

    def money(self, rollout: str) -> dict[Arm, Money]:
        """What each arm's leases cost."""
        with self._read() as connection:
            return money.by_arm(connection, rollout)

    def books(self, rollout: str) -> dict[Arm, Books]:
        """Each arm's money with what its balances show."""
        with self._read() as connection:
            spent = money.by_arm(connection, rollout)
            seen = accounts.read(connection, rollout)
            late = accounts.overdue(connection, rollout)
        return {
            arm: Books(
                spent[arm],
                tuple(one for one in seen if one.arm is arm),
                sum((one.price for one in late if one.arm is arm), start=NOTHING),
            )
            for arm in Arm
        }

    def offers(self, rollout: str) -> dict[Offer, Money]:
        """What the leases of each service in each country cost, per arm."""
        with self._read() as connection:
            return money.by_offer(connection, rollout)

    def set_terms(self, rollout: str, terms: Mapping[Arm, Terms]) -> None:
        """Replace what is known of the arms' money."""
        with self._write() as connection:
            accounts.write_terms(connection, rollout, terms)

    def terms(self, rollout: str) -> dict[Arm, Terms]:
        """Each arm's money; the defaults for one that nothing is known of."""
        with self._read() as connection:
            return accounts.read_terms(connection, rollout)

    def reconcile(
        self,
        rollout: str,
        reading: Reading,
        refund_within: float,
        slowest: float,
        aside: Decimal = NOTHING,
    ) -> Account | None:
        """Hold a balance against the leases; ``None`` when a later one has been held already.

        Args:
            refund_within: seconds that a refund of this arm may take.
            slowest: seconds that a call may take.
            aside: money that may be out of the account for other purposes of the harness.
        """
        with self._write() as connection:
            return accounts.reconcile(connection, rollout, reading, refund_within, slowest, aside)

    def accounts(self, rollout: str) -> list[Account]:
        """Every account of which a balance was seen."""
        with self._read() as connection:
            return accounts.read(connection, rollout)

    def overdue(self, rollout: str) -> list[Overdue]:
        """The refunds that never came, by the last balance of each account, oldest first."""
        with self._read() as connection:
            return accounts.overdue(connection, rollout)

    def promises(self, rollout: str, arm: Arm, since: float) -> Promises:
        """What became of an arm's refunds since a moment, by its balances."""
        with self._read() as connection:
            return accounts.promises(connection, rollout, arm, since)

    def refund_lags(self, rollout: str) -> dict[Arm, Lag]:
        """How long each arm's refunds took."""
        with self._read() as connection:
            return accounts.lags(connection, rollout)

    def matured(
        self,
        rollout: str,
        attempt: int,
        after: int,
        until: float,
        *,
        firsts: bool = False,
        limit: int = 5000,
    ) -> list[Bought]:
        """Randomised purchases up to an attempt in the order of writing, until the first that is too young.

        Args:
            after: serial of the last purchase that was taken.
            until: the latest start, exclusive.
            firsts: only the first purchase of each unit: a client's later ones were not drawn anew.
            limit: how many at most.
        """
        with self._read() as connection:
            return leases.matured(connection, rollout, attempt, after, until, firsts=firsts, limit=limit)

    # --- a proxy's batches ----------------------------------------------------------------------------------------

    def flush(
        self,
        rollout: str,
        proxy: str,
        *,
        leases_changed: Sequence[Lease],
        purchases: Sequence[Purchase],
        tallies: Mapping[TallyKey, Tally],
        counters: Mapping[str, int],
        sightings: Mapping[TraitKey, Sighting] | None = None,
        records: Mapping[Suspect, Record] | None = None,
        pairs: Mapping[PairKey, Pairs] | None = None,
    ) -> None:
        """Write one proxy's batch in one transaction; writing the same batch twice changes nothing.

        Args:
            proxy: names the rows of one process of one start; its tallies, counters, sightings and records are
                totals.
            purchases: those that issued nothing.
        """

        def do(connection: Connection) -> None:
            leases.update(connection, rollout, leases_changed)
            counts.write_tallies(connection, rollout, proxy, tallies)
            counts.write_counters(connection, rollout, proxy, counters)
            differences.write_sightings(connection, rollout, proxy, sightings or {})
            pair_counts.write(connection, rollout, proxy, pairs or {})
            hazards.write(connection, rollout, proxy, records or {})
            if purchases:  # last: clients of other replicas wait for the turn that this takes
                take_turns(connection, rollout)
                leases.insert_purchases(connection, rollout, purchases)

        self._write_anew(do)

    def pairs(self, rollout: str, terms: str, attempt: int, stage: int) -> dict[str, Pairs]:
        """Calls that both arms answered in a stage while the policy judged by these terms, by metric."""
        with self._read() as connection:
            return pair_counts.read(connection, rollout, terms, attempt, stage)

    def tallies(self, rollout: str, attempt: int | None = None, since: int = 0) -> dict[TallyKey, Tally]:
        """Tallies of all proxies by key, of one attempt or all, from a time bucket on."""
        with self._read() as connection:
            return counts.read_tallies(connection, rollout, attempt, since)

    def counters(self, rollout: str) -> Counter[str]:
        """Counters of all proxies, added up."""
        with self._read() as connection:
            return counts.read_counters(connection, rollout)

    def hazards(self, rollout: str) -> dict[Suspect, Record]:
        """The hazards that all proxies saw, the most frequent of each name first."""
        with self._read() as connection:
            return hazards.read(connection, rollout)

    # --- the contract -----------------------------------------------------------------------------------------

    def findings(self, rollout: str) -> Findings:
        """What is known of the contract in the current attempt, but for what the policy declares as exceptions."""
        with self._read() as connection:
            look = rollouts.look(connection, rollout)
            if look is None:
                return Findings()
            shapes = differences.read_shapes(connection, rollout, look.rollout.attempt)
            policy = rollouts.policy_of(connection, rollout)
            counters = counts.read_counters(connection, rollout)
            acknowledged = acks.read(connection, rollout)
        exemptions = differences.exemptions_in(policy.json) if policy else []
        both = [arms for _, arms in sorted(shapes.items()) if len(arms) == len(Arm)]
        found = [one for arms in both for one in contract_of(arms[Arm.OLD], arms[Arm.NEW], exemptions)]
        looked_at = sum(arms[Arm.NEW].replies for arms in shapes.values() if Arm.NEW in arms)
        missing = tuple(unmapped(shapes, counters))
        return Findings(tuple(found), missing, tuple(acknowledged), looked_at, len(shapes))

    def differences(self, rollout: str) -> list[Difference]:
        """The contract differences of the current attempt, but for those that the policy declares as exceptions."""
        return [*self.findings(rollout).differences]

    def acknowledge(self, rollout: str, new: Sequence[Ack], decision: Decision) -> None:
        """Write acknowledgements and append the decision; of one place the latest counts."""
        with self._write() as connection:
            acks.write(connection, rollout, new, decision)

    def actions_seen(self, rollout: str, attempt: int, stage: int) -> set[str]:
        """The actions that clients called in a stage of an attempt."""
        with self._read() as connection:
            return counts.actions_seen(connection, rollout, attempt, stage)
