"""``canary record``: clients are served by old alone, and what may be kept of each call goes to a file for replay."""

import logging
from contextlib import AsyncExitStack
from pathlib import Path

import click

from canary.cli.errors import UsageError
from canary.cli.harness import DRAIN, Address, recorder_of
from canary.cli.logs import LEVELS, configure
from canary.cli.run import ADDRESS
from canary.cli.serve import serve
from canary.core.model import Arm, Request, Response
from canary.core.protocol.parse import is_handler_path, parse
from canary.gateway.answers import Answers
from canary.gateway.asking import Arms
from canary.gateway.config import Loaded, Secrets, load, resolve
from canary.gateway.gateway import METHOD
from canary.gateway.ingress import IngressError
from canary.proxy.ingress import Ingress, Listen
from canary.toolkit.pools import opened

log = logging.getLogger(__name__)


@click.command()
@click.argument("policy", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--listen", type=ADDRESS, default="127.0.0.1:8080", show_default=True, help="Where clients come."
)
@click.option("--confdir", type=click.Path(path_type=Path), help="mitmproxy's CA, for mode: regular.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info")
def record(policy: Path, file: Path, listen: Address, confdir: Path | None, log_level: str) -> None:
    """Serve clients from old alone and append their calls, without keys, to FILE, until SIGTERM."""
    loaded = load(policy)
    secrets = resolve(loaded, arms=(Arm.OLD,))
    configure(log_level, secrets.literals)
    serve(Recording(loaded, secrets, listen, file, confdir))


class Recording:
    """What stands between clients and old. No rollout begins, and new is neither asked nor needed.

    Args:
        file: where calls are written down.
        confdir: holds mitmproxy's CA (regular mode).

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(
        self, loaded: Loaded, secrets: Secrets, listen: Address, file: Path, confdir: Path | None = None
    ) -> None:
        policy = loaded.policy
        failure = policy.upstream_failure
        self._loaded, self._secrets, self._file = loaded, secrets, file
        self._answers = Answers(failure.status, failure.body.encode(), policy.arm_header)
        self._recorder = recorder_of(file, self._answer)
        self._ingress = Ingress(
            Listen(listen.host, listen.port, policy.hosts, confdir), self._recorder.handle
        )
        self._open = AsyncExitStack()
        self._in_flight = 0
        self._arms: Arms

    async def start(self) -> None:
        """Serve.

        Raises:
            UsageError: the address cannot be listened on, or a CA file cannot be read.
        """
        self._open.callback(self._recorder.close)
        try:
            self._arms = await self._open.enter_async_context(opened(self._loaded, self._secrets, (Arm.OLD,)))
            await self._ingress.start()
        except (IngressError, OSError) as error:
            await self._open.aclose()
            raise UsageError(str(error)) from error

    @property
    def ready_line(self) -> str:
        """What is printed when it serves."""
        return f"ready proxy={Address(*self._ingress.address)} file={self._file}"

    async def stop(self) -> None:
        """Finish what is in flight, and close the file."""
        if not await self._ingress.drain(lambda: self._in_flight, DRAIN):
            log.warning("calls were still in flight after %g s", DRAIN)
        await self._ingress.stop()
        await self._open.aclose()

    async def _answer(self, request: Request) -> Response:
        self._in_flight += 1
        try:
            return await self._ask(request)
        finally:
            self._in_flight -= 1

    async def _ask(self, request: Request) -> Response:
        if not METHOD.fullmatch(request.method):
            return self._answers.failed("malformed")
        if is_handler_path(request.path):
            return self._answers.of(await self._arms.ask(Arm.OLD, request, parse(request)))
        return self._answers.passed_on(await self._arms.pass_on(Arm.OLD, request), Arm.OLD)
