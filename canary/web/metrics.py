"""Prometheus metrics, read at scrape time from what the gateway and the store keep anyway: a call pays nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from canary.core.model import Rollout
from canary.store.store import Store
from canary.web.families import Server, families
from canary.web.process import Process
from canary.web.status import verdict_of
from canary.web.stored import Stored

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format, which every scraper reads."""


@dataclass(frozen=True, slots=True, eq=False)
class Scrape(Collector):
    """What one scrape shows; any part may be missing.

    ``refused``: secrets that the admin server refused, by why. ``leads``: whether the controller beside it does.
    """

    refused: Mapping[str, int] = field(default_factory=dict)
    process: Process | None = None
    rollout: Rollout | None = None
    stored: Stored | None = None
    leads: bool | None = None

    def collect(self) -> Iterator[Metric]:
        """The scrape's metrics."""
        server = Server(self.stored is not None, self.refused, self.leads)
        return families(server, self.process, self.rollout, self.stored)


def exposition(scrape: Scrape) -> bytes:
    """The scrape as text, with the process's own memory, CPU and file descriptors."""
    registry = CollectorRegistry()
    registry.register(scrape)
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def stored_facts(store: Store, name: str, now: float) -> tuple[Rollout | None, Stored]:
    """Read the rollout and its numbers.

    Raises:
        StoreError: the store cannot be read.
    """
    look, findings = store.look(name), store.findings(name)
    heartbeat = look.heartbeat if look else None
    waiting = store.outbox(name).waiting()
    return look.rollout if look else None, Stored(
        heartbeat_age=None if heartbeat is None else max(0.0, now - heartbeat),
        leases=store.lease_counts(name),
        books=store.books(name),
        lags=store.refund_lags(name),
        verdict=verdict_of(store, name),
        differences=len(findings.open_differences),
        unmapped=len(findings.open_unmapped),
        webhooks=waiting.n,
        webhook_age=0.0 if waiting.since is None else max(0.0, now - waiting.since),
    )
