"""One worker: begins its job, answers its supervisor, and drains on SIGTERM or when the supervisor is gone.

It is started as ``python -m canary.workers.child FD``, where FD is its end of the channel.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import sys

from canary.workers.channel import Channel
from canary.workers.job import Ask, Failed, Order, Ready, Told, Work
from canary.workers.siblings import Siblings

log = logging.getLogger(__name__)


async def _main(end: socket.socket) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(
        signal.SIGINT, lambda: None
    )  # Ctrl-C reaches all; the supervisor says when to stop
    channel = await Channel.over(end)
    order: Order = await channel.receive()
    work = await _begun(order)
    if isinstance(work, Failed):
        await channel.send(work)
        return 1
    await channel.send(Ready())
    answering = asyncio.create_task(_answer(channel, work, stop), name="supervisor's questions")
    await stop.wait()
    await work.stop()
    answering.cancel()
    with contextlib.suppress(OSError):
        await channel.send(Told(await work.facts()))
    channel.close()
    return 0


async def _begun(order: Order) -> Work | Failed:
    """The work at work, or what kept it from that."""
    try:
        work = order.job.begin(order.number, order.job.argument, Siblings.of(order.number, order.lines))
        await work.start()
    except Exception as error:
        if not isinstance(error, order.job.readable):
            log.exception("a worker could not begin")
        return Failed(str(error))
    return work


async def _answer(channel: Channel, work: Work, stop: asyncio.Event) -> None:
    """Tell the facts whenever they are asked for. Without a supervisor nobody would end this process: it does so."""
    try:
        while True:
            asked: Ask = await channel.receive()
            if asked.anew:
                await work.refresh()
            await channel.send(Told(await work.facts()))
    except (EOFError, OSError):
        log.warning("the supervisor is gone; this worker finishes what is in flight and ends")
        stop.set()


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(socket.socket(fileno=int(sys.argv[1])))))
