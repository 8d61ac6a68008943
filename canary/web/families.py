"""Every metric as one row: name, type, labels, meaning and where its samples come from.

Label values come from closed sets (arms, outcomes, states, the action catalogue, the policy's gates and stages,
counter names of the code), never from a client: what the catalogue does not know is the action ``other``.
``docs/metrics.md`` is this table for readers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import HistogramMetricFamily, Metric

from canary import __version__
from canary.core.hazards import COUNTER
from canary.core.model import Arm, Rollout, RolloutState
from canary.store.shadow_leases import LEFT_OUT
from canary.web.family import Family, Samples, one
from canary.web.histogram import histogram
from canary.web.process import Process
from canary.web.stored import STORED, Stored

COUNTERS: Mapping[str, str] = {
    "spillovers": "Purchases served by old because no connection to new could be opened",
    "lost_purchases": "Purchases that may have been made although their answer never came",
    "recovered_purchases": "Lost purchases whose number was found and cancelled",
    "absent_purchases": "Lost purchases that had not been made after all",
    "unrecovered_purchases": "Lost purchases whose number could not be found for certain, or not be cancelled",
    "unbound_purchases": "Purchases whose lease could not be written, so that their number was not shown",
    "refused_purchases": "Purchases that were not sent, because the store could not have kept their lease",
    "misrouted": "Answers in which an arm did not know a running lease that it had issued",
    "adopted_leases": "Leases first seen in traffic and bound to the arm that knew them",
    "aliases": "Purchases whose lease was shown to the client under another id",
    "unknown_actions": "Calls of an action that the catalogue does not know; they went to the safe arm",
    "malformed_calls": "Calls that could not be trusted; they went to the safe arm untouched",
    "other_paths": "Requests for another path of the same host; they went to the safe arm",
    "internal_errors": "Calls that a defect of the harness kept from being answered",
    "shadow_sent": "Shadow copies sent",
    "shadow_dropped": "Shadow copies dropped: the queue was full, or answers were too large a moment ago",
    "shadow_failed": "Shadow copies that got no answer",
    "shadow_leases_bought": "Shadow leases bought on new",
    "shadow_leases_refused": "Shadow leases not bought, because of the budget or because they are stopped",
    "shadow_leases_lost": "Shadow leases that may have been bought, their answer was lost; they are looked for",
    "shadow_leases_ended": "Shadow leases given back, or over",
    "shadow_leases_kept": "Live shadow leases that new did not take back, or that could not be found",
    "shadow_lease_calls_sent": "Calls about clients' leases repeated for shadow leases",
    "shadow_lease_calls_dropped": "Purchases and calls not repeated because the queue was full",
    "shadow_lease_calls_failed": "Purchases and calls about shadow leases that could not be carried out",
    "webhooks": "Webhooks that providers sent and that were let in",
    "webhooks_refused": "Requests to the webhook receiver with a wrong token or from a wrong address",
    "webhooks_repeated": "Webhooks that had come before",
    "webhooks_unknown": "Webhooks about leases that nobody here knows; the client gets them as they came",
    "webhooks_forwarded": "Webhooks that the client took",
    "webhooks_put_off": "Tries in which the client did not take a webhook; it is sent again",
    "webhooks_given_up": "Webhooks that the client never took in the time of webhooks.forward.give_up",
    "traits_dropped": "Facts about replies that found no room: an arm answers without end in new shapes",
}
"""Counters of the gateway, each shown as ``canary_NAME_total``."""


@dataclass(frozen=True, slots=True)
class LatencyFamily:
    """The one histogram, made of the tallies' fixed bins."""

    name: str = "canary_call_latency_seconds"
    kind: str = "histogram"
    labels: tuple[str, ...] = ("arm", "action")
    meaning: str = (
        "Time from an open connection to the reply's last byte, measured alike for both arms; "
        "bounds and sum are exact to 2 % from 1 ms on"
    )

    def collect(self, process: Process | None) -> Metric:
        """The family for one scrape."""
        family = HistogramMetricFamily(self.name, self.meaning, labels=self.labels)
        for (arm, action), tally in process.calls.items() if process is not None else ():
            family.add_metric((arm, action), *histogram(tally.latency))
        return family


def _counter(name: str, meaning: str) -> Family[Process]:
    return Family(f"canary_{name}_total", "counter", (), meaning, one(lambda p: p.counters[name]))


def _calls(process: Process) -> Samples:
    for (arm, action), tally in process.calls.items():
        for outcome, n in tally.outcomes.items():
            yield (arm, action, outcome), n


def _hazards(process: Process) -> Samples:
    for name, n in process.counters.items():
        if name.startswith(COUNTER):
            yield (name.removeprefix(COUNTER),), n


def _left_out(process: Process) -> Samples:
    for name, n in process.counters.items():
        if name.startswith(LEFT_OUT):
            yield (name.removeprefix(LEFT_OUT),), n


PROCESS: tuple[Family[Process] | LatencyFamily, ...] = (
    Family("canary_calls_total", "counter", ("arm", "action", "outcome"), "Calls answered by an arm", _calls),
    LatencyFamily(),
    Family(
        "canary_purchases_total",
        "counter",
        ("arm", "outcome"),
        "Purchases by the arm that served them",
        lambda p: p.purchases.items(),
    ),
    *(_counter(name, meaning) for name, meaning in COUNTERS.items()),
    Family(
        "canary_shadow_left_out_total",
        "counter",
        ("action",),
        "Purchases that no shadow lease was bought for, because they are not of one number alone",
        _left_out,
    ),
    Family(
        "canary_hazards_total", "counter", ("hazard",), "Migration hazards seen in live traffic", _hazards
    ),
    Family(
        "canary_flush_failures_total",
        "counter",
        (),
        "Batches that the store did not take; they are kept and written again",
        one(lambda p: p.flush_failures),
    ),
    Family("canary_in_flight", "gauge", (), "Calls being answered now", one(lambda p: p.in_flight)),
    Family(
        "canary_pool_in_flight",
        "gauge",
        ("arm",),
        "Requests to an arm under way or waiting for a connection",
        lambda p: [((arm,), pool.in_flight) for arm, pool in p.pools.items()],
    ),
    Family(
        "canary_pool_connections_opened_total",
        "counter",
        ("arm",),
        "Connections opened to an arm",
        lambda p: [((arm,), pool.opened) for arm, pool in p.pools.items()],
    ),
    Family(
        "canary_leases_in_memory",
        "gauge",
        (),
        "Leases whose arm is known without asking the store",
        one(lambda p: p.leases),
    ),
    Family(
        "canary_tasks", "gauge", (), "Tasks of the event loop, also those that wait", one(lambda p: p.tasks)
    ),
    Family("canary_shadow_queue", "gauge", (), "Shadow copies waiting", one(lambda p: p.shadow_queue)),
    Family(
        "canary_view_fresh",
        "gauge",
        (),
        "1 while store and controller are seen alive; at 0 new leases go to the safe arm",
        one(lambda p: p.fresh),
    ),
    Family(
        "canary_store_lag_seconds",
        "gauge",
        (),
        "Time since the rollout was last read from the store",
        one(lambda p: p.store_lag),
    ),
    Family(
        "canary_ledger_lag_seconds",
        "gauge",
        (),
        "Time since the last batch was written to the store",
        one(lambda p: p.ledger_lag),
    ),
    Family(
        "canary_workers", "gauge", (), "Processes that answer clients on the port", one(lambda p: p.workers)
    ),
    Family(
        "canary_workers_replaced_total",
        "counter",
        (),
        "Workers that died and were replaced",
        one(lambda p: p.replaced),
    ),
)
"""Of one proxy, all its workers together."""

ROLLOUT: tuple[Family[Rollout], ...] = (
    Family("canary_weight", "gauge", (), "Share of new leases that go to new", one(lambda r: r.weight)),
    Family("canary_shadow_share", "gauge", (), "Share of reads that are shadowed", one(lambda r: r.shadow)),
    Family("canary_stage_index", "gauge", (), "Index of the stage, from 0", one(lambda r: r.stage_index)),
    Family(
        "canary_stage_info",
        "gauge",
        ("rollout", "stage"),
        "1 for the stage that the rollout is in",
        lambda r: [((r.name, r.stage), 1)],
    ),
    Family(
        "canary_stage_entered_timestamp_seconds",
        "gauge",
        (),
        "When the stage was entered",
        one(lambda r: r.since),
    ),
    Family(
        "canary_state",
        "gauge",
        ("state",),
        "1 for the state that the rollout is in, 0 for the others",
        lambda r: [((state,), r.state is state) for state in RolloutState],
    ),
    Family(
        "canary_safe_arm",
        "gauge",
        ("arm",),
        "1 for the arm that serves what is not split",
        lambda r: [((arm,), r.safe_arm is arm) for arm in Arm],
    ),
    Family("canary_attempt", "gauge", (), "Attempts of this rollout, from 1", one(lambda r: r.attempt)),
)
"""The rollout as this process acts on it, or as the store has it where no proxy runs."""


@dataclass(frozen=True, slots=True)
class Server:
    """The admin server itself.

    ``refused``: secrets that it refused, by why. ``leads``: whether the controller beside it does; ``None`` where none
    runs.
    """

    store_up: bool
    refused: Mapping[str, int]
    leads: bool | None


SERVER: tuple[Family[Server], ...] = (
    Family(
        "canary_build_info",
        "gauge",
        ("version",),
        "1 for the version that runs",
        lambda _: [((__version__,), 1)],
    ),
    Family(
        "canary_store_up", "gauge", (), "Whether the store answered this scrape", one(lambda s: s.store_up)
    ),
    Family(
        "canary_refused_tokens_total",
        "counter",
        ("why",),
        "Tokens and sign-ins refused: wrong, or not looked at after too many wrong ones of the same address",
        lambda s: [((why,), n) for why, n in s.refused.items()],
    ),
    Family(
        "canary_controller_leads",
        "gauge",
        (),
        "1 for the controller that judges, 0 for one that stands by; absent where none runs",
        one(lambda s: s.leads),
    ),
)


def families(
    server: Server, process: Process | None, rollout: Rollout | None, stored: Stored | None
) -> Iterator[Metric]:
    """All metrics for one scrape."""
    yield from (family.collect(server) for family in SERVER)
    yield from (family.collect(process) for family in PROCESS)
    yield from (family.collect(rollout) for family in ROLLOUT)
    yield from (family.collect(stored) for family in STORED)
