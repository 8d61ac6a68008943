"""The harness's own ingress with a plain pool behind it: ``python -m bench.passthrough URL WORKERS [CA]``.

What the harness itself costs is measured against this, and what two processes cost by being two.
Prints ``ready PORT``.
"""

import asyncio
import socket
import sys
from pathlib import Path

from bench.passing import Passing, begin
from canary.gateway.ingress import BACKLOG
from canary.workers.job import Job
from canary.workers.supervisor import Supervisor


async def main(url: str, workers: int, ca: Path | None) -> None:
    """Serve until ended."""
    if workers == 1:
        alone = Passing(url, ca)
        await alone.start()
        print("ready", alone.ingress.address[1], flush=True)
        await asyncio.Event().wait()
    listens = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    job = Job(begin, (url, ca, listens.fileno()))
    crew = Supervisor(workers, job, inherit=[listens.fileno()], drain=0, buried=lambda _: None)
    await crew.start()
    print("ready", listens.getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None))
