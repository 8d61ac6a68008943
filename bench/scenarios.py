"""What is measured, and how: each scenario starts its peers, lets them take turns, and yields their runs."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace

from bench import mix, nginx, peers
from bench.figures import Run, Sample
from bench.load import Shape, drive
from bench.peers import Peer, Start, Upstream, Upstreams
from bench.processes import NotServing, cpu_seconds, resident_bytes

WARM_UP = 20_000
"""Calls after which memory is expected to grow no more."""

ROUND_TRIP = 50.0
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Says what is going on: ``turn`` replaces what was said before, ``note`` stays."""

    turn: Callable[[str], None]
    note: Callable[[str], None]


type Turns = AsyncIterator[Run]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often things are measured, in seconds and rounds; 0 rounds: left out."""

    https: tuple[int, float]
    http: tuple[int, float]
    round_trip: tuple[int, float]
    shadow: tuple[int, float]
    memory_calls: int


FULL = Effort(https=(5, 2.0), http=(3, 1.0), round_trip=(1, 8.0), shadow=(5, 4.0), memory_calls=200_000)
QUICK = Effort(https=(3, 1.0), http=(1, 0.7), round_trip=(1, 4.0), shadow=(3, 2.0), memory_calls=0)


async def measure(upstreams: Upstreams, effort: Effort, only: Collection[str], voice: Voice) -> Turns:
    """The scenarios in turn; ``only`` names those wanted, if not all."""
    paths = [peers.direct, peers.mitmdump, peers.mitmdump_pooled, peers.pass_through()]
    paths += [peers.pass_through(peers.PASS_WORKERS, workers=2), peers.canary()]
    paths.append(peers.canary(peers.WORKERS, options=("--workers", "2")))
    paths.append(peers.canary(peers.THIN, options=("--ingress", "asgi")))
    if nginx.available():
        paths[1:1] = [peers.split_clients, peers.mirror]
    scenarios = {
        "https": throughput("https", upstreams.tls, paths, *effort.https, voice),
        "http": throughput("http", upstreams.plain, paths, *effort.http, voice),
        "round trip": round_trip(upstreams.tls, *effort.round_trip, voice),
        "shadow": shadow(upstreams.tls, *effort.shadow, voice),
        "memory": memory(upstreams.tls, effort.memory_calls, voice),
    }
    for name, scenario in scenarios.items():
        if only and name not in only:
            continue
        async with aclosing(scenario) as runs:
            async for run in runs:
                yield run


async def throughput(
    name: str, upstream: Upstream, paths: Sequence[Start], rounds: int, seconds: float, voice: Voice
) -> Turns:
    """As fast as each peer answers, for keep-alive and close clients."""
    shapes = [Shape(close, seconds) for close in (False, True)]
    async with AsyncExitStack() as stack:
        started = await _start(stack, upstream, paths, voice)
        for shape in shapes:
            await _warm(started, replace(shape, seconds=seconds / 3))
        async for run in _turns(name, started, shapes, rounds, voice):
            yield run


async def round_trip(upstream: Upstream, rounds: int, seconds: float, voice: Voice) -> Turns:
    """A steady load, well below what any peer can carry, with a round trip between peer and upstream."""
    shapes = [Shape(close, seconds, clients=32, rate=150) for close in (False, True)]
    async with AsyncExitStack() as stack:
        far = await stack.enter_async_context(peers.delayed(upstream, ROUND_TRIP))
        started = await _start(stack, far, [peers.direct, peers.canary("canary far")], voice)
        started = [replace(peer, name=peers.CANARY) if peer.pid else peer for peer in started]
        await _warm(started, replace(shapes[0], seconds=2))
        async for run in _turns("round trip", started, shapes, rounds, voice):
            yield run


async def shadow(upstream: Upstream, rounds: int, seconds: float, voice: Voice) -> Turns:
    """Reads at a steady 100 calls/s, with and without a copy of each going to the other arm."""
    shape = Shape(close=True, seconds=seconds, clients=16, rate=100, script=mix.reads)
    plain = peers.canary(peers.PLAIN, weight="0%")
    async with AsyncExitStack() as stack:
        started = await _start(
            stack, upstream, [plain, peers.canary(peers.SHADOWING, weight="0%", shadow="100%")], voice
        )
        await _warm(started, shape)
        async for run in _turns("shadow", started, [shape], rounds, voice):
            yield run


async def memory(upstream: Upstream, calls: int, voice: Voice) -> Turns:
    """Resident memory after the first ``WARM_UP`` calls, and twice more until all have been made."""
    if not calls:
        return
    rest = Shape(close=False, seconds=240, limit=(calls - WARM_UP) // 2)
    async with AsyncExitStack() as stack:
        for peer in await _start(stack, upstream, [peers.canary("canary memory")], voice):
            for part, shape in enumerate((replace(rest, limit=WARM_UP), rest, rest)):
                voice.turn(f"memory, {shape.limit} calls")
                yield Run("memory", peers.CANARY, shape.name, part, *await _measured(peer, shape))


# --- how --------------------------------------------------------------------------------------------------------------


async def _start(
    stack: AsyncExitStack, upstream: Upstream, paths: Iterable[Start], voice: Voice
) -> list[Peer]:
    started = []
    for start in paths:
        try:
            started.append(await stack.enter_async_context(start(upstream)))
        except NotServing as error:
            voice.note(f"left out: {error}")
    return started


async def _warm(started: Sequence[Peer], shape: Shape) -> None:
    for peer in started:
        await drive(peer.target, shape)


async def _turns(
    name: str, started: Sequence[Peer], shapes: Sequence[Shape], rounds: int, voice: Voice
) -> Turns:
    for number in range(rounds):
        for shape in shapes:
            for peer in started:
                voice.turn(f"{name}, round {number + 1} of {rounds}: {shape.name} client, {peer.name}")
                yield Run(name, peer.name, shape.name, number, *await _measured(peer, shape))


async def _measured(peer: Peer, shape: Shape) -> tuple[Sample, int | None]:
    if peer.pid is None:
        return await drive(peer.target, shape), None
    before = cpu_seconds(peer.pid)
    sample = await drive(peer.target, shape)
    return replace(sample, cpu=cpu_seconds(peer.pid) - before), resident_bytes(peer.pid)
