"""``canary run --workers N``: controller and admin server here, what answers clients in workers on one socket."""

import socket
from collections.abc import Callable
from dataclasses import replace
from time import time

from canary.cli.backstage import ControlRoom
from canary.cli.errors import READABLE, UsageError
from canary.cli.harness import DRAIN, Address, Settings, admin_server, ready_line
from canary.cli.worker import Posting, begin
from canary.control.begin import begin as begin_rollout
from canary.gateway.config import Loaded, Secrets
from canary.gateway.ingress import BACKLOG, IngressError, cannot_listen
from canary.proxy.ingress import Listen, check_ca
from canary.store.store import Store
from canary.web.admin import AdminError
from canary.web.process import Process, ended, merged
from canary.workers.job import Job
from canary.workers.supervisor import Supervisor
from canary.workers.worker import WorkerError


class Roll:
    """What all workers know together, those that are no more included."""

    def __init__(self) -> None:
        self._gone = merged([])
        self.supervisor: Supervisor | None = None

    def bury(self, last: Process) -> None:
        """Keep the counts of a worker that has ended."""
        self._gone = merged([self._gone, ended(last)])

    async def facts(self) -> Process:
        """What all of them know now."""
        return await self._ask(anew=False)

    async def refresh(self) -> None:
        """Have all of them look at the rollout at once."""
        await self._ask(anew=True)

    async def _ask(self, *, anew: bool) -> Process:
        if self.supervisor is None:
            return self._gone
        alive = await self.supervisor.facts(anew=anew)
        return replace(merged([self._gone, *alive]), replaced=self.supervisor.replaced)


class Crew:
    """A harness whose clients are answered by several processes.

    The socket is one for all: whichever worker is idle takes the next connection, and when one dies the others take
    what waits for it.
    """

    def __init__(
        self, loaded: Loaded, secrets: Secrets, settings: Settings, clock: Callable[[], float] = time
    ) -> None:
        policy = loaded.policy
        if policy.webhooks and not policy.webhooks.address[1]:
            raise UsageError(
                f"{loaded.place('webhooks')}: workers share the port of webhooks, and 0 is a port for each; name one"
            )
        self._store = Store(settings.state, shared=True)
        self._rollout = begin_rollout(
            self._store,
            policy,
            now=clock(),
            actor=settings.actor,
            accept_changes=settings.accept_changes,
        )
        self._control = ControlRoom(self._store, loaded, clock) if settings.control else None
        self._roll = Roll()
        self.admin = admin_server(self._store, policy.name, settings, self._roll, self._control, clock)
        self._loaded, self._secrets, self._settings = loaded, secrets, settings
        self._socket: socket.socket | None = None

    async def start(self) -> None:
        """Serve with all workers.

        Raises:
            UsageError: an address cannot be listened on, or a worker could not begin.
            StoreError: the store cannot be read.
        """
        try:
            await self.admin.start()
            self._socket = listening(self._settings.listen)
            check_ca(Listen(intercept=self._loaded.policy.hosts, confdir=self._settings.confdir))
            self._roll.supervisor = self._supervisor(self._socket)
            await self._roll.supervisor.start()
            if self._control is not None:  # its first tick is seen by all of them
                await self._control.start()
                await self._roll.refresh()
        except Exception as error:
            await self.stop()
            if isinstance(error, AdminError | IngressError | WorkerError):
                raise UsageError(str(error)) from error
            raise

    def _supervisor(self, listens: socket.socket) -> Supervisor:
        posting = Posting(self._loaded, self._secrets, self._settings, listens.fileno())
        return Supervisor(
            self._settings.workers,
            Job(begin, posting, READABLE),
            inherit=[listens.fileno()],
            drain=DRAIN,
            buried=self._roll.bury,
        )

    @property
    def ready_line(self) -> str:
        """What is printed when all workers serve."""
        assert self._socket is not None, "it listens"
        webhooks = self._loaded.policy.webhooks
        return ready_line(
            Address(*self._socket.getsockname()[:2]),
            Address(*self.admin.address),
            self._store.rollout(self._rollout.name) or self._rollout,
            Address(*webhooks.address) if webhooks else None,
        )

    async def stop(self) -> None:
        """Have all workers finish what is in flight, then end the controller and the admin server."""
        if self._socket is not None:
            self._socket.close()
        if self._roll.supervisor is not None:
            await self._roll.supervisor.stop()
        await self.admin.stop()
        if self._control is not None:
            await self._control.stop()
        self._store.close()


def listening(address: Address) -> socket.socket:
    """A socket that listens.

    Raises:
        IngressError: the address cannot be listened on.
    """
    host, port = address.host, address.port
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise cannot_listen(host, port, error) from error
