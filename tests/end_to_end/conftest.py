"""What tests of the whole process are run with."""

import pytest

from canary.cli.doors import INGRESSES


@pytest.fixture(params=INGRESSES)
def ingress(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The arguments that choose each ingress in turn."""
    return "--ingress", request.param
