"""Settings of the whole suite.

Emitted code runs in forks of a process that holds the framework already: starting one takes longer than most tests. Tests that
ask how its process starts, ends and is limited are marked ``own_process``.
"""

import os
from collections.abc import Iterator
from contextlib import nullcontext

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from hypothesis import HealthCheck, settings

from tests.sabotage.forking import Servers

# The same examples at every run, so that a red line is a change of ours; `make test-long` looks for new ones.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
settings.register_profile("long", deadline=None, max_examples=1000, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture(scope="module", autouse=True)
def forked(servers: Servers) -> Iterator[None]:
    with servers.used():
        yield


@pytest.fixture(autouse=True)
def started(request: pytest.FixtureRequest) -> Iterator[None]:
    with Servers.unused() if request.node.get_closest_marker("own_process") else nullcontext():
        yield
