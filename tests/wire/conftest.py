"""Each test of this folder stands behind either ingress in turn."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from canary.gateway.ingress import Handler
from tests.ingresses import started
from tests.rig import Rig
from tests.wire.serving import INGRESSES, AnyIngress, serving

type Making = Callable[[str, int, Handler], AnyIngress]
type Opening = Callable[[Handler], AbstractAsyncContextManager[AnyIngress]]
type Serving = Callable[..., AbstractAsyncContextManager[tuple[Rig, AnyIngress]]]


@pytest.fixture(scope="module", params=INGRESSES)
def kind(request: pytest.FixtureRequest) -> str:
    """The ingress that is tested."""
    name: str = request.param
    return name


@pytest.fixture
def made(kind: str) -> Making:
    """Makes an ingress for an address and a handler."""
    return INGRESSES[kind]


@pytest.fixture
def opened(made: Making) -> Opening:
    """Opens an ingress before a handler."""

    return lambda handle: started(made("127.0.0.1", 0, handle))


@pytest.fixture
def served(kind: str) -> Serving:
    """A gateway behind its ingress: ``async with served(folder, ...) as (gateway, ingress)``."""
    return partial(serving, kind=kind)
