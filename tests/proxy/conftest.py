"""An ingress before whatever answers."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from canary.core.model import Request, Response
from canary.proxy.ingress import Ingress, Listen

type Opening = Callable[..., Any]


@pytest.fixture(scope="session")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mitmproxy's certificate authority, made once."""
    return tmp_path_factory.mktemp("confdir")


@pytest.fixture
def opened(confdir: Path) -> Opening:
    """Opens an ingress before a handler: ``async with opened(handle, intercept=...) as ingress``."""

    @asynccontextmanager
    async def open_ingress(
        handle: Callable[[Request], Awaitable[Response]], **changes: Any
    ) -> AsyncIterator[Ingress]:
        ca = confdir if "intercept" in changes else None
        fields = {"host": "127.0.0.1", "port": 0, "confdir": ca, **changes}
        ingress = Ingress(Listen(**fields), handle)
        await ingress.start()
        try:
            yield ingress
        finally:
            await ingress.stop()

    return open_ingress


@pytest.fixture(autouse=True)
def _levels() -> Any:
    """mitmproxy raises levels of loggers; each test finds them as they were."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in [h for h in root.handlers if h not in handlers]:
        root.removeHandler(handler)
