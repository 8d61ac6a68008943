"""What stands in the table: each peer started in front of the same upstream, ready for calls."""

import re
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import certificate, nginx
from bench.processes import free_port, listening, ready_line, running
from bench.wire import Target

DIRECT = "direct, no proxy"
SPLIT = "nginx split_clients"
MIRROR = "nginx mirror"
BARE = "mitmdump, bare"
POOLED = "mitmdump, pooled script"
PASS = "same master, pass-through"
PASS_WORKERS = "pass-through, 2 workers"
CANARY = "canary run"
THIN = "canary run, thin ingress"
WORKERS = "canary run, 2 workers"
PLAIN = "canary run, 100 reads/s"
SHADOWING = "canary run, 100 reads/s shadowed"

_BIN = Path(sys.executable).parent
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Upstream:
    """Both arms' endpoint: ports by arm, and the authority to trust when they speak TLS.

    ``folder`` takes the files that the peers in front of it need.
    """

    folder: Path
    arms: dict[str, int]
    ca: Path | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.ca else "http"

    def url(self, arm: str) -> str:
        return f"{self.scheme}://localhost:{self.arms[arm]}/stubs/handler_api.php"


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The upstream of one bench, plain and with TLS; ``kind`` says what answers."""

    kind: str
    plain: Upstream
    tls: Upstream


@dataclass(frozen=True, slots=True)
class Peer:
    """A data path: where its clients call, and the process under test if there is one."""

    name: str
    target: Target
    pid: int | None = None


type Start = Callable[[Upstream], AbstractAsyncContextManager[Peer]]


@asynccontextmanager
async def upstreams(folder: Path) -> AsyncIterator[Upstreams]:
    """Both arms, answered by nginx, or by a stub where nginx is not installed."""
    ca, pem = certificate.make(folder)
    plain, tls = Upstream(folder, {}), Upstream(folder, {}, ca)
    if nginx.available():
        ports = {arm: (free_port(), free_port()) for arm in ("old", "new")}
        async with nginx.serving(folder, "upstream", nginx.upstream(ports, pem), ports["old"][0]):
            yield Upstreams("nginx", _at(plain, ports, 0), _at(tls, ports, 1))
        return
    log = folder / "stub.log"
    async with running([sys.executable, "-m", "bench.stub", pem], log, {"PYTHONPATH": str(_ROOT)}) as process:
        _, *four = map(int, (await ready_line(process, log)).replace("ready", "0").split())
        ports = {"old": (four[0], four[1]), "new": (four[2], four[3])}
        yield Upstreams("a Python stub", _at(plain, ports, 0), _at(tls, ports, 1))


def _at(upstream: Upstream, ports: dict[str, tuple[int, int]], index: int) -> Upstream:
    return replace(upstream, arms={arm: both[index] for arm, both in ports.items()})


@asynccontextmanager
async def delayed(upstream: Upstream, milliseconds: float) -> AsyncIterator[Upstream]:
    """The same upstream a round trip away: one forwarder for both arms, which are then exactly equal."""
    log = upstream.folder / "forwarder.log"
    command = [sys.executable, "-m", "bench.forwarder", str(upstream.arms["old"]), str(milliseconds)]
    async with running(command, log, {"PYTHONPATH": str(_ROOT)}) as process:
        port = int((await ready_line(process, log)).split()[1])
        yield replace(upstream, arms=dict.fromkeys(upstream.arms, port))


# --- the peers ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def direct(upstream: Upstream) -> AsyncIterator[Peer]:
    """No proxy at all."""
    tls = ssl.create_default_context(cafile=upstream.ca) if upstream.ca else None
    yield Peer(DIRECT, Target(upstream.arms["old"], tls=tls))


@asynccontextmanager
async def split_clients(upstream: Upstream) -> AsyncIterator[Peer]:
    """nginx, 5 % of the requests to the new arm."""
    port = free_port()
    name = f"split-{upstream.scheme}"
    http = nginx.split_clients(port, upstream.arms, upstream.ca)
    async with nginx.serving(upstream.folder, name, http, port) as pid:
        yield Peer(SPLIT, Target(port), pid)


@asynccontextmanager
async def mirror(upstream: Upstream) -> AsyncIterator[Peer]:
    """nginx, every request repeated to the new arm."""
    port = free_port()
    http = nginx.mirror(port, upstream.arms, upstream.ca)
    async with nginx.serving(upstream.folder, f"mirror-{upstream.scheme}", http, port) as pid:
        yield Peer(MIRROR, Target(port), pid)


@asynccontextmanager
async def mitmdump(upstream: Upstream) -> AsyncIterator[Peer]:
    """Stock mitmdump in reverse mode, quiet, without an addon."""
    async with _mitmdump(upstream, "mitmdump", []) as (port, pid):
        yield Peer(BARE, Target(port), pid)


@asynccontextmanager
async def mitmdump_pooled(upstream: Upstream) -> AsyncIterator[Peer]:
    """Stock mitmdump, quiet, with a script that answers from a pool."""
    script = ["-s", str(_ROOT / "bench" / "pooled_script.py")]
    async with _mitmdump(upstream, "mitmdump-pooled", script) as (port, pid):
        yield Peer(POOLED, Target(port), pid)


@asynccontextmanager
async def _mitmdump(upstream: Upstream, name: str, more: list[str]) -> AsyncIterator[tuple[int, int]]:
    port = free_port()
    log = upstream.folder / f"{name}-{upstream.scheme}.log"
    command = [_BIN / "mitmdump", "--quiet", "--listen-host", "127.0.0.1", "--listen-port", str(port), *more]
    command += ["--mode", f"reverse:{upstream.scheme}://localhost:{upstream.arms['old']}"]
    command += ["--set", "connection_strategy=lazy"] if more else []
    command += ["--set", f"confdir={upstream.folder / 'mitmproxy'}"]
    environ = {"BENCH_URL": upstream.url("old"), "PYTHONPATH": str(_ROOT)}
    if upstream.ca:
        command += ["--set", f"ssl_verify_upstream_trusted_ca={upstream.ca}"]
        environ["BENCH_CA"] = str(upstream.ca)
    async with running(command, log, environ) as process:
        await listening(process, port, log)
        yield port, process.pid


def pass_through(name: str = PASS, *, workers: int = 1) -> Start:
    """The harness's own master, or workers, with a pool and nothing between them."""

    @asynccontextmanager
    async def start(upstream: Upstream) -> AsyncIterator[Peer]:
        log = upstream.folder / f"pass-through-{workers}-{upstream.scheme}.log"
        command = [sys.executable, "-m", "bench.passthrough", upstream.url("old"), str(workers)]
        command += [str(upstream.ca)] if upstream.ca else []
        async with running(command, log, {"PYTHONPATH": str(_ROOT)}) as process:
            port = int((await ready_line(process, log)).split()[1])
            yield Peer(name, Target(port), process.pid)

    return start


def canary(
    name: str = CANARY, *, weight: str = "5%", shadow: str = "0%", options: Sequence[str] = ()
) -> Start:
    """The whole harness, as ``canary run`` starts it, in one stage that it never leaves."""

    @asynccontextmanager
    async def start(upstream: Upstream) -> AsyncIterator[Peer]:
        home = upstream.folder / re.sub(r"\W+", "-", f"{name}-{upstream.scheme}")
        home.mkdir()
        policy, log = home / "policy.yaml", upstream.folder / f"{home.name}.log"
        policy.write_text(_policy(upstream, weight, shadow))
        (home / "provider.yaml").write_text(_PROVIDER)
        command = [_BIN / "canary", "run", policy, "--state", home / "state.db", "--log-level", "warning"]
        command += ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", *options]
        environ = {"OLD_SMS_KEY": "old-arm-key", "NEW_SMS_KEY": "new-arm-key", "CANARY_ADMIN_TOKEN": "bench"}
        async with running(command, log, environ) as process:
            ready = re.search(r" proxy=http://[^ ]+:(\d+) ", await ready_line(process, log))
            assert ready is not None, "the ready line names the proxy"
            yield Peer(name, Target(int(ready[1])), process.pid)

    return start


# A bench polls in milliseconds what clients poll in seconds; with another interval each poll would be a hazard.
_PROVIDER = "name: bench\ntitle: An upstream of the bench\npoll_interval: 0s\n"


def _policy(upstream: Upstream, weight: str, shadow: str) -> str:
    arms = "".join(
        f"  {arm}: {{url: '{upstream.url(arm)}', provider: ./provider.yaml, api_key: {{env: {arm.upper()}_SMS_KEY}}"
        + (f", ca: '{upstream.ca}'}}\n" if upstream.ca else "}\n")
        for arm in ("old", "new")
    )
    stage = f"{{name: bench, weight: {weight}, shadow: {shadow}, hold: 24h}}"
    return f"name: bench\narms:\n{arms}stages:\n  - {stage}\n"
