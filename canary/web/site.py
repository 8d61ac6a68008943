"""An address that an aiohttp application answers at."""

from aiohttp import web


class Site:
    """Serves an application.

    Args:
        reuse_port: whether several processes listen on the same port.
    """

    def __init__(
        self, application: web.Application, host: str, port: int, *, reuse_port: bool = False
    ) -> None:
        self._host = host
        self._port = port
        self._reuse_port = reuse_port
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0)

    def __str__(self) -> str:
        return f"{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be listened on; ``strerror`` says why in a few words.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, reuse_port=self._reuse_port).start()
        except OSError as failure:
            why = str(failure.strerror).rpartition("] ")[2]  # asyncio puts a traceback's worth before it
            raise OSError(failure.errno, why) from failure

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._runner.addresses[0][:2]
        return host, port

    async def stop(self) -> None:
        """Finish what is in flight and close the address; harmless when it never listened."""
        await self._runner.cleanup()
