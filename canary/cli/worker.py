"""One worker of ``canary run --workers N``: a front at the socket that all workers share."""

import socket
from dataclasses import dataclass

from canary.cli.harness import Front, Settings
from canary.cli.logs import configure
from canary.cli.memory import settle
from canary.gateway.config import Loaded, Secrets
from canary.web.process import Process, process_facts
from canary.workers.siblings import Siblings


@dataclass(frozen=True, slots=True)
class Posting:
    """What a worker is sent. ``listening``: the socket's file descriptor."""

    loaded: Loaded
    secrets: Secrets
    settings: Settings
    listening: int


class Answering:
    """A front as the work of a worker, which tells its siblings of the leases that it binds."""

    def __init__(self, front: Front, siblings: Siblings) -> None:
        self._front = front
        self._siblings = siblings

    async def start(self) -> None:
        """Answer clients. What siblings told meanwhile waits on the line.

        Raises:
            UsageError: a CA file cannot be read.
            StoreError: the store cannot be read.
        """
        bindings = self._front.service.bindings
        bindings.tell = self._siblings.tell
        await self._front.start()
        self._siblings.listen(bindings.learn)
        settle()

    async def facts(self) -> Process:
        """What this process knows now."""
        return process_facts(self._front.service)

    async def refresh(self) -> None:
        """Look at the rollout at once."""
        await self._front.service.view.refresh()

    async def stop(self) -> None:
        """Finish what is in flight and write what is left."""
        await self._front.drain()
        await self._front.close()


def begin(number: int, posting: Posting, siblings: Siblings) -> Answering:
    """The worker of that number, before it answers.

    Raises:
        StoreError: the store cannot be used.
    """
    literals = posting.secrets.literals | posting.settings.webhooks.literals
    configure(posting.settings.log_level, literals, f"[{number}] ")
    return Answering(
        Front(
            posting.loaded,
            posting.secrets,
            posting.settings,
            control=False,
            inherited=socket.socket(fileno=posting.listening),
        ),
        siblings,
    )
