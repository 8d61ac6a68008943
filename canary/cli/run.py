"""``canary run``: proxy, controller and admin server together until SIGTERM; ``canary proxy``: no controller in it."""

from pathlib import Path

import click

from canary.cli.crew import Crew
from canary.cli.doors import INGRESSES, LOOPS
from canary.cli.harness import Address, Harness, Settings
from canary.cli.logs import LEVELS, configure
from canary.cli.serve import serve, starter
from canary.cli.state import default_state
from canary.cli.tokens import admin_token, gate_token
from canary.gateway.config import load, resolve, resolve_webhooks


class _Address(click.ParamType[Address]):
    """``HOST:PORT``, ``:PORT`` or ``[v6]:PORT``."""

    name = "host:port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        if isinstance(value, Address):
            return value
        host, colon, port = str(value).rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65535:
            self.fail(f"{value!r} is no address; expected HOST:PORT such as 127.0.0.1:8080", param, ctx)
        return Address(host.strip("[]") or "127.0.0.1", int(port))


ADDRESS = _Address()


def _command(name: str, *, control: bool, summary: str) -> click.Command:
    @click.command(name, help=summary)
    @click.argument("policy", type=click.Path(path_type=Path))
    @click.option(
        "--listen", type=ADDRESS, default="127.0.0.1:8080", show_default=True, help="Where clients come."
    )
    @click.option(
        "--admin", type=ADDRESS, default="127.0.0.1:9900", show_default=True, help="Admin API, metrics."
    )
    @click.option("--state", help="SQLite file or postgresql:// URL.  [default: .canary/NAME.db]")
    @click.option("--accept-changes", is_flag=True, help="Take over a policy edited under a running rollout.")
    @click.option(
        "--ingress",
        type=click.Choice(INGRESSES),
        default="mitmproxy",
        show_default=True,
        help="asgi: a thin one, several times as fast; for mode: reverse.",
    )
    @click.option("--confdir", type=click.Path(path_type=Path), help="mitmproxy's CA, for mode: regular.")
    @click.option(
        "--record", type=click.Path(path_type=Path), help="Append calls, without keys, for canary replay."
    )
    @click.option(
        "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes on that one port."
    )
    @click.option("--log-level", type=click.Choice(LEVELS), default="info")
    def command(
        policy: Path,
        listen: Address,
        admin: Address,
        state: str | None,
        accept_changes: bool,
        ingress: str,
        confdir: Path | None,
        record: Path | None,
        workers: int,
        log_level: str,
    ) -> None:
        loaded = load(policy)
        secrets, webhooks = resolve(loaded), resolve_webhooks(loaded)
        configure(log_level, secrets.literals | webhooks.literals)
        settings = Settings(
            listen=listen,
            admin=admin,
            state=state or default_state(loaded.policy.name),
            token=admin_token(admin.host),
            gate_token=gate_token(),
            actor=starter(name),
            control=control,
            accept_changes=accept_changes,
            ingress=ingress,
            confdir=confdir,
            record=record,
            webhooks=webhooks,
            workers=workers,
            log_level=log_level,
        )
        serve((Crew if workers > 1 else Harness)(loaded, secrets, settings), LOOPS[ingress])

    return command


run = _command(
    "run",
    control=True,
    summary="Stand between clients and both arms: proxy, controller and admin server, until SIGTERM.",
)
proxy = _command(
    "proxy",
    control=False,
    summary="Proxy and admin server alone; without a controller elsewhere, new leases go to the safe arm.",
)
