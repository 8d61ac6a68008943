"""Child processes of the bench: started, waited for, measured from /proc, stopped."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

PATIENCE = 20.0
"""Seconds that a process may take until it serves."""

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class NotServing(Exception):
    """A process under test did not come up; the message names it and shows its last words."""


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running(
    command: Sequence[str | Path], log: Path, environ: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child process with its stderr in ``log``, ended when the block is left."""
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, **(environ or {})},
        )
        try:
            yield process
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def ready_line(process: asyncio.subprocess.Process, log: Path) -> str:
    """The first line that a process prints: it serves then.

    Raises:
        NotServing: it ended, or took too long.
    """
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line:
        raise NotServing(f"{log.stem} did not start: {_last_words(log)}")
    return line.decode().strip()


async def listening(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    """Wait until ``port`` accepts connections.

    Raises:
        NotServing: the process ended, or took too long.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while process.returncode is None and asyncio.get_running_loop().time() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise NotServing(f"{log.stem} did not start: {_last_words(log)}")


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def cpu_seconds(pid: int) -> float:
    """User and system time that a process and its living children have used."""
    return sum(_cpu(one) for one in _family(pid)) / _TICK


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its children, shared pages counted in each."""
    return (
        sum(int((Path("/proc") / str(one) / "statm").read_text().split()[1]) for one in _family(pid)) * _PAGE
    )


def peak_bytes(pid: int) -> int:
    """The most memory that a process alone ever had."""
    lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _family(pid: int) -> list[int]:
    family = [pid]
    for parent in family:
        for task in Path(f"/proc/{parent}/task").iterdir():
            family += [int(child) for child in (task / "children").read_text().split()]
    return family


def _cpu(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
