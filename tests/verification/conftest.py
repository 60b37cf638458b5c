"""Emitted code runs in forks of a process that holds the framework already: starting one takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sabotage.forking import Servers

_STARTED_ANEW = {"test_limits", "test_worker"}
"""Modules that ask how such a process starts and ends."""


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture(autouse=True)
def forked(request: pytest.FixtureRequest, servers: Servers) -> Iterator[None]:
    if request.module.__name__.rpartition(".")[2] in _STARTED_ANEW:
        yield
        return
    with servers.used():
        yield
