"""An ingress before whatever answers."""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from canary.gateway.ingress import Handler
from canary.proxy.ingress import Ingress, Listen
from tests.ingresses import started

type Opening = Callable[..., Any]


@pytest.fixture(scope="session")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mitmproxy's certificate authority, made once."""
    return tmp_path_factory.mktemp("confdir")


@pytest.fixture
def opened(confdir: Path) -> Opening:
    """Opens an ingress before a handler: ``async with opened(handle, intercept=...) as ingress``."""

    def open_ingress(handle: Handler, **changes: Any) -> AbstractAsyncContextManager[Ingress]:
        ca = confdir if "intercept" in changes else None
        fields = {"host": "127.0.0.1", "port": 0, "confdir": ca, **changes}
        return started(Ingress(Listen(**fields), handle))

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
