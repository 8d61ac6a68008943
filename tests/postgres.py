"""A PostgreSQL server of the tests' own: begun in a temporary folder, ended by its own pid."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.ports import free_port

ACCOUNT = "postgres"
"""Who runs the server when the tests run as root, which PostgreSQL refuses to do."""

_numbers = itertools.count(1)


class Server:
    """One server on a loopback port and a socket in its folder.

    Raises:
        AssertionError: PostgreSQL is not installed, or does not start.
    """

    def __init__(self) -> None:
        self._bin = _programs()
        self._account = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.getuid() == 0 else {}
        self._folder = Path(tempfile.mkdtemp(prefix="canary-pg-"))
        if self._account:
            shutil.chown(self._folder, ACCOUNT, ACCOUNT)
        self.port = free_port()
        self._data = self._folder / "data"
        initdb = [
            "-A",
            "trust",
            "-U",
            "canary",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale",
            "C",
            "-D",
            str(self._data),
        ]
        subprocess.run(
            [str(self._bin / "initdb"), *initdb], cwd="/", check=True, capture_output=True, **self._account
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        log = (self._folder / "log").open("ab")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder,
            "fsync": "off",  # nobody cuts the machine's power
            "shared_buffers": "32MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [str(self._bin / "postgres"), "-D", str(self._data), *options],
            cwd="/",
            stdout=log,
            stderr=log,
            **self._account,
        )
        log.close()
        deadline = time.monotonic() + 60
        while not self._answers():
            ended = self._process.poll() is not None or time.monotonic() > deadline
            assert not ended, f"PostgreSQL did not start: {(self._folder / 'log').read_text()}"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT cuts its clients off, SIGQUIT is a crash."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)

    def remove(self) -> None:
        """End it and forget its data."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """Where a database of it is reached."""
        return f"postgresql://canary@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(_numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


def running() -> Iterator[Server]:
    """A running PostgreSQL, for a fixture."""
    server = Server()
    yield server
    server.remove()


def _programs() -> Path:
    """The folder of the newest version's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    assert found, "the tests need a PostgreSQL server; install the Debian package postgresql"
    return found[-1].parent
