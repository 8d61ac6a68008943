"""What a proxy knows by itself at one moment, and how the words of several processes become one."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from canary.core.model import Arm, Rollout
from canary.core.tally import Tally
from canary.gateway.service import GatewayService


@dataclass(frozen=True, slots=True)
class Pool:
    """One arm's connection pool."""

    in_flight: int
    opened: int


@dataclass(frozen=True, slots=True)
class Process:
    """What this process knows by itself, copied at one moment. Counts run since it started.

    ``rollout``: as it acts on it. ``workers``: processes that answer clients; ``replaced``: those that died and
    were replaced. ``tasks``: of the event loop, whatever they wait for.
    """

    calls: Mapping[tuple[Arm, str], Tally]
    purchases: Counter[tuple[Arm, str]]
    counters: Counter[str]
    pools: Mapping[Arm, Pool]
    in_flight: int
    leases: int
    shadow_queue: int
    fresh: bool
    store_lag: float
    ledger_lag: float
    flush_failures: int
    rollout: Rollout | None = None
    workers: int = 1
    replaced: int = 0
    tasks: int = 0


class Proxies(Protocol):
    """The proxy beside an admin server, be it one process or several."""

    async def facts(self) -> Process:
        """What all of it knows now."""
        ...

    async def refresh(self) -> None:
        """Look at the rollout at once: it was changed from here."""
        ...


class OneProxy:
    """The gateway of the same process."""

    def __init__(self, service: GatewayService) -> None:
        self._service = service

    async def facts(self) -> Process:
        """What it knows now."""
        return process_facts(self._service)

    async def refresh(self) -> None:
        """Look at the rollout at once."""
        await self._service.view.refresh()


def process_facts(service: GatewayService) -> Process:
    """Copy what the gateway knows; call it in the gateway's own thread, it takes no time to speak of."""
    service.ledger.catch_up()
    totals = service.ledger.totals
    return Process(
        calls={key: tally.copy() for key, tally in totals.calls.items()},
        purchases=totals.purchases.copy(),
        counters=totals.counters.copy(),
        pools={arm: Pool(pool.in_flight, pool.connections_opened) for arm, pool in service.upstreams.items()},
        in_flight=service.gateway.in_flight,
        leases=len(service.bindings),
        shadow_queue=service.shadow.waiting,
        fresh=service.view.fresh,
        store_lag=service.view.store_lag,
        ledger_lag=service.ledger.lag,
        flush_failures=totals.flush_failures,
        rollout=service.view.rollout,
        tasks=len(asyncio.all_tasks()),
    )


def ended(process: Process) -> Process:
    """What stays of a process that is no more: its counts, so that none of them ever falls."""
    return replace(
        process,
        pools={arm: Pool(0, pool.opened) for arm, pool in process.pools.items()},
        **{name: how([]) for name, how in _MERGED.items() if name not in _COUNTS},
    )


def merged(processes: Sequence[Process]) -> Process:
    """Several processes as one. Lags are the longest, the rollout is that of the process which is furthest behind."""
    return Process(**{name: how([getattr(one, name) for one in processes]) for name, how in _MERGED.items()})


def _added[Key](counts: Iterable[Counter[Key]]) -> Counter[Key]:
    return sum(counts, start=Counter())


def _tallies(several: Iterable[Mapping[tuple[Arm, str], Tally]]) -> dict[tuple[Arm, str], Tally]:
    found: dict[tuple[Arm, str], Tally] = {}
    for calls in several:
        for key, tally in calls.items():
            found[key] = found[key].merge(tally) if key in found else tally
    return found


def _pools(several: Sequence[Mapping[Arm, Pool]]) -> dict[Arm, Pool]:
    return {
        arm: Pool(sum(one[arm].in_flight for one in several), sum(one[arm].opened for one in several))
        for arm in Arm
    }


def _furthest_behind(rollouts: Iterable[Rollout | None]) -> Rollout | None:
    return min((one for one in rollouts if one is not None), key=lambda one: one.revision, default=None)


def _longest(seconds: Iterable[float]) -> float:
    return max(seconds, default=0.0)


_MERGED: Mapping[str, Callable[[Any], Any]] = {
    "calls": _tallies,
    "purchases": _added,
    "counters": _added,
    "pools": _pools,
    "in_flight": sum,
    "leases": lambda n: max(n, default=0),  # each process knows most of them: no sum would mean anything
    "shadow_queue": sum,
    "fresh": all,
    "store_lag": _longest,
    "ledger_lag": _longest,
    "flush_failures": sum,
    "rollout": _furthest_behind,
    "workers": sum,
    "replaced": sum,
    "tasks": sum,
}
"""Each field with how several of it become one; of none it is what changes no other."""

_COUNTS = frozenset({"calls", "purchases", "counters", "pools", "flush_failures", "replaced"})
"""Fields that stay when their process has ended."""
