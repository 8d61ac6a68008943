"""The admin server: health for machines, the rollout's state for people, and the operator's events.

Health and metrics hold no secret and are open to whoever reaches the server. Below ``/api/`` the token, or a
browser that signed in with it, opens everything; without it reads are answered on a loopback address alone
(``canary.web.access``), writes never. Wrong tokens are slowed down (``canary.web.door``): 429 with Retry-After.
Every answer below ``/api/`` is JSON; one that went wrong is ``{"error": "a sentence"}``.

    GET  /                   the dashboard with its own parts (canary.web.dashboard)
    GET  /api/v1/gate        the gate for other controllers, and POST for their hooks (canary.web.hooks)
    GET  /healthz            200 while the process answers
    GET  /readyz             200 when the store answers and the rollout view is fresh, else 503 with the reasons;
                             ?for=clients: 200 while clients are answered at all
    GET  /metrics            prometheus (docs/metrics.md)
    GET  /api/v1/status      the status of the rollout (canary.web.status)
    GET  /api/v1/verdict     the controller's last verdict
    GET  /api/v1/decisions   the last decisions, oldest first; ?limit=N
    GET  /api/v1/ledger      what leases cost, and what balances say of it (canary.web.ledger)
    GET  /api/v1/hazards     the hazards with their evidence (canary.web.hazards)
    GET  /api/v1/acks        what of the contract was acknowledged, and what is open (canary.web.acks)
    GET  /api/v1/shadow      shadow leases, and whether they are stopped (canary.web.shadow)
    POST                     what an operator does (canary.web.operations)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from aiohttp import web

from canary.store.errors import StoreError, StoreUnavailable
from canary.store.store import Store
from canary.web.access import Access
from canary.web.acks import acks_of
from canary.web.answers import MAX_BODY, answer_errors, number_up_to
from canary.web.dashboard import Dashboard
from canary.web.door import Door
from canary.web.gate import Answer, gate_of
from canary.web.hazards import hazards_of
from canary.web.hooks import Hooks
from canary.web.ledger import ledger_of
from canary.web.metrics import CONTENT_TYPE, Scrape, exposition, stored_facts
from canary.web.operations import Hands, Operations
from canary.web.process import Process, Proxies
from canary.web.sessions import Sessions
from canary.web.shadow import shadow_of
from canary.web.site import Site
from canary.web.status import status_of, verdict_of
from canary.web.throttle import Throttle

PATIENCE = 5.0
"""Seconds that a read may wait for the store."""

DECISIONS = 1000
"""Decisions that are shown when no limit is asked for, and at most."""


class AdminError(Exception):
    """The admin server cannot listen where it was told to; the message names the remedy."""


class Admin:
    """The admin server of one rollout.

    Args:
        hands: carry out what an operator wants.
        token: opens everything below ``/api/``.
        gate_token: opens the gate for other controllers, and nothing else.
        proxies: answer clients beside it; ``None`` where no proxy runs.
        leads: whether the controller beside it does, or stands by; ``None`` where none runs.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        hands: Hands,
        *,
        token: str,
        gate_token: str = "",
        host: str,
        port: int,
        proxies: Proxies | None,
        leads: Callable[[], bool] | None = None,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._name = name
        self._proxies = proxies
        self._leads = leads
        self._clock = clock
        # threads of their own: a store that hangs under many reads must not hold up a rollback or the ledger
        self._reading = ThreadPoolExecutor(4, "admin-read")
        self._acting = ThreadPoolExecutor(2, "admin-act")
        sessions = Sessions(token, name, clock)
        self._door = Door(Access(token, host, gate_token), sessions, Throttle(clock))
        self._dashboard = Dashboard(
            store, name, read=self._read, sessions=sessions, door=self._door, clock=clock
        )
        self._hooks = Hooks(self._ask_gate)
        self._operations = Operations(
            store, name, hands, run=self._run, changed=self._changed, status=self._told, clock=clock
        )
        self._site = Site(self._application(), host, port)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[answer_errors, self._door.guard], client_max_size=MAX_BODY)
        application.add_routes(
            [
                *self._dashboard.routes,
                *self._hooks.routes,
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/api/v1/status", self._status),
                web.get("/api/v1/verdict", self._verdict),
                web.get("/api/v1/decisions", self._decisions),
                web.get("/api/v1/ledger", self._ledger),
                web.get("/api/v1/hazards", self._hazards),
                web.get("/api/v1/acks", self._acks),
                web.get("/api/v1/shadow", self._shadow),
                *self._operations.routes,
            ]
        )
        application.on_shutdown.append(self._dashboard.close)
        return application

    async def start(self) -> None:
        """Listen.

        Raises:
            AdminError: the address cannot be listened on.
        """
        try:
            await self._site.start()
        except OSError as failure:
            raise AdminError(
                f"the admin server cannot listen on {self._site} ({failure.strerror}); "
                "free that address, or choose another with --admin HOST:PORT"
            ) from failure

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._site.address

    async def stop(self) -> None:
        """Finish what is in flight and close the address; harmless when it never listened."""
        await self._site.stop()
        for pool in (self._reading, self._acting):
            pool.shutdown(wait=False, cancel_futures=True)

    # --- health ---------------------------------------------------------------------------------------------------

    async def _healthz(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"alive": True})

    async def _readyz(self, request: web.Request) -> web.StreamResponse:
        # a balancer that took a proxy away because of its store would, with the store gone, take all of them
        ask = self._unserved if request.query.get("for") == "clients" else self._unready
        reasons = [reason async for reason in ask()]
        return web.json_response({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    async def _unready(self) -> AsyncIterator[str]:
        try:
            await self._read(self._store.look, self._name)
        except StoreError as failure:
            yield str(failure)
        async for reason in self._unserved():
            yield reason
        process = await self._process()
        if process is not None and not process.fresh:
            yield (
                "the rollout view is stale: no new sign of life from the controller, "
                "so new leases go to the safe arm"
            )

    async def _unserved(self) -> AsyncIterator[str]:
        process = await self._process()
        if process is not None and not process.workers:
            yield "no worker answers clients; they are being replaced"

    async def _process(self) -> Process | None:
        return await self._proxies.facts() if self._proxies else None

    async def _metrics(self, _request: web.Request) -> web.StreamResponse:
        process = await self._process()
        acted_on = process.rollout if process else None
        leads = self._leads() if self._leads else None
        try:
            rollout, stored = await self._read(stored_facts, self._store, self._name, self._clock())
            scrape = Scrape(self._door.refused, process, acted_on or rollout, stored, leads)
        except StoreError:
            scrape = Scrape(self._door.refused, process, acted_on, leads=leads)
        text = await asyncio.to_thread(exposition, scrape)
        return web.Response(body=text, headers={"content-type": CONTENT_TYPE})

    # --- reads ----------------------------------------------------------------------------------------------------

    async def _status(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._told())

    async def _told(self) -> dict[str, Any]:
        status = await self._read(status_of, self._store, self._name, self._clock())
        if self._leads is not None:
            status["controller"]["here"] = "leading" if self._leads() else "standby"
        return status

    async def _verdict(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._read(verdict_of, self._store, self._name))

    async def _ledger(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._read(ledger_of, self._store, self._name))

    async def _hazards(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._read(hazards_of, self._store, self._name))

    async def _acks(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._read(acks_of, self._store, self._name))

    async def _shadow(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._read(shadow_of, self._store, self._name, self._clock()))

    async def _decisions(self, request: web.Request) -> web.StreamResponse:
        found = await self._read(
            self._store.decisions, self._name, number_up_to(DECISIONS, request.query.get("limit"))
        )
        return web.json_response([asdict(decision) for decision in found])

    async def _ask_gate(self, stage: str | None) -> Answer:
        return await self._read(gate_of, self._store, self._name, self._clock(), stage)

    async def _read[T](self, read: Callable[..., T], *args: Any) -> T:
        """Ask the store in a thread, for a limited time."""
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._reading, read, *args), PATIENCE)
        except TimeoutError:
            raise StoreUnavailable(
                f"the state {self._store.name} did not answer within {PATIENCE:g} s; see whether it is locked"
            ) from None

    # --- operations -------------------------------------------------------------------------------------------------

    async def _run(self, work: Callable[..., Any], *args: Any) -> Any:
        """Do something in a thread that no reader holds up."""
        return await asyncio.get_running_loop().run_in_executor(self._acting, work, *args)

    async def _changed(self) -> None:
        if self._proxies is not None:
            await self._proxies.refresh()
        self._dashboard.refresh()
