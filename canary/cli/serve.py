"""Serving until SIGTERM, the same way for every command that stays."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from typing import Protocol

import click

from canary.cli.memory import settle

log = logging.getLogger(__name__)


class Serving(Protocol):
    """What is started, says that it is ready, and stops without losing anything."""

    @property
    def ready_line(self) -> str: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def serve(what: Serving, new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
    """Start, print the ready line, and stop on SIGTERM or Ctrl-C.

    Args:
        new_loop: makes the event loop, asyncio's own by default.
    """
    asyncio.run(_serve(what), loop_factory=new_loop)


async def _serve(what: Serving) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await what.start()
    settle()
    click.echo(what.ready_line)
    await stop.wait()
    log.info("stopping")
    await what.stop()


def starter(command: str) -> str:
    """Who started ``canary COMMAND``, for the record of decisions."""
    return f"{os.environ.get('USER', 'canary')} (canary {command})"
